package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"vipd/cluster/state"
)

// word is text that may look like a number.
type word string

// ParseScalar takes any text.
func (w *word) ParseScalar(text string) error { *w = word(text); return nil }

// broadcast is an address, or + for the last one of the address's network.
type broadcast struct {
	ip
	last bool
}

func (b *broadcast) ParseScalar(text string) error {
	if b.last = text == "+"; b.last {
		return nil
	}
	return b.ip.ParseScalar(text)
}

// The preferred lifetimes there are: a deprecated address is not chosen as a source.
const (
	deprecated = "0"
	preferred  = "forever"
)

// preferredLft is the default of an address's family.
func preferredLft(p netip.Prefix) string {
	if p.Addr().Is6() {
		return deprecated
	}
	return preferred
}

// state leaves out what is a default.
func (a address) state() state.Address {
	s := state.Address{
		Prefix: a.Address.Prefix, Interface: a.Interface, Label: a.Label,
		Scope: string(a.Scope), NoPrefixRoute: a.NoPrefixRoute, PreferredLft: string(a.PreferredLft),
	}
	if a.Peer != nil {
		s.Peer = a.Peer.Addr
	}
	switch b := a.Broadcast; {
	case b == nil:
	case b.last && s.Prefix.IsValid() && s.Prefix.Addr().Is4():
		s.Broadcast = lastOf(s.Prefix)
	case b.last:
		s.Broadcast = netip.IPv6Unspecified() // refused
	default:
		s.Broadcast = b.Addr
	}
	if s.Scope == "global" || s.Scope == "0" {
		s.Scope = ""
	}
	if s.PreferredLft == preferredLft(s.Prefix) {
		s.PreferredLft = ""
	}
	return s
}

func addressOf(s state.Address) address {
	a := address{
		Address: prefix{s.Prefix}, Interface: s.Interface, Label: s.Label,
		Scope: word(s.Scope), NoPrefixRoute: s.NoPrefixRoute, PreferredLft: word(s.PreferredLft),
	}
	if s.Peer.IsValid() {
		a.Peer = &ip{s.Peer}
	}
	if s.Broadcast.IsValid() {
		a.Broadcast = &broadcast{ip: ip{s.Broadcast}}
	}
	return a
}

// addressScopes are those with a name, besides global.
var addressScopes = []string{"link", "host", "site"}

// options applies the rules of what ip(8) says beside an address.
func (c *checker) options(key string, a state.Address) {
	own, ipv6 := a.Prefix.Addr(), a.Prefix.Addr().Is6()
	switch number, err := strconv.ParseUint(a.Scope, 10, 8); {
	case a.Scope == "":
	case ipv6:
		c.doc.Add(key+".scope", "the scope of an IPv6 address is in the address", "remove it")
	case !slices.Contains(addressScopes, a.Scope) && (err != nil || number > 254 || a.Scope != fmt.Sprint(number)):
		c.doc.Add(key+".scope", fmt.Sprintf("%s is not a scope", quoted(a.Scope)), "use global, site, link, host or a number, 0 to 254")
	}
	switch b := a.Broadcast; {
	case !b.IsValid():
	case ipv6:
		c.doc.Add(key+".broadcast", "IPv6 has no broadcast addresses", "remove it")
	case !b.Is4() || b.IsUnspecified() || b == own:
		c.doc.Add(key+".broadcast", fmt.Sprintf("%s is not a broadcast address for %s", b, a.Prefix), "write `broadcast: +` for the last address of the network")
	}
	switch peer := a.Peer; {
	case !peer.IsValid():
	case peer.Is6() != ipv6:
		c.doc.Add(key+".peer", fmt.Sprintf("%s and its peer %s are of different families", own, peer), "use one family")
	case peer == own:
		c.doc.Add(key+".peer", fmt.Sprintf("%s is the address itself", peer), "write the address of the other end, or remove it")
	case peer.Is4In6() || peer.IsUnspecified() || peer.IsMulticast() || peer.IsLoopback():
		c.doc.Add(key+".peer", fmt.Sprintf("%s is not the address of a host", peer), "write the address of the other end of the link")
	}
	if lft := a.PreferredLft; lft != "" && lft != deprecated && lft != preferred {
		c.doc.Add(key+".preferred_lft", fmt.Sprintf("%s is not 0 or forever", quoted(lft)), "write `preferred_lft: 0` for an address that is not chosen as a source, or `forever`; vipd renews lifetimes itself")
	}
}
