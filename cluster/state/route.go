package state

import (
	"fmt"
	"net/netip"
	"strings"
)

// Route is a route that goes with a group. Its text is that of ip(8).
type Route struct {
	Type      string       `json:"type,omitempty"` // empty: unicast; or blackhole, unreachable, prohibit
	To        netip.Prefix `json:"to"`             // without host bits
	Via       netip.Addr   `json:"via,omitzero"`
	Interface string       `json:"interface,omitempty"`
	Source    netip.Addr   `json:"source,omitzero"`
	Table     uint32       `json:"table,omitempty"`  // 0: main
	Metric    uint32       `json:"metric,omitempty"` // 0: the kernel's default
	Scope     string       `json:"scope,omitempty"`  // IPv4 only
	OnLink    bool         `json:"onlink,omitempty"`
}

// Rule is a rule of policy routing that goes with a group. Its text is that of ip(8).
type Rule struct {
	IPv6      bool         `json:"ipv6,omitempty"`
	From      netip.Prefix `json:"from,omitzero"` // zero: all
	To        netip.Prefix `json:"to,omitzero"`   // zero: all
	Interface string       `json:"interface,omitempty"`
	Mark      uint32       `json:"mark,omitempty"`
	Table     uint32       `json:"table,omitempty"`
	Type      string       `json:"type,omitempty"` // instead of Table: blackhole, unreachable, prohibit
	Priority  uint32       `json:"priority"`
}

// line is words with values, of which those that are not said are left out.
type line []string

func (l *line) add(word, value string) {
	if value != "" {
		*l = append(*l, word, value)
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
	if r.Type != "" {
		l = append(l, r.Type)
	}
	l = append(l, network(r.To))
	l.add("via", addressWord(r.Via))
	l.add("dev", r.Interface)
	l.add("src", addressWord(r.Source))
	l.add("table", numbered(r.Table))
	l.add("metric", numbered(r.Metric))
	l.add("scope", r.Scope)
	if r.OnLink {
		l = append(l, "onlink")
	}
	return strings.Join(l, " ")
}

// String returns the rule as `ip rule add` takes it; one for all of IPv6 says so by its prefix.
func (r Rule) String() string {
	var l line
	from := network(r.From)
	if r.IPv6 && !r.From.IsValid() && !r.To.IsValid() {
		from = "::/0"
	}
	l.add("from", from)
	l.add("to", network(r.To))
	l.add("iif", r.Interface)
	l.add("fwmark", numbered(r.Mark))
	l.add("table", numbered(r.Table))
	if r.Type != "" {
		l = append(l, r.Type)
	}
	l.add("priority", fmt.Sprint(r.Priority))
	return strings.Join(l, " ")
}
