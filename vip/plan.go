package vip

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// change is an address together with where the kernel keeps it.
type change struct {
	address Address
	key     key
	flags   uint32 // of an address to add or renew
}

func (c change) compare(d change) int {
	return cmp.Or(cmp.Compare(c.key.index, d.key.index), c.key.prefix.Compare(d.key.prefix))
}

// plan is what to do so that this Host's addresses become the wanted ones. Everything in remove goes before
// anything in add.
type plan struct {
	wanted   []change // each wanted address once, as far as this host can have it
	vanished []change // this Host had them, they are not wanted any more, and they are gone already
	remove   []change
	promote  []uint32 // interfaces whose remaining addresses must survive the removal of another
	add      []change
	failed   []Failure
}

func (p plan) empty() bool { return len(p.remove)+len(p.add) == 0 }

// world is what a plan starts from.
type world struct {
	owned map[key]Address // what this Host added and has not seen removed
	links map[string]Interface
	have  []observed
}

// marked reports whether an observed address carries the mark of this package.
func (a observed) marked() bool { return a.proto == Mark }

// makePlan compares the wanted addresses with the world. It is a pure function.
func makePlan(want []Address, w world) plan {
	var p plan
	names := w.names()
	have := map[key]observed{}
	for _, a := range w.have {
		have[a.key] = a
	}
	wanted := p.resolve(want, w.links)
	leaving := map[key]bool{}
	for k, address := range w.owned {
		now, there := have[k]
		there = there && now.marked()
		c := change{address: address, key: k, flags: now.flags}
		target, ok := wanted[k]
		switch {
		case there && ok && now.is(target, names[k.index]):
			// As it should be.
		case there:
			p.remove = append(p.remove, c)
			leaving[k] = true
		case !ok:
			p.vanished = append(p.vanished, c)
		}
	}
	// Maps have no order; plans do.
	slices.SortFunc(p.remove, change.compare)
	slices.SortFunc(p.vanished, change.compare)
	staying := map[netip.Addr][]observed{}
	for _, a := range w.have {
		if !leaving[a.key] {
			staying[a.prefix.Addr()] = append(staying[a.prefix.Addr()], a)
		}
	}
	routes := w.routes()
	for _, c := range p.wanted {
		c.flags = routes.flags(c)
		p.consider(c, w.owned, staying[c.key.prefix.Addr()])
	}
	return p
}

// resolve fills in what is wanted, by key, and refuses what this host cannot have.
func (p *plan) resolve(want []Address, links map[string]Interface) map[key]Address {
	wanted := map[key]Address{}
	for _, address := range want {
		address = address.normal()
		link, ok := links[address.Interface]
		k := key{index: uint32(link.Index), prefix: address.Prefix}
		other, twice := wanted[k]
		switch err := address.validate(); {
		case err != nil:
			p.failed = append(p.failed, Failure{address, err})
		case !ok:
			p.failed = append(p.failed, Failure{address, ErrNoInterface})
		case twice && other != address:
			err := fmt.Errorf("%w: also wanted in another shape, with label %q", ErrInvalid, other.Label)
			p.failed = append(p.failed, Failure{address, err})
		case !twice:
			wanted[k] = address
			p.wanted = append(p.wanted, change{address: address, key: k})
		}
	}
	return wanted
}

// consider adds a wanted address to the plan unless it is there already or somebody else's is in its
// place. staying are the addresses of that value on any interface which the plan does not remove.
func (p *plan) consider(c change, owned map[key]Address, staying []observed) {
	for _, a := range staying {
		if a.index != c.key.index {
			continue
		}
		if _, ours := owned[a.key]; ours && a.marked() && a.key == c.key {
			return
		}
		// The kernel has an IPv6 address once on an interface, whatever its prefix length.
		if a.key == c.key || a.prefix.Addr().Is6() {
			p.failed = append(p.failed, Failure{c.address, ErrForeign})
			return
		}
	}
	p.add = append(p.add, c)
	if a := c.key.prefix; a.Addr().Is4() && !a.IsSingleIP() && !slices.Contains(p.promote, c.key.index) {
		p.promote = append(p.promote, c.key.index)
	}
}

// routes are the IPv6 subnets whose connected route somebody else's address brings, as keys with the host
// part cleared. A macvlan has those of its parent: a second route to the same neighbours would be taken in
// turns.
type routes map[key]bool

// routes leaves out addresses of ours and of other daemons like this one: their routes go when they go.
func (w world) routes() routes {
	on := map[uint32][]uint32{} // parent -> macvlans
	for _, l := range w.links {
		if l.Parent != 0 {
			on[uint32(l.Parent)] = append(on[uint32(l.Parent)], uint32(l.Index))
		}
	}
	subnets := routes{}
	for _, a := range w.have {
		if a.prefix.Addr().Is6() && a.proto != Mark && a.flags&unix.IFA_F_NOPREFIXROUTE == 0 {
			for _, index := range append(on[a.index], a.index) {
				subnets[key{index, a.prefix.Masked()}] = true
			}
		}
	}
	return subnets
}

// flags are the IFA_F_* an address of ours should carry now: see the package comment.
func (r routes) flags(c change) uint32 {
	k, peer := c.key, c.address.Peer.IsValid()
	switch {
	case k.prefix.Addr().Is4() && c.address.NoPrefixRoute:
		return unix.IFA_F_NOPREFIXROUTE
	case k.prefix.Addr().Is4():
		return 0
	case c.address.NoPrefixRoute, !peer && (k.prefix.IsSingleIP() || r[key{k.index, k.prefix.Masked()}]):
		return unix.IFA_F_NODAD | unix.IFA_F_NOPREFIXROUTE
	}
	return unix.IFA_F_NODAD
}

func (w world) names() map[uint32]string {
	names := map[uint32]string{}
	for name, l := range w.links {
		names[uint32(l.Index)] = name
	}
	return names
}

// address is what an observed address would be wanted as. Of IPv6, whether it brings a route is left out: our own flag
// is for other reasons as well.
func (a observed) address(name string) Address {
	address := Address{Prefix: a.prefix, Interface: name, Label: a.label, Peer: a.peer, PreferredLft: "forever"}
	if a.flags&unix.IFA_F_DEPRECATED != 0 {
		address.PreferredLft = "0"
	}
	if a.prefix.Addr().Is4() {
		address.Broadcast, address.Scope = a.broadcast, scopeName(a.scope)
		address.NoPrefixRoute = a.flags&unix.IFA_F_NOPREFIXROUTE != 0
	}
	return address.normal()
}

// is reports whether an observed address is as it is wanted.
func (a observed) is(wanted Address, name string) bool {
	if a.prefix.Addr().Is6() && a.flags&unix.IFA_F_NOPREFIXROUTE != 0 {
		wanted.NoPrefixRoute = false // it brings none, which is all right; the next Refresh looks again
	}
	return a.address(name) == wanted
}
