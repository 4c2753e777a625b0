package harness

import (
	"net/netip"

	"vipd/cluster/state"
	"vipd/e2e/probe"
)

// ProbeOptions are those of a client that watches addresses from a process of its own (which needs
// [probe.Main]) and takes the census of all hosts there are now. It believes any answer at once, so that what
// it reports is when an address is there, not when announcements were.
func (c *Cluster) ProbeOptions(addrs ...netip.Addr) probe.Options {
	client := c.Lab.Client
	o := probe.Options{
		Do: client.Do, Interface: client.Interface, Addrs: addrs, Separate: true,
		Source4: client.IPv4.Addr(), Source6: client.IPv6.Addr(), Relearn: 1,
	}
	for _, h := range c.Lab.Hosts {
		o.Hosts = append(o.Hosts, probe.Station{Name: h.Name, MAC: h.MAC})
	}
	return o
}

// Group is a group of addresses on eth0 with the defaults of a specification. Addresses without a prefix
// length get the lab's.
func Group(name string, addresses ...string) state.Group {
	g := state.Group{Name: name, Interface: "eth0", Priority: state.DefaultPriority, Preempt: true}
	for _, text := range addresses {
		g.Addresses = append(g.Addresses, state.Address{Prefix: prefix(text), Interface: "eth0"})
	}
	return g
}

// prefix panics on what is no address: those in tests and programs are constants.
func prefix(text string) netip.Prefix {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p
	}
	ip := netip.MustParseAddr(text)
	if ip.Is4() {
		return netip.PrefixFrom(ip, 24)
	}
	return netip.PrefixFrom(ip, 64)
}
