package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// Machine is one virtual router (RFC 9568 section 6, RFC 3768 section 6). Feed it events in the order of
// their times; it reads no clock. It is not safe for concurrent use.
type Machine struct {
	cfg      Config
	state    State
	priority uint8 // effective

	timer timer
	armed time.Time // when the timer was started
	// masterInterval is the master's advert interval while BACKUP in version 3 (Active_Adver_Interval),
	// and otherwise our own.
	masterInterval time.Duration
	// lowerSince is when the first advert of a master with lower priority came, for PreemptDelay; zero
	// when the last master heard was not lower.
	lowerSince time.Time
	// tolerated is the last Tolerated, so that it is told once.
	tolerated Tolerated
}

// NewMachine returns a router in state Initialize, which waits for Start or Inherit.
func NewMachine(cfg Config) (*Machine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("new machine: %w", err)
	}
	return &Machine{cfg: cfg, priority: cfg.Priority, masterInterval: cfg.Interval}, nil
}

// State is the current state.
func (m *Machine) State() State { return m.state }

// Priority is the effective priority.
func (m *Machine) Priority() uint8 { return m.priority }

// Config is what the machine was made with.
func (m *Machine) Config() Config { return m.cfg }

// Advert is a packet to send: the payload and where it goes.
type Advert struct {
	Dst     netip.Addr
	Payload []byte
}

// Adverts encodes an advert of the priority for every destination. NewMachine verified that it can be done.
func (m *Machine) Adverts(priority uint8) ([]Advert, error) {
	var out []Advert
	for _, dst := range m.cfg.Destinations() {
		b, err := m.cfg.advertisement(priority).Marshal(m.cfg.wire(dst))
		if err != nil {
			return nil, err
		}
		out = append(out, Advert{Dst: dst, Payload: b})
	}
	return out, nil
}

// Step tells the machine what happened at now, and returns what to do about it, in order.
func (m *Machine) Step(now time.Time, ev Event) []Action {
	switch ev := ev.(type) {
	case Start:
		return m.start(now)
	case Inherit:
		return m.inherit(now)
	case Shutdown:
		return m.shutdown(ev)
	case Tick:
		return m.tick(now)
	case Received:
		return m.received(now, ev)
	case SetPriority:
		if ev.Priority != 0 {
			m.priority = ev.Priority // Deadline follows by itself
		}
	}
	return nil
}

// start is RFC 9568 section 6.4.1.
func (m *Machine) start(now time.Time) []Action {
	if m.state != Initialize {
		return nil
	}
	if m.priority == PriorityOwner {
		return m.toMaster(now, Owner)
	}
	m.toBackup(now, m.cfg.Interval)
	return []Action{BecomeBackup{Why: Started}}
}

func (m *Machine) inherit(now time.Time) []Action {
	if m.state == Master {
		return nil
	}
	return m.toMaster(now, Inherited)
}

// shutdown is RFC 9568 sections 6.4.2 and 6.4.3. The addresses go first: a peer that hears priority 0 may
// take them within its skew time.
func (m *Machine) shutdown(ev Shutdown) []Action {
	was := m.state
	m.state, m.timer, m.tolerated = Initialize, noTimer, Tolerated{}
	switch {
	case was == Initialize:
		return nil
	case was == Master && !ev.Silent:
		return []Action{BecomeInit{Stopped}, SendAdvert{PriorityStop}}
	}
	return []Action{BecomeInit{Stopped}}
}

func (m *Machine) tick(now time.Time) []Action {
	due := m.Deadline()
	if due.IsZero() || now.Before(due) {
		return nil
	}
	switch m.timer {
	case masterDown:
		if !m.lowerSince.IsZero() {
			return m.toMaster(now, Preempted)
		}
		return m.toMaster(now, Silence)
	case masterGone:
		return m.toMaster(now, MasterStopped)
	}
	// Counting from the deadline keeps the rhythm when ticks come late, without catching up in a burst.
	m.arm(advertDue, due)
	if !m.Deadline().After(now) {
		m.arm(advertDue, now)
	}
	return []Action{SendAdvert{m.priority}}
}

// toMaster is RFC 9568 section 6.4.2 (370): the advert goes out before the addresses are taken, so that
// another router about to do the same holds back.
func (m *Machine) toMaster(now time.Time, why Why) []Action {
	m.state, m.masterInterval, m.lowerSince = Master, m.cfg.Interval, time.Time{}
	m.arm(advertDue, now)
	return []Action{SendAdvert{m.priority}, BecomeMaster{why}}
}

func (m *Machine) toBackup(now time.Time, masterInterval time.Duration) {
	m.state, m.masterInterval, m.lowerSince = Backup, masterInterval, time.Time{}
	m.arm(masterDown, now)
}
