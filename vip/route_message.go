package vip

import (
	"fmt"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// fraProtocol is FRA_PROTOCOL, include/uapi/linux/fib_rules.h.
const fraProtocol = 21

func family(ipv6 bool) uint8 {
	if ipv6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// request adds or removes a path. The mark is part of both: the kernel removes only what has it.
func (p path) request(route, rule, flags uint16) *nl.NetlinkRequest {
	body := nl.NewRtMsg() // struct fib_rule_hdr has the same shape
	*body = nl.RtMsg{RtMsg: unix.RtMsg{Family: family(p.ipv6), Type: p.kind}}
	if p.table < 256 {
		body.Table = uint8(p.table)
	}
	r := newRequest(route, flags|unix.NLM_F_ACK, body)
	address := func(kind int, ip netip.Addr) {
		if ip.IsValid() {
			r.AddData(nl.NewRtAttr(kind, ip.AsSlice()))
		}
	}
	number := func(kind int, n uint32) {
		if n != 0 {
			r.AddData(nl.NewRtAttr(kind, nl.Uint32Attr(n)))
		}
	}
	if p.to.IsValid() && p.to.Bits() > 0 {
		body.Dst_len = uint8(p.to.Bits())
		address(unix.RTA_DST, p.to.Addr())
	}
	number(unix.RTA_TABLE, p.table)     // FRA_TABLE as well
	number(unix.RTA_PRIORITY, p.metric) // FRA_PRIORITY as well
	if !p.isRule {
		body.Protocol, body.Scope = RouteMark, p.scope
		if p.onlink {
			body.Flags |= unix.RTNH_F_ONLINK
		}
		number(unix.RTA_OIF, p.index)
		address(unix.RTA_GATEWAY, p.via)
		address(unix.RTA_PREFSRC, p.source)
		p.addMetrics(r)
		if flags != 0 { // one is removed with all of its ways
			p.addHops(r)
		}
		return r
	}
	r.Type = rule
	if p.from.IsValid() {
		body.Src_len = uint8(p.from.Bits())
		address(unix.RTA_SRC, p.from.Addr()) // FRA_SRC
	}
	if p.in != "" {
		r.AddData(nl.NewRtAttr(nl.FRA_IIFNAME, nl.ZeroTerminated(p.in)))
	}
	number(nl.FRA_FWMARK, p.mark)
	p.addSelector(r, body)
	r.AddData(nl.NewRtAttr(fraProtocol, nl.Uint8Attr(RouteMark)))
	return r
}

// paths lists the marked routes and rules.
func (s *socket) paths() ([]path, error) {
	var all []path
	for _, fam := range []uint8{unix.AF_INET, unix.AF_INET6} {
		for _, kind := range []uint16{unix.RTM_GETRULE, unix.RTM_GETROUTE} {
			body := nl.NewRtMsg()
			*body = nl.RtMsg{RtMsg: unix.RtMsg{Family: fam}}
			if kind == unix.RTM_GETROUTE {
				body.Protocol = RouteMark
			}
			before := len(all)
			restart := func() { all = all[:before] }
			err := s.dump(newRequest(kind, unix.NLM_F_DUMP, body), restart, func(m syscall.NetlinkMessage) error {
				p, ours, err := parsePath(m)
				if ours {
					all = append(all, p)
				}
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("list the routes and rules: %w", err)
			}
		}
	}
	return all, nil
}

// parsePath decodes RTM_NEWROUTE and RTM_NEWRULE, and reports whether it has the mark.
func parsePath(m syscall.NetlinkMessage) (path, bool, error) {
	if len(m.Data) < unix.SizeofRtMsg {
		return path{}, false, fmt.Errorf("route message of %d bytes", len(m.Data))
	}
	body := nl.DeserializeRtMsg(m.Data)
	attributes, err := nl.ParseRouteAttr(m.Data[unix.SizeofRtMsg:])
	if err != nil {
		return path{}, false, fmt.Errorf("route message: %w", err)
	}
	p := path{
		uids: anyone, suppress: suppressNone,
		isRule: m.Header.Type == unix.RTM_NEWRULE, ipv6: body.Family == unix.AF_INET6, table: uint32(body.Table), kind: body.Type,
	}
	if p.isRule {
		return p, p.parseRule(body, attributes), nil
	}
	p.uids, p.suppress = Span{}, 0
	p.scope, p.onlink = body.Scope, body.Flags&unix.RTNH_F_ONLINK != 0
	p.to = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	if p.ipv6 {
		p.to = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	for _, attr := range attributes {
		ip, _ := netip.AddrFromSlice(attr.Value)
		switch attr.Attr.Type {
		case unix.RTA_METRICS:
			p.parseMetrics(attr.Value)
		case unix.RTA_MULTIPATH:
			p.parseHops(attr.Value)
		case unix.RTA_DST:
			p.to = netip.PrefixFrom(ip, int(body.Dst_len))
		case unix.RTA_GATEWAY:
			p.via = ip
		case unix.RTA_PREFSRC:
			p.source = ip
		case unix.RTA_OIF:
			p.index = number(attr.Value)
		case unix.RTA_TABLE:
			p.table = number(attr.Value)
		case unix.RTA_PRIORITY:
			p.metric = number(attr.Value)
		}
	}
	if p.kind != unix.RTN_UNICAST {
		p.index = 0 // IPv6 has them on lo
	}
	return p, body.Protocol == RouteMark && body.Flags&unix.RTM_F_CLONED == 0, nil
}

// parseRule fills in a rule, and reports whether it has the mark.
func (p *path) parseRule(body *nl.RtMsg, attributes []syscall.NetlinkRouteAttr) (ours bool) {
	p.not = body.Flags&ruleInvert != 0
	for _, attr := range attributes {
		ip, _ := netip.AddrFromSlice(attr.Value)
		switch attr.Attr.Type {
		case unix.RTA_SRC:
			p.from = netip.PrefixFrom(ip, int(body.Src_len))
		case unix.RTA_DST:
			p.to = netip.PrefixFrom(ip, int(body.Dst_len))
		case nl.FRA_IIFNAME:
			p.in = nl.BytesToString(attr.Value)
		case unix.RTA_TABLE:
			p.table = number(attr.Value)
		case unix.RTA_PRIORITY:
			p.metric = number(attr.Value)
		case nl.FRA_FWMARK:
			p.mark = number(attr.Value)
		case nl.FRA_FWMASK, nl.FRA_OIFNAME, nl.FRA_GOTO, nl.FRA_SUPPRESS_PREFIXLEN, nl.FRA_IP_PROTO, nl.FRA_SPORT_RANGE, nl.FRA_DPORT_RANGE, nl.FRA_UID_RANGE:
			p.parseSelector(int(attr.Attr.Type), attr.Value)
		case fraProtocol:
			ours = len(attr.Value) > 0 && attr.Value[0] == RouteMark
		}
	}
	return ours
}

// number is a 32-bit attribute; 0 if it is too short.
func number(value []byte) uint32 {
	if len(value) < 4 {
		return 0
	}
	return nl.NativeEndian().Uint32(value)
}
