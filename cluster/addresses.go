package cluster

import (
	"net/netip"
	"slices"

	"vipd/cluster/state"
	"vipd/vip"
)

// addressesOf returns what holdings put on this host.
func addressesOf(held []state.Holding) []vip.Address {
	var list []vip.Address
	for _, h := range held {
		for _, a := range h.Addresses {
			list = append(list, vip.Address(a))
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

// apart returns the addresses of list that none of the others has, in whatever shape: an address may be
// there with another prefix length or on another interface.
func apart(list []vip.Address, others ...[]vip.Address) []netip.Addr {
	has := map[netip.Addr]bool{}
	for _, other := range others {
		for _, a := range other {
			has[a.Prefix.Addr()] = true
		}
	}
	return slices.DeleteFunc(ips(list), func(ip netip.Addr) bool { return has[ip] })
}

// place is where an address is, whatever its shape.
type place struct {
	prefix netip.Prefix
	on     string
}

func placeOf(a vip.Address) place { return place{a.Prefix, a.Interface} }

// present returns which of the addresses that a Set did not want are still on the host, as far as could be
// read. An Outcome says so in Failed; its Present are the wanted ones alone.
func present(unwanted []vip.Address, out vip.Outcome, err error) []vip.Address {
	if err != nil {
		return unwanted
	}
	still := make(map[place]bool, len(out.Failed))
	for _, f := range out.Failed {
		still[placeOf(f.Address)] = true
	}
	for _, a := range out.Removed {
		delete(still, placeOf(a)) // it failed to come back in another shape
	}
	return slices.DeleteFunc(slices.Clone(unwanted), func(a vip.Address) bool { return !still[placeOf(a)] })
}
