// Package fallback decides when a node that lost the majority may hold groups by VRRP alone, and when it must
// stop. It is a pure machine.
package fallback

import (
	"fmt"
	"time"

	"vipd/cluster/lease"
)

// State is where a node stands.
type State uint8

// The states. Only in Active and Leaving may something be held without a lease.
const (
	Governed State = iota // it has a lease, or had one when it was last looked at
	Alone                 // it has none, and the time since is counted
	Active                // it holds groups by VRRP alone
	Leaving               // it lets go of them, and may get no lease before it has
)

// Timing says how long things last.
type Timing struct {
	// Patience is how long there has to be neither lease nor leader.
	Patience time.Duration
	// Gate is for how long the kernel's gate is opened each time. A node that was not looked at for longer
	// was stopped, or might as well have been.
	Gate time.Duration
	// Renew is how often that is repeated.
	Renew time.Duration
}

// leastPatience bears a failover and an election, and a daemon that registers for its first lease.
const leastPatience = 3 * time.Second

// TimingOf goes with a lease's.
func TimingOf(t lease.Timing) Timing {
	return Timing{Patience: max(leastPatience, 10*t.Lease), Gate: t.Lease, Renew: t.Renew}
}

// Look is what a node sees.
type Look struct {
	Lease  bool // it has one
	Leader bool // it hears one: there is a majority, and it is on the way back
	Wanted bool // there are groups that it could hold alone
	Vacant bool // since it began to leave, all was let go of
	Ending bool // the daemon is about to end
}

// Action is what a node shall do.
type Action interface {
	fmt.Stringer
	action()
}

// Open opens the gate until an instant, for addresses that the routers of the groups are master of.
type Open struct{ Until lease.Instant }

// Extend keeps the gate open for longer.
type Extend struct{ Until lease.Instant }

// Leave lets go of everything; if Shut, the gate goes first.
type Leave struct {
	Shut bool
	Why  string
}

// Done says that all was let go of: the gate is to be shut, and the node may ask for a lease.
type Done struct{}

func (Open) action()   {}
func (Extend) action() {}
func (Leave) action()  {}
func (Done) action()   {}

func (a Open) String() string   { return fmt.Sprintf("open until %d", a.Until) }
func (a Extend) String() string { return fmt.Sprintf("extend until %d", a.Until) }
func (a Leave) String() string  { return fmt.Sprintf("leave, shut first: %t, since %s", a.Shut, a.Why) }
func (Done) String() string     { return "done" }

// Machine is one node's. Its zero value is Governed.
type Machine struct {
	state State
	since lease.Instant // Alone: from when the patience counts
	seen  lease.Instant // when Step was called last
	until lease.Instant // Active: when the gate shuts by itself
	next  lease.Instant // Active: when it is extended
}

// State is the present one.
func (m *Machine) State() State { return m.state }

// Step looks at what there is at now, which never goes back, and returns what to do, in order. Anywhere but in
// Governed it wants to be called every Timing.Renew.
func (m *Machine) Step(now lease.Instant, t Timing, look Look) []Action {
	stopped := now.Sub(m.seen) > t.Gate
	m.seen = now
	switch m.state {
	case Governed:
		if !look.Lease {
			m.state, m.since = Alone, now
		}
	case Alone:
		return m.alone(now, t, look, stopped)
	case Active:
		return m.active(now, t, look, stopped)
	case Leaving:
		if look.Vacant {
			m.state, m.since = Alone, now
			return []Action{Done{}}
		}
	}
	return nil
}

// alone counts only time in which the node was awake and heard of no leader: one that was suspended has to
// listen first whether the majority is still there.
func (m *Machine) alone(now lease.Instant, t Timing, look Look, stopped bool) []Action {
	switch {
	case look.Lease:
		m.state = Governed
	case stopped || look.Leader || !look.Wanted || look.Ending:
		m.since = now
	case now.Sub(m.since) >= t.Patience:
		m.state, m.until, m.next = Active, now.Add(t.Gate), now.Add(t.Renew)
		return []Action{Open{m.until}}
	}
	return nil
}

func (m *Machine) active(now lease.Instant, t Timing, look Look, stopped bool) []Action {
	switch {
	case look.Lease:
		return m.leave(Leave{Shut: true, Why: "it has a lease"})
	case look.Leader:
		return m.leave(Leave{Shut: true, Why: "it hears a leader"})
	case stopped || !now.Before(m.until):
		return m.leave(Leave{Shut: true, Why: "it was suspended until its gate shut"})
	case look.Ending:
		return m.leave(Leave{Why: "the daemon ends"})
	case !look.Wanted:
		return m.leave(Leave{Why: "there is nothing that it may hold"})
	case now.Before(m.next):
		return nil
	}
	m.until, m.next = now.Add(t.Gate), now.Add(t.Renew)
	return []Action{Extend{m.until}}
}

func (m *Machine) leave(how Leave) []Action {
	m.state = Leaving
	return []Action{how}
}
