package lab

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// direction says which way of a cable is broken, seen from the host, and how many of a thousand frames are lost
// both ways.
type direction struct {
	in, out bool
	lost    uint32
}

// Cut separates the host from the network without its interface noticing, as
// when a switch further away fails.
func (p *Port) Cut() error {
	if err := p.lab.Switch.nl.LinkSetNoMaster(p.bridged()); err != nil {
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

// Lose loses so many of a thousand frames, at random, in each direction.
func (p *Port) Lose(perMille uint32) error {
	return p.setOneWay(func(d *direction) { d.lost = perMille })
}

// Narrow lets only so many bytes a second through to the host; what is more waits in a queue of a fifth of a second, and
// is lost beyond that.
func (p *Port) Narrow(bytesPerSecond uint64) error {
	return p.shape("narrow", &netlink.Tbf{
		QdiscAttrs: p.qdisc(), Rate: bytesPerSecond, Limit: uint32(bytesPerSecond / 5), Buffer: netlink.Xmittime(bytesPerSecond, narrowBurst),
	})
}

// narrowBurst is what a narrow cable passes at once: a frame and a bit.
const narrowBurst = 4 << 10

func (p *Port) qdisc() netlink.QdiscAttrs {
	return netlink.QdiscAttrs{LinkIndex: p.link.Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}
}

// shape puts a discipline on the switch's end, in place of another there.
func (p *Port) shape(verb string, q netlink.Qdisc) error {
	if err := p.unshape(); err != nil {
		return err
	}
	if err := p.lab.Switch.nl.QdiscAdd(q); err != nil {
		return fmt.Errorf("%s %s: %w", verb, p, err)
	}
	return nil
}

func (p *Port) unshape() error {
	err := p.lab.Switch.nl.QdiscDel(&netlink.GenericQdisc{QdiscAttrs: p.qdisc()})
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) { // there is none
		return fmt.Errorf("mend %s: %w", p, err)
	}
	return nil
}

// Mend undoes all damage to this cable. Partitions and blocked pairs are not
// the cable's and stay, see [Lab.Heal].
func (p *Port) Mend() error {
	if err := p.straighten(); err != nil {
		return err
	}
	if err := p.lab.Switch.nl.LinkSetMaster(p.link, p.bridge); err != nil {
		return fmt.Errorf("mend %s: %w", p, err)
	}
	if err := p.lab.Switch.nl.LinkSetUp(p.link); err != nil {
		return fmt.Errorf("mend %s: %w", p, err)
	}
	if err := p.unshape(); err != nil {
		return err
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
