package cluster

import (
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
