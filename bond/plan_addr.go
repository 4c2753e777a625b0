package bond

import (
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// planAddresses puts on the bond what was moved and what the file states.
func (p *planner) planAddresses() {
	have := slices.Clone(p.actual.Link.Addresses)
	for _, a := range p.actual.Link.Addresses {
		if slices.ContainsFunc(p.addresses, a.same) {
			have = slices.DeleteFunc(have, a.same)
		}
	}
	want := slices.Clone(p.addresses)
	for _, prefix := range p.cfg.Addresses {
		want = append(want, Address{netlink.Addr{IPNet: ipNet(prefix)}})
	}
	for _, a := range want {
		if !slices.ContainsFunc(have, a.same) {
			p.do(addAddress{p.cfg.Name, a})
			have = append(have, a)
		}
	}
	p.planRoutes()
}

func (p *planner) planRoutes() {
	routes := p.routes
	for _, gw := range []netip.Addr{p.cfg.Gateway, p.cfg.Gateway6} {
		if !gw.IsValid() {
			continue
		}
		ours := func(r Route) bool { return r.isDefault() && r.gateway() == gw }
		other := func(r Route) bool {
			return r.isDefault() && r.gateway().Is4() == gw.Is4() && r.gateway() != gw && r.raw.Table == unix.RT_TABLE_MAIN
		}
		if !p.parked {
			for _, r := range p.actual.Link.Routes {
				if other(r) {
					p.do(delRoute{p.cfg.Name, r})
				}
			}
		}
		routes = slices.DeleteFunc(slices.Clone(routes), other)
		present := slices.ContainsFunc(routes, ours) || !p.parked && slices.ContainsFunc(p.actual.Link.Routes, ours)
		if !present {
			routes = append(routes, defaultRoute(gw))
		}
	}
	for _, r := range routes {
		p.do(addRoute{p.cfg.Name, r})
	}
}

func defaultRoute(gw netip.Addr) Route {
	dst := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if gw.Is6() {
		dst = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return Route{netlink.Route{Dst: ipNet(dst), Gw: gw.AsSlice(), Protocol: unix.RTPROT_STATIC, Table: unix.RT_TABLE_MAIN}}
}

func (a Address) same(b Address) bool { return a.Prefix() == b.Prefix() }

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
