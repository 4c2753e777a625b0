// Package doctor looks for what on a host keeps its vipd from doing its work: settings of the kernel, other programs
// that manage the network, missing rights, peers that cannot be reached. It changes nothing.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"vipd/cluster/api"
	"vipd/cmd/vipd/nodefile"
)

// Severity says how bad a finding is.
type Severity string

// The severities. A problem keeps vipd from what it promises; a warning may do so one day, or cost time then; a note is
// worth knowing, or says what could not be looked at.
const (
	Problem Severity = "problem"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is something that was found.
type Finding struct {
	Severity Severity `json:"severity"`
	About    string   `json:"about"` // "sysctl", "peer"
	Text     string   `json:"text"`
	Remedy   string   `json:"remedy,omitempty"` // a command, or what to do; empty: nothing need be done
}

// Host is what is examined, and what is known of it.
type Host struct {
	// Root is below what /etc, /run, /sys and /lib/modules are; "/" outside of tests.
	Root string
	// File is the node file, resolved as far as it could be; FileErr is what is wrong with it.
	File    nodefile.File
	FileErr error
	// Status and Spec are what the daemon says; nil: it does not answer, which SilentErr explains.
	Status    *api.Status
	Spec      *api.Specification
	SilentErr error
	// Daemon is its process; 0: not known.
	Daemon int
}

// use is an address of a group, and what it is on.
type use struct {
	group, link string
	prefix      netip.Prefix
	held        bool
	virtualMAC  bool
}

// Examine returns what it finds, worst first.
func Examine(ctx context.Context, h Host) []Finding {
	var found []Finding
	for _, look := range []func(context.Context) []Finding{
		h.node, h.settings, h.managers, h.kernel, h.rights, h.clock, h.scripts, h.disk, h.peers, h.firewall, h.mtu, h.duplicates,
	} {
		found = append(found, look(ctx)...)
	}
	order := []Severity{Problem, Warning, Note}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Compare(slices.Index(order, a.Severity), slices.Index(order, b.Severity))
	})
	return slices.CompactFunc(found, func(a, b Finding) bool { return a == b })
}

// node looks at the node file, and at whether the daemon runs.
func (h Host) node(context.Context) []Finding {
	var found []Finding
	if h.FileErr != nil {
		found = append(found, Finding{Problem, "node file", h.FileErr.Error(), "edit the file, and try it with: vipd --check"})
	}
	switch {
	case h.Status == nil:
		return append(found, Finding{Note, "daemon", fmt.Sprintf("vipd does not answer, so peers and groups are not looked at: %v", h.SilentErr),
			"systemctl start vipd && systemctl status vipd"})
	case h.Status.Cluster == "":
		return append(found, Finding{Note, "daemon", "this node belongs to no cluster yet", "vipctl init, or vipctl join with what `vipctl token` prints on a member"})
	}
	for _, warning := range h.Status.Warnings {
		found = append(found, Finding{Warning, "daemon", warning, "vipctl status"})
	}
	return found
}

// uses are the addresses of all groups.
func (h Host) uses() []use {
	if h.Spec == nil || h.Status == nil {
		return nil
	}
	holders := map[string]string{}
	for _, g := range h.Status.Groups {
		holders[g.Name] = g.Holder
	}
	var all []use
	for _, g := range h.Spec.Groups {
		for _, a := range g.Addresses {
			all = append(all, use{
				group: g.Name, link: a.Interface, prefix: a.Prefix, held: holders[g.Name] != "", virtualMAC: g.VRRP != nil && g.VRRP.VirtualMAC,
			})
		}
	}
	return all
}
