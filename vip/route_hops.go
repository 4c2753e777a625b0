package vip

import (
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// addMetrics says what a route tells connections.
func (p path) addMetrics(r *nl.NetlinkRequest) {
	if p.metrics == (path{}).metrics {
		return
	}
	all := nl.NewRtAttr(unix.RTA_METRICS, nil)
	for kind, value := range p.metrics {
		if value != 0 {
			all.AddRtAttr(kind, nl.Uint32Attr(value))
		}
	}
	r.AddData(all)
}

func (p *path) parseMetrics(value []byte) {
	attributes, err := nl.ParseRouteAttr(value)
	if err != nil {
		return // it then is not as wanted
	}
	for _, attr := range attributes {
		if kind := int(attr.Attr.Type); kind < len(p.metrics) {
			p.metrics[kind] = number(attr.Value)
		}
	}
}

// addHops says the ways of a route, each as a struct rtnexthop with attributes.
func (p path) addHops(r *nl.NetlinkRequest) {
	var all []byte
	for _, h := range p.hops {
		if h == (hop{}) {
			break
		}
		var gateway []byte
		if h.via.IsValid() {
			gateway = nl.NewRtAttr(unix.RTA_GATEWAY, h.via.AsSlice()).Serialize()
		}
		one := make([]byte, unix.SizeofRtNexthop, unix.SizeofRtNexthop+len(gateway))
		native := nl.NativeEndian()
		native.PutUint16(one, uint16(cap(one)))
		if h.onlink {
			one[2] = unix.RTNH_F_ONLINK
		}
		one[3] = h.more
		native.PutUint32(one[4:], h.index)
		all = append(all, append(one, gateway...)...)
	}
	if all != nil {
		r.AddData(nl.NewRtAttr(unix.RTA_MULTIPATH, all))
	}
}

// parseHops reads the ways of a route. Those beyond MaxHops are left out: it then is not as wanted.
func (p *path) parseHops(value []byte) {
	native := nl.NativeEndian()
	for i := 0; i < MaxHops && len(value) >= unix.SizeofRtNexthop; i++ {
		length := int(native.Uint16(value))
		if length < unix.SizeofRtNexthop || length > len(value) {
			break
		}
		h := hop{more: value[3], index: native.Uint32(value[4:]), onlink: value[2]&unix.RTNH_F_ONLINK != 0}
		attributes, err := nl.ParseRouteAttr(value[unix.SizeofRtNexthop:length])
		for _, attr := range attributes {
			if err == nil && attr.Attr.Type == unix.RTA_GATEWAY {
				h.via, _ = netip.AddrFromSlice(attr.Value)
			}
		}
		p.hops[i] = h
		value = value[min(len(value), (length+unix.RTNH_ALIGNTO-1)&^(unix.RTNH_ALIGNTO-1)):]
	}
	slices.SortFunc(p.hops[:], hop.compare)
}

// ruleInvert is FIB_RULE_INVERT, include/uapi/linux/fib_rules.h.
const ruleInvert = 0x2

// addSelector says which packets a rule is for, beyond where they come from and go to, and what becomes of them.
func (p path) addSelector(r *nl.NetlinkRequest, body *nl.RtMsg) {
	if p.not {
		body.Flags |= ruleInvert
	}
	add := func(kind int, there bool, value []byte) {
		if there {
			r.AddData(nl.NewRtAttr(kind, value))
		}
	}
	ports := func(s Span) []byte { // struct fib_rule_port_range
		return append(nl.Uint16Attr(uint16(s.First)), nl.Uint16Attr(uint16(s.Last))...)
	}
	add(nl.FRA_FWMASK, p.mask != 0, nl.Uint32Attr(p.mask))
	add(nl.FRA_OIFNAME, p.out != "", nl.ZeroTerminated(p.out))
	add(nl.FRA_GOTO, p.target != 0, nl.Uint32Attr(p.target))
	add(nl.FRA_SUPPRESS_PREFIXLEN, p.suppress != suppressNone, nl.Uint32Attr(p.suppress))
	add(nl.FRA_IP_PROTO, p.protocol != 0, nl.Uint8Attr(p.protocol))
	add(nl.FRA_SPORT_RANGE, p.sports != Span{}, ports(p.sports))
	add(nl.FRA_DPORT_RANGE, p.ports != Span{}, ports(p.ports))
	add(nl.FRA_UID_RANGE, p.uids != anyone, append(nl.Uint32Attr(p.uids.First), nl.Uint32Attr(p.uids.Last)...))
}

func (p *path) parseSelector(kind int, value []byte) {
	span := func(size int) (s Span) {
		if len(value) < 2*size {
			return s
		}
		native := nl.NativeEndian()
		if size == 2 {
			return Span{uint32(native.Uint16(value)), uint32(native.Uint16(value[2:]))}
		}
		return Span{native.Uint32(value), native.Uint32(value[4:])}
	}
	switch kind {
	case nl.FRA_FWMASK:
		p.mask = number(value)
	case nl.FRA_OIFNAME:
		p.out = nl.BytesToString(value)
	case nl.FRA_GOTO:
		p.target = number(value)
	case nl.FRA_SUPPRESS_PREFIXLEN:
		p.suppress = number(value)
	case nl.FRA_IP_PROTO:
		if len(value) > 0 {
			p.protocol = value[0]
		}
	case nl.FRA_SPORT_RANGE:
		p.sports = span(2)
	case nl.FRA_DPORT_RANGE:
		p.ports = span(2)
	case nl.FRA_UID_RANGE:
		p.uids = span(4)
	}
}
