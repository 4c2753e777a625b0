package lab

import "fmt"

// direction says which way of a cable is broken, seen from the host.
type direction struct{ in, out bool }

// Cut separates the host from the network without its interface noticing, as
// when a switch further away fails.
func (p *Port) Cut() error {
	if err := p.lab.Switch.nl.LinkSetNoMaster(p.link); err != nil {
		return fmt.Errorf("cut %s: %w", p, err)
	}
	return nil
}

// CutCarrier pulls the cable: the host's interface loses its carrier.
func (p *Port) CutCarrier() error {
	if err := p.lab.Switch.nl.LinkSetDown(p.link); err != nil {
		return fmt.Errorf("pull %s: %w", p, err)
	}
	return nil
}

// CutInbound loses every frame on the way to the host; what the host sends
// still arrives.
func (p *Port) CutInbound() error {
	return p.setOneWay(func(d *direction) { d.in = true })
}

// CutOutbound loses every frame from the host; what others send still arrives.
func (p *Port) CutOutbound() error {
	return p.setOneWay(func(d *direction) { d.out = true })
}

// Mend undoes all damage to this cable. Partitions and blocked pairs are not
// the cable's and stay, see [Lab.Heal].
func (p *Port) Mend() error {
	if err := p.lab.Switch.nl.LinkSetMaster(p.link, p.bridge); err != nil {
		return fmt.Errorf("mend %s: %w", p, err)
	}
	if err := p.lab.Switch.nl.LinkSetUp(p.link); err != nil {
		return fmt.Errorf("mend %s: %w", p, err)
	}
	return p.setOneWay(func(d *direction) { *d = direction{} })
}

func (p *Port) setOneWay(change func(*direction)) error {
	l := p.lab
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.oneWay[p]
	after := before
	change(&after)
	if after == before {
		return nil
	}
	l.oneWay[p] = after
	return l.applyFilter()
}

// String returns the name of the switch's end, which is the host's name for
// the first network.
func (p *Port) String() string { return p.link.Name }
