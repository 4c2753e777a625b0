package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

// speaksVersion numbers what nodes say to each other, beside the log: calls, datagrams, gossip's metadata. Everything that
// was added is left alone, or refused clearly, by those who do not know it; the number is for people.
const speaksVersion = 2

// readableLimit is how long a command waits for members to say that they read it: one that has just joined, or a daemon
// that has just started, reports within a second.
const readableLimit = 2 * time.Second

// errBehind is returned for commands that a member could not read.
var errBehind = errors.New("members have to be upgraded first")

// known is the newest version of commands that a member is known to read, by its own account or by what it has written.
// The first versions did not say.
func known(view *state.State, node string, account func(string) (account, bool)) int {
	a, _ := account(node)
	version := max(1, a.Reads)
	if view.Noted[node] != nil {
		version = max(version, state.NoteVersion)
	}
	return version
}

// usable is the newest version of commands that may be written: what is in use, and beyond that what all members read.
// Whoever is at less than that keeps the cluster from more, and is in behind.
func usable(view *state.State, wanted int, account func(string) (account, bool)) (version int, behind []string) {
	all := wanted
	for _, name := range slices.Sorted(maps.Keys(view.Nodes)) {
		if reads := known(view, name, account); reads < wanted {
			behind = append(behind, name)
			all = min(all, reads)
		}
	}
	if version = max(view.InUse(), all); version >= wanted {
		behind = nil
	}
	return version, behind
}

// permit is the one place that says whether a command of a version may be written into the log: not before all members
// can read it, and by that the snapshots made of it.
func (m *member) permit(version int) error {
	view := m.View()
	if version <= max(1, view.Uses) {
		return nil // also all that a failover takes
	}
	_, behind := usable(view, version, m.reporter.of)
	if len(behind) == 0 {
		return nil
	}
	running := map[string]string{}
	for _, g := range m.gossip.Members() {
		running[g.Name] = g.Meta.Version
	}
	var names []string
	for _, name := range behind {
		a, _ := m.reporter.of(name)
		switch {
		case a.Reads == 0 && running[name] == "":
			names = append(names, name+" (not heard of)")
		case a.Reads == 0:
			names = append(names, fmt.Sprintf("%s (vipd %s)", name, running[name]))
		default:
			names = append(names, fmt.Sprintf("%s (vipd %s, version %d)", name, running[name], a.Reads))
		}
	}
	return fmt.Errorf("this takes version %d of the cluster's commands, which not all members read; %w: %s; "+
		"one that will not come back is taken out with `vipctl remove`", version, errBehind, strings.Join(names, ", "))
}

// awaitReadable waits a moment for all members to read a version, and says who does not.
func (m *member) awaitReadable(ctx context.Context, version int) error {
	late := time.NewTimer(readableLimit)
	defer late.Stop()
	for {
		changed := m.changes.wait()
		err := m.permit(version)
		if err == nil {
			return nil
		}
		select {
		case <-changed:
		case <-late.C:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

// admit says why a node that reads commands up to a version cannot be a member, if it cannot. The first versions do not
// say, which is 0.
func (m *member) admit(node string, reads int) error {
	if in := m.View().InUse(); max(1, reads) < in {
		return fmt.Errorf("%w: the vipd on %s is too old to join: it reads version %d of the cluster's commands, and version %d is in use; "+
			"install the vipd of the members first (%s on %s)", state.ErrInvalid, node, max(1, reads), in, m.options.Version, m.self.node)
	}
	return nil
}

// commandVersions says what the cluster may use.
func (m *member) commandVersions(view *state.State) *api.Commands {
	version, behind := usable(view, state.CommandVersion, m.reporter.of)
	return &api.Commands{Version: version, Reads: state.CommandVersion, Behind: behind}
}
