package cluster

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"vipd/cluster/lease"
	"vipd/vip/fence"
)

// standing is what a door says of itself, and how often it asked to be opened.
type standing struct {
	Lease, Open, Missing bool
	Asked                int
}

func TestDoor(t *testing.T) {
	soon := func() lease.Instant { return bootNow().Add(time.Hour) }
	for _, c := range []struct {
		name   string
		extend error // what the gate says to it
		do     func(*door)
		want   standing
	}{
		{"new", nil, func(*door) {}, standing{}},
		{"a lease asks to be opened", nil, func(d *door) { d.extend(soon()) }, standing{Lease: true, Asked: 1}},
		{"raised", nil, func(d *door) {
			d.extend(soon())
			d.raise()
			d.extend(soon())
		}, standing{Lease: true, Open: true, Asked: 1}},
		{"a lease that is over", nil, func(d *door) { d.extend(bootNow().Add(-1)) }, standing{Asked: 1}},
		{"shut", nil, func(d *door) {
			d.extend(soon())
			d.raise()
			d.shut()
		}, standing{Asked: 1}},
		{"held up: the earlier end stands", fmt.Errorf("extend: %w", fence.ErrStalled), func(d *door) {
			d.extend(soon())
			d.raise()
			d.extend(soon())
		}, standing{Lease: true, Open: true, Asked: 1}},
		{"the gate shut before", fmt.Errorf("extend: %w", fence.ErrShut), func(d *door) {
			d.extend(soon())
			d.raise()
			d.extend(soon())
		}, standing{Lease: true, Asked: 2}},
		{"the gate is gone", fmt.Errorf("extend: %w", fence.ErrGone), func(d *door) {
			d.extend(soon())
			d.raise()
			d.extend(soon())
		}, standing{Lease: true, Missing: true, Asked: 2}},
		{"remade", fence.ErrGone, func(d *door) {
			d.extend(soon())
			d.raise()
			d.extend(soon())
			d.remake()
		}, standing{Lease: true, Asked: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			asked := 0
			s.door.opened = func() { asked++ }
			s.gate.extendErr = c.extend
			c.do(s.door)
			leased, open := s.door.valid()
			diff(t, "door", c.want, standing{leased, open, s.door.missing(), asked})
			diff(t, "gate", open, s.gate.open)
		})
	}
}

func TestRaiseWithoutLease(t *testing.T) {
	s := newScene(t)
	for _, until := range []lease.Instant{0, bootNow(), bootNow().Add(-time.Hour)} {
		s.door.extend(until)
		if err := s.door.raise(); !errors.Is(err, errNoLease) {
			t.Errorf("raised for a lease until %d: %v", until, err)
		}
	}
	diff(t, "gate", false, s.gate.open)
}

// The kernel is told once: what is shut is shut.
func TestShutTwice(t *testing.T) {
	s := newScene(t)
	s.door.shut()
	diff(t, "shuts of a door that was not open", 0, s.gate.shuts)
	s.lease()
	check(t, s.door.raise())
	s.door.shut()
	s.door.shut()
	diff(t, "shuts", 1, s.gate.shuts)
}

func TestRemakeThatFails(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.gate.verifyErr = fence.ErrGone
	s.door.rebuild = func() (gate, error) { return nil, errors.New("no nftables") }
	s.door.verify()
	if done, actions := s.step(); done {
		t.Fatalf("done without a gate: %v", actions)
	}
	diff(t, "missing", true, s.door.missing())
	diff(t, "on the host", 0, len(s.host.have))
}
