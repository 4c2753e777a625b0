package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/state"
	"vipd/vrrp"
)

// What fits an advert: a byte counts the addresses, and a frame of 1500 bytes holds them.
const (
	maxAdvertised4 = 255
	maxAdvertised6 = 89 // keepalived's number
)

// maxPassword is the length of version 2's authentication field (RFC 2338 section 5.3.10).
const maxPassword = 8

// router tells virtual routers apart.
type router struct {
	id    uint8
	iface string
	ipv6  bool
}

// vrrp applies the rules of a group's section.
func (c *checker) vrrp(path string, g *state.Group) {
	v := g.VRRP
	if g.Interface == "" {
		c.doc.Add(path, "the group names no interface to send adverts on", "add `interface: eth0` to the group")
	}
	c.excluded(path+".excluded", g)
	list := g.Advertised()
	ipv6, ok := c.family(path, list)
	if !ok {
		return
	}
	c.routerID(path+".virtual_router_id", g, ipv6)
	if v.Priority < 0 || v.Priority > 255 {
		c.doc.Add(path+".priority", fmt.Sprintf("%d is out of range", max(v.Priority, 0)), "use 1 to 254, or 255 for the owner of the addresses; without it the group's best priority counts")
	}
	c.version(path, v, ipv6)
	c.unicastPeers(path+".unicast_peers", g, ipv6)
	c.labelsOnMAC(strings.TrimSuffix(path, ".vrrp"), g)
	most := maxAdvertised4
	if ipv6 {
		most = maxAdvertised6
	}
	if len(list) > most {
		c.doc.Add(path, fmt.Sprintf("%d addresses do not fit an advert", len(list)), fmt.Sprintf("name all but %d under `excluded`, here and at the peers", most))
	}
}

// excluded checks the addresses that are not advertised.
func (c *checker) excluded(key string, g *state.Group) {
	for i, ip := range g.VRRP.Excluded {
		at := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case !slices.Contains(g.IPs(), ip):
			c.doc.Add(at, fmt.Sprintf("%s is not an address of the group", ip), "list it under the group's `addresses` too")
		case slices.Contains(g.VRRP.Excluded[:i], ip):
			c.doc.Add(at, fmt.Sprintf("%s is there twice", ip), "remove one of them")
		}
	}
}

// family returns the family of what is advertised, if there is just one.
func (c *checker) family(path string, list []netip.Addr) (ipv6, ok bool) {
	if len(list) == 0 {
		c.doc.Add(path, "no address is left to advertise", "remove one from `excluded`")
		return false, false
	}
	for _, ip := range list {
		if ip.Is6() != list[0].Is6() {
			c.doc.Add(path, fmt.Sprintf("the group has both IPv4 and IPv6 addresses (%s, %s), and an advert has one family", list[0], ip),
				"make a second group for the others, or name them under `excluded`")
			return false, false
		}
	}
	return list[0].Is6(), true
}

func (c *checker) routerID(key string, g *state.Group, ipv6 bool) {
	id := g.VRRP.RouterID
	switch {
	case id == 0 && c.doc.Has(key):
		c.doc.Add(key, "it is out of range", "use 1 to 255")
		return
	case id == 0:
		c.doc.Add(key, "the section has none", "add `virtual_router_id: 51`, the number of the peers")
		return
	}
	r := router{id, g.Interface, ipv6}
	if first, again := c.routers[r]; again {
		c.doc.Add(key, fmt.Sprintf("%d on %s is also %s", id, g.Interface, c.doc.Where(first)), "two groups of one family need two numbers on an interface")
		return
	}
	c.routers[r] = key
}

func (c *checker) version(path string, v *state.VRRP, ipv6 bool) {
	switch {
	case v.Version != vrrp.V2 && v.Version != vrrp.V3:
		c.doc.Add(path+".version", "there is no such version", "use 2 (RFC 3768) or 3 (RFC 9568)")
		return
	case v.Version == vrrp.V2 && ipv6:
		c.doc.Add(path+".version", "version 2 is for IPv4", "use 3")
		return
	}
	unit, most := 10*time.Millisecond, vrrp.MaxInterval3
	if v.Version == vrrp.V2 {
		unit, most = time.Second, vrrp.MaxInterval2
	}
	if v.AdvertInt < unit || v.AdvertInt > most || v.AdvertInt%unit != 0 {
		c.doc.Add(path+".advert_int", fmt.Sprintf("version %d cannot advertise every %v", v.Version, conf.Duration(v.AdvertInt)),
			fmt.Sprintf("use a multiple of %v from %v to %v", conf.Duration(unit), conf.Duration(unit), conf.Duration(most)))
	}
	if v.ChecksumAsV2 && (v.Version == vrrp.V2 || ipv6) {
		c.doc.Add(path+".v3_checksum_as_v2", "it is about version 3 over IPv4", "remove it")
	}
	c.password(path+".auth_pass", v)
}

func (c *checker) password(key string, v *state.VRRP) {
	switch {
	case v.AuthPass == "":
	case v.Version != vrrp.V2:
		c.doc.Add(key, fmt.Sprintf("version %d has no authentication", v.Version), "remove it; keepalived ignores its own likewise")
	case len(v.AuthPass) > maxPassword:
		c.doc.Add(key, fmt.Sprintf("the password has %d bytes", len(v.AuthPass)), fmt.Sprintf("shorten it to %d, which is all that keepalived sends", maxPassword))
	}
}

// labelsOnMAC refuses labels of addresses that go to an interface of another name.
func (c *checker) labelsOnMAC(path string, g *state.Group) {
	for i, a := range g.Addresses {
		if g.VRRP.VirtualMAC && a.Label != "" && a.Interface == g.Interface {
			c.doc.Add(fmt.Sprintf("%s.addresses[%d].label", path, i), "with virtual_mac the address is on an interface of its own, whose name is not "+g.Interface, "remove the label, or `virtual_mac`")
		}
	}
}

func (c *checker) unicastPeers(key string, g *state.Group, ipv6 bool) {
	for i, ip := range g.VRRP.UnicastPeers {
		at := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case ip.IsMulticast() || ip.IsUnspecified() || ip.IsLoopback() || !ip.IsValid():
			c.doc.Add(at, fmt.Sprintf("%s is not a host's address", ip), "name the peer's own address on the segment; for multicast leave `unicast_peers` out")
		case ip.Is6() != ipv6 || ip.Is4In6():
			c.doc.Add(at, fmt.Sprintf("%s is of another family than the group's addresses", ip), "name the peer's address of that family")
		case slices.Contains(g.IPs(), ip):
			c.doc.Add(at, fmt.Sprintf("%s is an address of the group", ip), "name the peer's own address")
		case slices.Contains(g.VRRP.UnicastPeers[:i], ip):
			c.doc.Add(at, fmt.Sprintf("%s is there twice", ip), "remove one of them")
		}
	}
}
