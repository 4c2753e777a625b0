package bond

import (
	"net/netip"
	"slices"
)

const (
	minMTU     = 68   // RFC 791
	minMTUIPv6 = 1280 // RFC 8200 section 5
	maxMTU     = 65535
)

func (c Config) checkAddresses(p *problems) {
	if c.MTU != nil && (*c.MTU < minMTU || *c.MTU > maxMTU) {
		p.add("mtu", "use 68 to 65535, usually 1500 or 9000", "%d is out of range", *c.MTU)
	}
	for i, a := range c.Addresses {
		switch addr := a.Addr(); {
		case !a.IsValid():
			p.add("addresses", "write an address with its prefix length, such as 192.0.2.10/24", "an address is not valid")
		case addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback():
			p.add("addresses", "use the address of this host", "%s is not an address of a host", a)
		case addr.Is4() && a.Bits() < 31 && (a.Masked().Addr() == addr || broadcast(a) == addr):
			p.add("addresses", "use the address of this host", "%s is the network or its broadcast address", a)
		case slices.ContainsFunc(c.Addresses[:i], func(b netip.Prefix) bool { return b.Addr() == addr }):
			p.add("addresses", "list it once", "%s is listed twice", addr)
		case addr.Is6() && c.MTU != nil && *c.MTU >= minMTU && *c.MTU < minMTUIPv6:
			p.add("mtu", "use at least 1280", "%d is too small for IPv6", *c.MTU)
		}
	}
	c.checkGateway(p, "gateway", c.Gateway, netip.Addr.Is4, "an IPv4")
	c.checkGateway(p, "gateway6", c.Gateway6, netip.Addr.Is6, "an IPv6")
}

func (c Config) checkGateway(p *problems, key string, gateway netip.Addr, family func(netip.Addr) bool, name string) {
	if !gateway.IsValid() {
		return
	}
	onLink := func(a netip.Prefix) bool { return a.Contains(gateway) }
	switch {
	case !family(gateway):
		p.add(key, "use the key of its family", "%s is not %s address", gateway, name)
	case slices.ContainsFunc(c.Addresses, func(a netip.Prefix) bool { return a.Addr() == gateway }):
		p.add(key, "use the address of the router", "%s is the bond's own address", gateway)
	case len(c.Addresses) > 0 && !gateway.IsLinkLocalUnicast() && !slices.ContainsFunc(c.Addresses, onLink):
		p.add(key, "use a gateway within one of the addresses' networks", "%s cannot be reached from the bond's addresses", gateway)
	}
}

// broadcast returns the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
