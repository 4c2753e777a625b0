package spec

import (
	"fmt"
	"net/netip"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// ping is written as text when nothing but the address is said.
type ping struct {
	Address   string `yaml:"address"`
	Interface string `yaml:"interface,omitempty"`
	Count     *int   `yaml:"count,omitempty"`
	Answers   *int   `yaml:"answers,omitempty"`
}

type arp struct {
	Address   string `yaml:"address"`
	Interface string `yaml:"interface"`
}

// bond is written as text when all of its links are wanted.
type bond struct {
	Name  string `yaml:"name"`
	Links *int   `yaml:"links,omitempty"`
}

// Defaults of a ping: a lost packet or two are no failure.
const (
	defaultPings   = 3
	defaultAnswers = 1
)

// Bounds of them.
const (
	maxPings = 20
	maxLinks = 255
)

func (p *ping) ParseScalar(text string) error { p.Address = text; return nil }
func (b *bond) ParseScalar(text string) error { b.Name = text; return nil }

// ParseScalar of an arp says what is missing.
func (a *arp) ParseScalar(text string) error {
	return conf.Problem{Text: "it does not say on which interface", Remedy: fmt.Sprintf("write `{address: %s, interface: eth0}`", conf.Short(text))}
}

func (p ping) MarshalYAML() (any, error) {
	type fields ping
	return shortest(p == ping{Address: p.Address}, p.Address, fields(p))
}

func (b bond) MarshalYAML() (any, error) {
	type fields bond
	return shortest(b.Links == nil, b.Name, fields(b))
}

func (p *ping) state() *state.PingCheck {
	if p == nil {
		return nil
	}
	return &state.PingCheck{Address: p.Address, Interface: p.Interface, Count: orElse(p.Count, defaultPings), Answers: orElse(p.Answers, defaultAnswers)}
}

func pingOf(p *state.PingCheck) *ping {
	if p == nil {
		return nil
	}
	return &ping{Address: p.Address, Interface: p.Interface, Count: unless(p.Count, defaultPings), Answers: unless(p.Answers, defaultAnswers)}
}

func (a *arp) state() *state.ARPCheck {
	if a == nil {
		return nil
	}
	return &state.ARPCheck{Address: a.Address, Interface: a.Interface}
}

func arpOf(a *state.ARPCheck) *arp {
	if a == nil {
		return nil
	}
	return &arp{Address: a.Address, Interface: a.Interface}
}

// state.BondCheck says by 0 that no number was given. A 0 that was given is wrong, and so is what it becomes.
const (
	allLinks  = 0
	zeroLinks = -1
)

func (b *bond) state() *state.BondCheck {
	if b == nil {
		return nil
	}
	links := orElse(b.Links, allLinks)
	if b.Links != nil && links == 0 {
		links = zeroLinks
	}
	return &state.BondCheck{Name: b.Name, Links: links}
}

func bondOf(b *state.BondCheck) *bond {
	if b == nil {
		return nil
	}
	return &bond{Name: b.Name, Links: unless(b.Links, allLinks)}
}

// host applies the rules of an address that is to answer.
func (c *checker) host(key, address, link string) {
	ip, err := netip.ParseAddr(address)
	switch {
	case err != nil:
		c.doc.Add(key, fmt.Sprintf("%q is not an address", conf.Short(address)), "write it as 192.0.2.1 or \"2001:db8::1\"; a name is no address, and looking it up would be a check of DNS")
	case ip.Zone() != "":
		c.doc.Add(key, fmt.Sprintf("%s has a zone", address), fmt.Sprintf("write %s and `interface: %s`", ip.WithZone(""), ip.Zone()))
	case ip.Is4In6():
		c.doc.Add(key, address+" is IPv4 written as IPv6", "write it as "+ip.Unmap().String())
	case ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		c.doc.Add(key, address+" is no address of one host", "write the gateway's, or another host's")
	case ip.Is6() && ip.IsLinkLocalUnicast() && link == "":
		c.doc.Add(key, address+" is on every link", "add `interface: eth0`")
	}
}

// part is the key of what may stand alone in place of a mapping.
func (c *checker) part(key, name string) string {
	if c.doc.Has(key + "." + name) {
		return key + "." + name
	}
	return key
}

func (c *checker) ping(key string, p *state.PingCheck) {
	c.host(c.part(key, "address"), p.Address, p.Interface)
	if p.Interface != "" {
		c.addError(key+".interface", conf.CheckInterface(p.Interface))
	}
	if p.Count < 1 || p.Count > maxPings {
		c.doc.Add(key+".count", fmt.Sprintf("%d is out of range", p.Count), fmt.Sprintf("use 1 to %d, the requests of a run at most", maxPings))
		return
	}
	if p.Answers < 1 || p.Answers > p.Count {
		c.doc.Add(key+".answers", fmt.Sprintf("%d is out of range", p.Answers), fmt.Sprintf("use 1 to `count`, which is %d", p.Count))
	}
}

func (c *checker) arp(key string, a *state.ARPCheck) {
	c.host(key+".address", a.Address, a.Interface)
	c.addError(key+".interface", conf.CheckInterface(a.Interface))
}

func (c *checker) bond(key string, b *state.BondCheck) {
	c.addError(c.part(key, "name"), conf.CheckInterface(b.Name))
	if b.Links < 0 || b.Links > maxLinks {
		c.doc.Add(key+".links", fmt.Sprintf("%d is out of range", max(b.Links, 0)), fmt.Sprintf("use 1 to %d, or leave it out for all links of the bond", maxLinks))
	}
}
