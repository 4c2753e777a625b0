package state

import (
	"net/netip"
	"strings"
)

// AddressVersion is the first version of commands with the options of addresses.
const AddressVersion = 11

// Address is one virtual address.
type Address struct {
	Prefix    netip.Prefix `json:"address"` // with the host part, as 192.168.1.100/24
	Interface string       `json:"interface"`
	Label     string       `json:"label,omitempty"` // IPv4 only, at most 15 bytes, starting with the interface's name

	Peer          netip.Addr `json:"peer,omitzero"`           // the other end of a point-to-point link
	Broadcast     netip.Addr `json:"broadcast,omitzero"`      // IPv4 only
	Scope         string     `json:"scope,omitempty"`         // IPv4 only: link, host, site or a number; empty: global
	NoPrefixRoute bool       `json:"noprefixroute,omitempty"` // it brings no connected route
	PreferredLft  string     `json:"preferred_lft,omitempty"` // other than its family's default: 0 (IPv4), forever (IPv6)
}

// Options are the words of ip(8) for all but the prefix, the interface and the label; empty if there are none.
func (a Address) Options() string {
	var l line
	l.add("peer", addressWord(a.Peer))
	l.add("broadcast", addressWord(a.Broadcast))
	l.add("scope", a.Scope)
	if a.NoPrefixRoute {
		l = append(l, "noprefixroute")
	}
	l.add("preferred_lft", a.PreferredLft)
	return strings.Join(l, " ")
}
