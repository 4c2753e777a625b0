package state

import (
	"fmt"
	"net/netip"
	"strings"
)

// PathVersion is the first version of commands with routes of several ways and metrics, and with rules of more words.
const PathVersion = 12

// Route is a route that goes with a group. Its text is that of ip(8).
type Route struct {
	Type      string       `json:"type,omitempty"` // empty: unicast; or blackhole, unreachable, prohibit, throw
	To        netip.Prefix `json:"to"`             // without host bits
	Via       netip.Addr   `json:"via,omitzero"`
	Interface string       `json:"interface,omitempty"`
	Source    netip.Addr   `json:"source,omitzero"`
	Table     uint32       `json:"table,omitempty"`  // 0: main
	Metric    uint32       `json:"metric,omitempty"` // 0: the kernel's default
	Scope     string       `json:"scope,omitempty"`  // IPv4 only
	OnLink    bool         `json:"onlink,omitempty"`

	TableName string `json:"table_name,omitempty"` // instead of Table, as the node that has the group knows it
	Hops      []Hop  `json:"hops,omitempty"`       // several, instead of Via, Interface and OnLink
	MTU       uint32 `json:"mtu,omitempty"`
	MTULock   bool   `json:"mtu_lock,omitempty"` // path MTU discovery does not lower it
	AdvMSS    uint32 `json:"advmss,omitempty"`
	HopLimit  uint32 `json:"hoplimit,omitempty"`
	InitCwnd  uint32 `json:"initcwnd,omitempty"`
	InitRwnd  uint32 `json:"initrwnd,omitempty"`
}

// Hop is one of the ways of a route.
type Hop struct {
	Via       netip.Addr `json:"via,omitzero"`
	Interface string     `json:"interface,omitempty"`
	Weight    uint32     `json:"weight,omitempty"` // 0: 1
	OnLink    bool       `json:"onlink,omitempty"`
}

// Rule is a rule of policy routing that goes with a group. Its text is that of ip(8).
type Rule struct {
	IPv6      bool         `json:"ipv6,omitempty"`
	From      netip.Prefix `json:"from,omitzero"` // zero: all
	To        netip.Prefix `json:"to,omitzero"`   // zero: all
	Interface string       `json:"interface,omitempty"`
	Mark      uint32       `json:"mark,omitempty"`
	Table     uint32       `json:"table,omitempty"`
	Type      string       `json:"type,omitempty"` // instead of Table: blackhole, unreachable, prohibit, nop
	Priority  uint32       `json:"priority"`

	Not       bool   `json:"not,omitempty"` // for packets that are not so
	Out       string `json:"out,omitempty"` // the interface that a socket is bound to
	Mask      uint32 `json:"mask,omitempty"`
	Protocol  uint8  `json:"protocol,omitempty"`
	TableName string `json:"table_name,omitempty"` // instead of Table, as the node that has the group knows it
	Goto      uint32 `json:"goto,omitempty"`       // instead of Table: the priority to go on at
	// As N or N-M; empty: any.
	SourcePorts string `json:"source_ports,omitempty"`
	Ports       string `json:"ports,omitempty"`
	UIDs        string `json:"uids,omitempty"`
	// SuppressPrefixLength is a number: routes of no longer a prefix do not count. Empty: all count.
	SuppressPrefixLength string `json:"suppress_prefixlength,omitempty"`
}

// needs is the oldest version that has all of the route.
func (r Route) needs() int {
	if r.Type == "throw" || r.TableName != "" || len(r.Hops) > 0 || r.MTU|r.AdvMSS|r.HopLimit|r.InitCwnd|r.InitRwnd != 0 || r.MTULock {
		return PathVersion
	}
	return 3
}

// needs is the oldest version that has all of the rule.
func (r Rule) needs() int {
	if r.Type == "nop" || r.Not || r.Out != "" || r.Mask != 0 || r.Protocol != 0 || r.TableName != "" || r.Goto != 0 ||
		r.SourcePorts+r.Ports+r.UIDs+r.SuppressPrefixLength != "" {
		return PathVersion
	}
	return 3
}

// line is words with values, of which those that are not said are left out.
type line []string

func (l *line) add(word, value string) {
	if value != "" {
		*l = append(*l, word, value)
	}
}

func (l *line) flag(word string, is bool) {
	if is {
		*l = append(*l, word)
	}
}

func numbered(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func addressWord(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

func network(p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return ""
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}

// String returns the route as `ip route add` takes it.
func (r Route) String() string {
	var l line
	l.flag(r.Type, r.Type != "")
	l = append(l, network(r.To))
	l.add("via", addressWord(r.Via))
	l.add("dev", r.Interface)
	l.add("src", addressWord(r.Source))
	l.add("table", r.TableName+numbered(r.Table))
	l.add("metric", numbered(r.Metric))
	l.add("scope", r.Scope)
	l.flag("onlink", r.OnLink)
	mtu := "mtu"
	if r.MTULock {
		mtu = "mtu lock"
	}
	l.add(mtu, numbered(r.MTU))
	l.add("advmss", numbered(r.AdvMSS))
	l.add("hoplimit", numbered(r.HopLimit))
	l.add("initcwnd", numbered(r.InitCwnd))
	l.add("initrwnd", numbered(r.InitRwnd))
	for _, h := range r.Hops {
		l.add("nexthop", h.String())
	}
	return strings.Join(l, " ")
}

func (h Hop) String() string {
	var l line
	l.add("via", addressWord(h.Via))
	l.add("dev", h.Interface)
	l.add("weight", numbered(h.Weight))
	l.flag("onlink", h.OnLink)
	return strings.Join(l, " ")
}

// Protocols are those of rules that have a name.
var Protocols = map[string]uint8{"icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "sctp": 132, "udplite": 136}

func protocolWord(n uint8) string {
	for name, number := range Protocols {
		if number == n {
			return name
		}
	}
	return numbered(uint32(n))
}

// String returns the rule as `ip rule add` takes it; one for all of IPv6 says so by its prefix.
func (r Rule) String() string {
	var l line
	l.flag("not", r.Not)
	from := network(r.From)
	if r.IPv6 && !r.From.IsValid() && !r.To.IsValid() {
		from = "::/0"
	}
	l.add("from", from)
	l.add("to", network(r.To))
	l.add("iif", r.Interface)
	l.add("oif", r.Out)
	mark := numbered(r.Mark)
	if r.Mask != 0 {
		mark = fmt.Sprintf("%d/%d", r.Mark, r.Mask)
	}
	l.add("fwmark", mark)
	l.add("ipproto", protocolWord(r.Protocol))
	l.add("sport", r.SourcePorts)
	l.add("dport", r.Ports)
	l.add("uidrange", r.UIDs)
	l.add("table", r.TableName+numbered(r.Table))
	l.add("suppress_prefixlength", r.SuppressPrefixLength)
	l.add("goto", numbered(r.Goto))
	l.flag(r.Type, r.Type != "")
	l.add("priority", fmt.Sprint(r.Priority))
	return strings.Join(l, " ")
}

// Span is a range of numbers as a Rule has it.
func Span(first, last uint32) string {
	if first == last {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d-%d", first, last)
}

// ParseSpan reads a Span; 0 and 0 if it is empty.
func ParseSpan(text string) (first, last uint32) {
	if n, _ := fmt.Sscanf(text, "%d-%d", &first, &last); n == 1 {
		last = first
	}
	return first, last
}
