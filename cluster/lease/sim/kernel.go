package sim

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"vipd/cluster/lease"
)

// lateness is how late the kernel's gate may shut: less than the smallest margin that a profile may have.
const lateness = 4 * time.Millisecond

// kernel is what goes on answering without the daemon: the addresses that it was given, while the gate is
// open. It survives the process, not the host.
type kernel struct {
	n       *node
	shuts   time.Duration // true time at which the gate shuts by itself
	carried map[netip.Addr]bool
}

// open lets the gate shut at an instant of the host's clock, and somewhat later in truth.
func (k *kernel) open(until lease.Instant) {
	if !k.n.local().Before(until) {
		return
	}
	k.shuts = k.n.clock.when(until) + k.n.w.between(0, lateness)
	k.n.w.check()
}

func (k *kernel) shut() { k.shuts = k.n.w.now }

func (k *kernel) add(ips []netip.Addr) {
	for _, ip := range ips {
		k.carried[ip] = true
	}
	k.n.w.check()
}

func (k *kernel) remove(ips []netip.Addr) {
	for _, ip := range ips {
		delete(k.carried, ip)
	}
}

func (k *kernel) reset() {
	k.shut()
	clear(k.carried)
}

func (k *kernel) addresses() []netip.Addr {
	return slices.SortedFunc(maps.Keys(k.carried), netip.Addr.Compare)
}

// answers reports whether the host answers for an address now.
func (k *kernel) answers(ip netip.Addr) bool { return k.carried[ip] && k.n.w.now < k.shuts }
