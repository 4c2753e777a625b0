package spec

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"go.yaml.in/yaml/v3"

	"vipd/cluster/conf"
)

// address is written as text when nothing but the prefix is said.
type address struct {
	Address   prefix `yaml:"address"`
	Interface string `yaml:"interface,omitempty"`
	Label     string `yaml:"label,omitempty"`

	Peer          *ip        `yaml:"peer,omitempty"`
	Broadcast     *broadcast `yaml:"broadcast,omitempty"`
	Scope         word       `yaml:"scope,omitempty"`
	NoPrefixRoute bool       `yaml:"noprefixroute,omitempty"`
	PreferredLft  word       `yaml:"preferred_lft,omitempty"`
}

func (a *address) ParseScalar(text string) error { return a.Address.ParseScalar(text) }

func (a address) MarshalYAML() (any, error) {
	if (a == address{Address: a.Address}) {
		return a.Address.String(), nil
	}
	type fields address
	var n yaml.Node
	if err := n.Encode(fields(a)); err != nil {
		return nil, err
	}
	n.Style = yaml.FlowStyle
	return &n, nil
}

// prefix is an address with the length of its network's prefix; without one it stands alone.
type prefix struct{ netip.Prefix }

func (p prefix) MarshalYAML() (any, error) { return p.String(), nil }

func (p *prefix) ParseScalar(text string) error {
	host, length, hasLength := strings.Cut(text, "/")
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return conf.Problem{Text: fmt.Sprintf("%s is not an address", quoted(text)), Remedy: "write it as 192.168.1.100/24 or 2001:db8::100/64"}
	case ip.Zone() != "":
		return conf.Problem{Text: fmt.Sprintf("%s has a zone", text), Remedy: fmt.Sprintf("write %s and `interface: %s`", strings.Replace(text, "%"+ip.Zone(), "", 1), ip.Zone())}
	case ip.Is4In6():
		return conf.Problem{Text: fmt.Sprintf("%s is IPv4 written as IPv6", text), Remedy: fmt.Sprintf("write it as %s", ip.Unmap())}
	case !hasLength:
		p.Prefix = netip.PrefixFrom(ip, ip.BitLen())
		return nil
	}
	parsed, err := netip.ParsePrefix(text)
	if err == nil {
		p.Prefix = parsed
		return nil
	}
	return conf.Problem{
		Text:   fmt.Sprintf("%q is not a prefix length", conf.Short(length)),
		Remedy: fmt.Sprintf("write it as %s/%d", ip, suggestedBits(ip, length)),
	}
}

// suggestedBits reads a netmask, or falls back to the most common length.
func suggestedBits(ip netip.Addr, mask string) int {
	if m, err := netip.ParseAddr(mask); err == nil && m.Is4() && ip.Is4() {
		if ones, bits := net.IPMask(m.AsSlice()).Size(); bits != 0 {
			return ones
		}
	}
	if ip.Is4() {
		return 24
	}
	return 64
}

// quoted makes an empty or odd text visible, and leaves others as they were typed.
func quoted(text string) string {
	text = conf.Short(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// wrongAddress returns why an address cannot be a virtual one, as text and remedy, or "".
func wrongAddress(p netip.Prefix) (text, remedy string) {
	ip := p.Addr()
	kind := ""
	switch {
	case !p.IsValid():
		return "there is no address here", "add `address: 192.168.1.100/24`"
	case ip.Is4In6():
		kind = "is IPv4 written as IPv6"
	case ip.IsUnspecified():
		kind = "stands for any address"
	case ip.IsLoopback():
		kind = "is a loopback address"
	case ip.IsMulticast():
		kind = "is a multicast address"
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		kind = "is a broadcast address"
	case p.Bits() == 0:
		return fmt.Sprintf("%s has a prefix of no length", p), fmt.Sprintf("write it as %s/%d", ip, suggestedBits(ip, ""))
	// Two addresses to a network need neither (RFC 3021, RFC 6164).
	case p.Bits() < ip.BitLen()-1 && ip == p.Masked().Addr():
		kind = "is the network's own address"
	case ip.Is4() && p.Bits() < 31 && ip == lastOf(p):
		kind = "is the network's broadcast address"
	default:
		return "", ""
	}
	return fmt.Sprintf("%s %s", p, kind), "choose a unicast address of a host, as 192.168.1.100/24"
}

// lastOf returns the last address of an IPv4 network.
func lastOf(p netip.Prefix) netip.Addr {
	ip := p.Addr().As4()
	mask := net.CIDRMask(p.Bits(), 32)
	for i := range ip {
		ip[i] |= ^mask[i]
	}
	return netip.AddrFrom4(ip)
}
