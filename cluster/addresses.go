package cluster

import (
	"fmt"
	"maps"
	"net/netip"

	"vipd/cluster/state"
	"vipd/vip"
)

// addressesOf returns what holdings put on this host.
func addressesOf(held []state.Holding) []vip.Address {
	var list []vip.Address
	for _, h := range held {
		for _, a := range h.Addresses {
			list = append(list, vip.Address{Prefix: a.Prefix, Interface: a.Interface, Label: a.Label})
		}
	}
	return list
}

// without returns what is in list and not in other, in list's order.
func without(list, other []vip.Address) []vip.Address {
	drop := make(map[vip.Address]bool, len(other))
	for _, a := range other {
		drop[a] = true
	}
	var rest []vip.Address
	for _, a := range list {
		if !drop[a] {
			rest = append(rest, a)
		}
	}
	return rest
}

func ips(list []vip.Address) []netip.Addr {
	addrs := make([]netip.Addr, len(list))
	for i, a := range list {
		addrs[i] = a.Prefix.Addr()
	}
	return addrs
}

// note remembers which groups this host could not carry in full, and reports when that changed.
func (t *tenant) note(held []state.Holding, out vip.Outcome) {
	group := map[vip.Address]string{}
	for _, h := range held {
		for _, a := range addressesOf([]state.Holding{h}) {
			group[a] = h.Group
		}
	}
	problems := map[string]string{}
	for _, f := range out.Failed {
		if g := group[f.Address]; g != "" {
			problems[g] = fmt.Sprintf("%s on %s: %v", f.Address.Prefix.Addr(), f.Address.Interface, f.Err)
			t.log.Warn("cannot carry an address", "group", g, "address", f.Address, "error", f.Err)
		}
	}
	t.mu.Lock()
	same := maps.Equal(problems, t.problems)
	t.problems = problems
	t.mu.Unlock()
	if !same {
		t.reported()
	}
}
