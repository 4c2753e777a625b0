package sim

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// TwoHolders is the failure that must never be.
type TwoHolders struct {
	Address netip.Addr
	A, B    string
	At      time.Duration // true time
}

func (e *TwoHolders) Error() string {
	return fmt.Sprintf("%s and %s both answer for %s at %v", e.A, e.B, e.Address, e.At)
}

// NoHolder says that nobody answers for an address long after the faults ended.
type NoHolder struct {
	Group   string
	Address netip.Addr
}

func (e *NoHolder) Error() string {
	return fmt.Sprintf("nobody answers for %s of group %s", e.Address, e.Group)
}

// check fails the run if two nodes answer for one address now. It is called whenever a node may have begun
// to answer; that one stops needs no look.
func (w *world) check() {
	for i, n := range w.nodes {
		if w.now >= n.kernel.shuts {
			continue
		}
		for _, m := range w.nodes[i+1:] {
			if w.now >= m.kernel.shuts {
				continue
			}
			for ip := range n.kernel.carried {
				if m.kernel.answers(ip) && w.failure == nil {
					w.failure = &TwoHolders{Address: ip, A: n.name, B: m.name, At: w.now}
					w.logf("%v", w.failure)
				}
			}
		}
	}
}

// settled returns an error unless each address of each group has a holder.
func (w *world) settled() error {
	newest := w.newest()
	for _, name := range slices.Sorted(maps.Keys(newest.state.Groups)) {
		for _, ip := range newest.state.Groups[name].IPs() {
			if !slices.ContainsFunc(w.nodes, func(n *node) bool { return n.kernel.answers(ip) }) {
				return &NoHolder{Group: name, Address: ip}
			}
		}
	}
	return nil
}

// newest returns the running node whose state is newest.
func (w *world) newest() *node {
	return slices.MaxFunc(w.nodes, func(a, b *node) int {
		return int(a.state.Index) - int(b.state.Index)
	})
}
