package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

const (
	nodeCount = 5
	// diskSize is that of a node's file system: small enough to be filled in a moment, and room for Raft's log at its
	// bound of 16 MiB, as bbolt stores it, and for two snapshots.
	diskSize = 64 << 20
	// sharedID is the virtual router that the cluster shares with the peers.
	sharedID = 51
)

// arena is where it all happens.
type arena struct {
	*harness.Cluster
	began  time.Time
	peers  []*peer
	disks  map[string]string // where a node's file system is, by name
	keeper *supervisor
	watch  *watcher
	out    io.Writer

	memberships memberships
	releases    releases

	mu     sync.Mutex
	notes  []string
	leader *harness.Node // whom the fault at the leader struck
}

// Addresses that are watched. The last one is in one group or another, or in none, as the clients' specifications say.
var (
	web4     = netip.MustParseAddr("10.9.0.50")
	web6     = netip.MustParseAddr("fd09::50:1")
	db4      = netip.MustParseAddr("10.9.0.51")
	shared4  = netip.MustParseAddr("10.9.0.52")
	roaming4 = netip.MustParseAddr("10.9.0.53")
	watched  = []netip.Addr{web4, web6, db4, shared4, roaming4}
)

// build makes the cluster, its peers and the probe. What was made is the caller's to close, even after an error.
func build(ctx context.Context, earlier string, out io.Writer) (*arena, error) {
	a := &arena{disks: map[string]string{}, out: out, began: time.Now()}
	a.findEarlier(ctx, earlier)
	c, err := harness.Create(ctx, harness.Options{Nodes: nodeCount, DataDir: a.mountDisk, Earlier: a.releases.earlier})
	if err != nil {
		return a, err
	}
	a.Cluster = c
	for i, priority := range []int{90, 60} {
		h, err := a.Lab.AddHost(fmt.Sprintf("legacy%d", i+1))
		if err != nil {
			return a, err
		}
		a.peers = append(a.peers, &peer{host: h, priority: priority})
	}
	if err := a.AwaitWhole(ctx); err != nil {
		return a, err
	}
	if _, err := a.Apply(ctx, specification(0)...); err != nil {
		return a, fmt.Errorf("apply: %w", err)
	}
	for _, p := range a.peers {
		if err := p.start(); err != nil {
			return a, err
		}
	}
	a.began = time.Now()
	a.keeper = supervise(a)
	a.watch, err = startWatcher(a)
	return a, err
}

// mountDisk gives a host's node a small file system of its own.
func (a *arena) mountDisk(h *lab.Host) string {
	dir := filepath.Join(h.Dir, "disk")
	if err := errors.Join(os.MkdirAll(dir, 0o755), unix.Mount("chaos", dir, "tmpfs", 0, fmt.Sprintf("size=%d", diskSize))); err != nil {
		a.note("%s keeps its data without a disk of its own: %v", h, err)
		return ""
	}
	a.disks[h.Name] = dir
	return filepath.Join(dir, "data")
}

// close removes everything.
func (a *arena) close() error {
	var errs []error
	if a.keeper != nil {
		a.keeper.end()
	}
	if a.watch != nil {
		errs = append(errs, a.watch.end())
	}
	for _, dir := range a.disks {
		errs = append(errs, unix.Unmount(dir, unix.MNT_DETACH))
	}
	if a.Cluster != nil {
		errs = append(errs, a.Cluster.Close())
	}
	return errors.Join(errs...)
}

// since is the time since the beginning.
func (a *arena) since() time.Duration { return time.Since(a.began) }

// say tells the terminal what happens.
func (a *arena) say(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fmt.Fprintf(a.out, "%8.1f s  %s\n", a.since().Seconds(), fmt.Sprintf(format, args...))
}

// note keeps a remark for the report.
func (a *arena) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if text := fmt.Sprintf(format, args...); !slices.Contains(a.notes, text) {
		a.notes = append(a.notes, text)
	}
}

func (a *arena) cast() Cast {
	cast := Cast{Groups: []string{"web", "db", "shared"}, Earlier: a.releases.earlier != ""}
	for i := range nodeCount {
		cast.Nodes = append(cast.Nodes, fmt.Sprintf("node%d", i+1))
	}
	for _, p := range a.peers {
		cast.Peers = append(cast.Peers, p.host.Name)
	}
	return cast
}

func (a *arena) peer(name string) *peer {
	i := slices.IndexFunc(a.peers, func(p *peer) bool { return p.host.Name == name })
	return a.peers[i]
}

// specification is the one that a client's value stands for. The value is in a priority of a node that there is not;
// the roaming address goes from one group to the other and away.
func specification(value int) []state.Group {
	shared := harness.Group("shared", shared4.String())
	shared.VRRP = &state.VRRP{RouterID: sharedID, Version: 3, AdvertInt: 200 * time.Millisecond}
	db := harness.Group("db", db4.String())
	db.Priorities = map[string]int{"node2": 150, "node3": 140}
	register := harness.Group("register", "10.9.0.59")
	register.Priorities = map[string]int{valueName(value): state.DefaultPriority}
	groups := []state.Group{harness.Group("web", web4.String(), web6.String()), db, shared, register}
	switch value % 5 {
	case 0, 1:
		groups = append(groups, harness.Group("one", roaming4.String()))
	case 2, 3:
		groups = append(groups, harness.Group("other", roaming4.String()))
	}
	return groups
}

func valueName(value int) string { return fmt.Sprintf("value-%d", value) }

// valueOf reads what [specification] wrote; not ok: it is another's.
func valueOf(groups []state.Group) (value int, ok bool) {
	for _, g := range groups {
		for name := range g.Priorities {
			if n, err := fmt.Sscanf(name, "value-%d", &value); g.Name == "register" && n == 1 && err == nil {
				return value, true
			}
		}
	}
	return 0, false
}

func (a *arena) probeOptions() probe.Options {
	o := a.ProbeOptions(watched...)
	o.MaxRate = 4000 // the hosts that answer share the machine's processors
	// A node that lost its lease may get back what prefers it some 20 ms later: that is no double answer.
	o.Window = 12 * time.Millisecond
	o.Threshold = 100 * time.Millisecond
	return o
}
