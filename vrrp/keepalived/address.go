package keepalived

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func (r *reader) vip(n *node) {
	a, ok := r.parseAddress(n)
	if !ok {
		return
	}
	if len(r.inst.Addresses) > 0 && r.inst.Addresses[0].Prefix.Addr().Is6() != a.Prefix.Addr().Is6() {
		r.refuse(n.Pos, "%s: addresses of both families in one virtual_ipaddress; keepalived would leave it out (virtual_ipaddress_excluded may mix)", n.text())
		return
	}
	if slices.ContainsFunc(r.inst.Addresses, func(o Address) bool { return o.Prefix == a.Prefix && o.Dev == a.Dev }) {
		r.warn(n.Pos, "%s appears twice", a.Prefix)
		r.amend(NotNeeded, "it appears twice")
		return
	}
	r.inst.Addresses = append(r.inst.Addresses, a)
}

func (r *reader) excludedVIP(n *node) {
	if a, ok := r.parseAddress(n); ok {
		r.inst.Excluded = append(r.inst.Excluded, a)
	}
}

func (r *reader) staticAddress(n *node) {
	if a, ok := r.parseAddress(n); ok {
		r.cfg.StaticAddresses = append(r.cfg.StaticAddresses, a)
	}
}

// addressFlags are words of an address that stand alone.
var addressFlags = []string{"home", "-nodad", "nodad", "mngtmpaddr", "noprefixroute", "autojoin", "no_track", "use_vmac"}

// maxLabel is the kernel's limit (IFNAMSIZ - 1).
const maxLabel = 15

// parseAddress reads "ADDRESS[/MASK] [brd X] [dev X] [scope X] [label X] ...", as ip address add does.
func (r *reader) parseAddress(n *node) (Address, bool) {
	a := Address{Pos: n.Pos}
	words := n.words
	var ok bool
	if a.Prefix, ok = parsePrefix(words[0]); !ok {
		r.refuse(n.Pos, "%s: %q is not an address; keepalived would leave it out", n.text(), words[0])
		return Address{}, false
	}
	for i := 1; i < len(words); i++ {
		word, value := words[i], ""
		if slices.Contains(addressFlags, word) {
			a.Options = append(a.Options, word)
			continue
		}
		if i+1 < len(words) {
			value = words[i+1]
		}
		if !a.set(word, value) {
			r.warn(n.Pos, "%s: unknown word %q, ignored", n.text(), word)
			continue
		}
		if value == "" {
			r.refuse(n.Pos, "%s: %s lacks a value", n.text(), word)
			return Address{}, false
		}
		i++
	}
	if len(a.Label) > maxLabel {
		r.refuse(n.Pos, "%s: a label has at most %d characters; keepalived would leave the address out", n.text(), maxLabel)
		return Address{}, false
	}
	if rest := a.lost(); len(rest) > 0 {
		r.amend(Translated, "without %s", strings.Join(rest, ", "))
	}
	return a, true
}

// set takes a word that has a value; false if there is no such word.
func (a *Address) set(word, value string) bool {
	switch word {
	case "dev":
		a.Dev = value
	case "label":
		a.Label = value
	case "scope":
		a.Scope = value
	case "brd", "broadcast":
		a.Broadcast = value
	case "peer":
		a.setPeer(value)
	case "preferred_lft":
		if value == "0" || value == "forever" {
			a.Lifetime = value
			break
		}
		a.Options = append(a.Options, word+" "+value)
	case "track_group":
		a.Options = append(a.Options, word+" "+value)
	default:
		return false
	}
	return true
}

// setPeer takes the other end, whose prefix length becomes the address's.
func (a *Address) setPeer(value string) {
	p, ok := parsePrefix(value)
	if !ok || p.Addr().Is6() != a.Prefix.Addr().Is6() {
		a.Options = append(a.Options, "peer "+value)
		return
	}
	a.Peer = p.Addr()
	if strings.Contains(value, "/") {
		a.Prefix = netip.PrefixFrom(a.Prefix.Addr(), p.Bits())
	}
}

// broadcast is the address that is meant, if it is one that vipd sets.
func (a *Address) broadcast() netip.Addr {
	ip, err := netip.ParseAddr(a.Broadcast)
	if a.Broadcast == "+" && a.Prefix.Addr().Is4() && a.Prefix.Bits() < 31 {
		last := a.Prefix.Masked().Addr().As4()
		for i, ones := range net.CIDRMask(a.Prefix.Bits(), 32) {
			last[i] |= ^ones
		}
		return netip.AddrFrom4(last)
	}
	if err != nil || !ip.Is4() || !a.Prefix.Addr().Is4() || ip.IsUnspecified() || ip == a.Prefix.Addr() {
		return netip.Addr{}
	}
	return ip
}

// scope is what differs from the default, if vipd sets it: that of an IPv6 address is in the address.
func (a *Address) scope() string {
	number, err := strconv.ParseUint(a.Scope, 10, 8)
	switch {
	case a.Prefix.Addr().Is6():
		return ""
	case slices.Contains([]string{"link", "host", "site"}, a.Scope), err == nil && number > 0 && number < 255:
		return a.Scope
	}
	return ""
}

// lost is what vipd does not do with an address.
func (a *Address) lost() (words []string) {
	for _, o := range a.Options {
		if o != "no_track" && o != "-nodad" && o != "nodad" && o != "noprefixroute" {
			words = append(words, o)
		}
	}
	if a.scope() == "" && a.Scope != "" && a.Scope != "global" && a.Scope != "0" {
		words = append(words, "scope "+a.Scope)
	}
	if a.Broadcast != "" && !a.broadcast().IsValid() {
		words = append(words, "brd "+a.Broadcast)
	}
	return words
}

// parsePrefix reads an address with or without a mask, which may be a length or, for IPv4, dotted.
func parsePrefix(s string) (netip.Prefix, bool) {
	bare, mask, masked := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(bare)
	if err != nil || ip.Zone() != "" {
		return netip.Prefix{}, false
	}
	if !masked {
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	p, err := netip.ParsePrefix(bare + "/" + mask)
	return p, err == nil
}

func (r *reader) route(n *node) {
	r.inst.Routes = append(r.inst.Routes, Rule{n.Pos, n.words})
}

func (r *reader) rule(n *node) {
	r.inst.Rules = append(r.inst.Rules, Rule{n.Pos, n.words})
}

func (r *reader) staticRoute(n *node) {
	r.cfg.StaticRoutes = append(r.cfg.StaticRoutes, Rule{n.Pos, n.words})
}

func (r *reader) staticRule(n *node) {
	r.cfg.StaticRules = append(r.cfg.StaticRules, Rule{n.Pos, n.words})
}
