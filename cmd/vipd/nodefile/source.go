package nodefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vipd/vip"
)

// ifaProto is IFA_PROTO of include/uapi/linux/if_addr.h.
const ifaProto = 11

// hostAddress is an address of this host.
type hostAddress struct {
	prefix netip.Prefix
	link   int
	flags  uint32 // IFA_F_*
	scope  uint8  // RT_SCOPE_*
	proto  uint8
}

// gateway is where a default route leads.
type gateway struct {
	link   int
	via    netip.Addr // zero on a point-to-point link
	source netip.Addr // zero when the kernel chooses
}

var errNoDefaultRoute = errors.New("no default route leads out by an address of this host's own")

// defaultSource returns the address from which this host speaks by its default route: IPv4 before IPv6,
// and never an address that vipd put there.
func defaultSource() (netip.Addr, error) {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		addresses, err := hostAddresses(family)
		if err != nil {
			return netip.Addr{}, err
		}
		gateways, err := defaultGateways(family)
		if err != nil {
			return netip.Addr{}, err
		}
		for _, g := range gateways {
			if ip := pickSource(g, addresses); ip.IsValid() {
				return ip, nil
			}
		}
	}
	return netip.Addr{}, errNoDefaultRoute
}

// pickSource returns which address a host should use towards a gateway: the route's own choice, else
// one from the gateway's network, else the first one; or the zero Addr.
func pickSource(g gateway, addresses []hostAddress) netip.Addr {
	var best netip.Addr
	near := false
	for _, a := range addresses {
		ip := a.prefix.Addr()
		switch {
		case !a.usable():
		case ip == g.source:
			return ip
		case a.link != g.link:
		case !best.IsValid(), !near && a.prefix.Contains(g.via):
			best, near = ip, a.prefix.Contains(g.via)
		}
	}
	return best
}

// usable reports whether peers can rely on an address: it is the host's, it lasts, and it is reachable
// from elsewhere. An IPv4 address is secondary for having come later than another one of its network,
// which may be a virtual one, so that says nothing.
func (a hostAddress) usable() bool {
	unfit := uint32(unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED | unix.IFA_F_DEPRECATED)
	if a.prefix.Addr().Is6() {
		unfit |= unix.IFA_F_TEMPORARY
	}
	return a.proto != vip.Mark && a.flags&unfit == 0 && a.scope == unix.RT_SCOPE_UNIVERSE
}

// defaultGateways returns the default routes of the main table, the preferred one first.
func defaultGateways(family int) ([]gateway, error) {
	routes, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_DST|netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, fmt.Errorf("list the default routes: %w", err)
	}
	slices.SortStableFunc(routes, func(a, b netlink.Route) int { return a.Priority - b.Priority })
	var gateways []gateway
	for _, r := range routes {
		if r.Type != unix.RTN_UNICAST {
			continue
		}
		source, _ := netip.AddrFromSlice(r.Src)
		hops := r.MultiPath
		if len(hops) == 0 {
			hops = []*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw}}
		}
		for _, hop := range hops {
			via, _ := netip.AddrFromSlice(hop.Gw)
			gateways = append(gateways, gateway{link: hop.LinkIndex, via: via.Unmap(), source: source.Unmap()})
		}
	}
	return gateways, nil
}

// hostAddresses lists this host's addresses, in the kernel's order.
func hostAddresses(family int) ([]hostAddress, error) {
	data, err := syscall.NetlinkRIB(unix.RTM_GETADDR, family)
	if err != nil {
		return nil, fmt.Errorf("list the host's addresses: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(data)
	if err != nil {
		return nil, fmt.Errorf("list the host's addresses: %w", err)
	}
	var addresses []hostAddress
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWADDR {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			return nil, fmt.Errorf("list the host's addresses: %w", err)
		}
		if a := newHostAddress(m.Data, attrs); a.prefix.IsValid() {
			addresses = append(addresses, a)
		}
	}
	return addresses, nil
}

// newHostAddress reads a struct ifaddrmsg (rtnetlink(7)) and its attributes.
func newHostAddress(header []byte, attrs []syscall.NetlinkRouteAttr) hostAddress {
	a := hostAddress{
		flags: uint32(header[2]),
		scope: header[3],
		link:  int(binary.NativeEndian.Uint32(header[4:])),
	}
	var ip []byte
	for _, attr := range attrs {
		switch attr.Attr.Type {
		case unix.IFA_LOCAL: // on point-to-point links IFA_ADDRESS is the peer's
			ip = attr.Value
		case unix.IFA_ADDRESS:
			if ip == nil {
				ip = attr.Value
			}
		case unix.IFA_FLAGS:
			a.flags = binary.NativeEndian.Uint32(attr.Value)
		case ifaProto:
			a.proto = attr.Value[0]
		}
	}
	addr, _ := netip.AddrFromSlice(ip)
	a.prefix = netip.PrefixFrom(addr, int(header[1]))
	return a
}
