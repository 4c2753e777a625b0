package health

import (
	"time"

	"vipd/cluster/state"
)

// KillAfter is what a script that was told to end has before it is killed, keepalived's.
const KillAfter = 2 * time.Second

// Event is what a machine is told.
type Event int

// The events. A run that ended is told by Ended instead.
const (
	Begin Event = iota // once, first
	Timer              // the time of Next has come
)

// Action is what a machine wants done.
type Action int

// The actions.
const (
	Start     Action = iota // the check, once
	Interrupt               // the run, in a way that lets it clean up
	Kill                    // the run
	Tell                    // others: Status says something else now
)

// Status is what is known of a check.
type Status struct {
	State State
	Since time.Time // of State
	Value int       // the number in the file of a file check
	Text  string    // what the last run said
}

// State is whether a check fails.
type State string

// The states. Waiting is before the first result.
const (
	Waiting State = "waiting"
	OK      State = "ok"
	Failing State = "failing"
)

// Outcome is what came of one run.
type Outcome struct {
	OK    bool
	Value int
	Text  string
}

// Machine decides when a check runs, and when its results make it fail. It has no clock: times are given, and only
// ever compared with each other.
type Machine struct {
	check  state.Check
	status Status

	due     time.Time // of the next run
	running bool
	// ends is when the run is interrupted and then killed; zero: that was done.
	ends        time.Time
	interrupted bool
	ran         bool // there was a result
	inARow      int  // results unlike the state
}

// NewMachine returns the machine of a check that has not begun.
func NewMachine(c state.Check) *Machine {
	m := &Machine{check: c, status: Status{State: Waiting}}
	if c.InitFail {
		m.status = Status{State: Failing, Text: "it has not run yet"}
	}
	return m
}

// Status is what is known now.
func (m *Machine) Status() Status { return m.status }

// Next is when a Timer event is due.
func (m *Machine) Next() time.Time {
	if m.running && !m.ends.IsZero() && m.ends.Before(m.due) {
		return m.ends
	}
	return m.due
}

// Step tells the machine of an event and returns what to do, in order.
func (m *Machine) Step(now time.Time, e Event) []Action {
	if e == Begin {
		m.due, m.status.Since = now, now
	}
	actions := m.overdue(now)
	if now.Before(m.due) {
		return actions
	}
	// Runs keep to the interval, whatever they take and however late the timer is.
	for !m.due.After(now) {
		m.due = m.due.Add(m.check.Interval)
	}
	if m.running {
		return actions // one at a time: this turn is skipped
	}
	m.running, m.interrupted, m.ends = true, false, now.Add(m.check.Timeout)
	return append(actions, Start)
}

// overdue ends a run that takes too long. That it does is a failure, whatever it says in the end.
func (m *Machine) overdue(now time.Time) []Action {
	switch {
	case !m.running || m.ends.IsZero() || now.Before(m.ends):
		return nil
	case m.interrupted:
		m.ends = time.Time{}
		return []Action{Kill}
	}
	m.interrupted, m.ends = true, now.Add(KillAfter)
	return append([]Action{Interrupt}, m.take(now, Outcome{Text: "it took longer than " + m.check.Timeout.String()})...)
}

// Ended tells the machine what came of the run.
func (m *Machine) Ended(now time.Time, o Outcome) []Action {
	if !m.running {
		return nil
	}
	m.running = false
	if m.interrupted {
		return nil
	}
	return m.take(now, o)
}

// take counts a result. The first one counts at once, as in keepalived.
func (m *Machine) take(now time.Time, o Outcome) []Action {
	before := m.status
	m.status.Value, m.status.Text = o.Value, o.Text
	to, needed := Failing, m.check.Fall
	if o.OK {
		to, needed = OK, m.check.Rise
	}
	switch {
	case to == before.State:
		m.inARow = 0
	case !m.ran:
		m.turn(now, to)
	default:
		if m.inARow++; m.inARow >= needed {
			m.turn(now, to)
		}
	}
	m.ran = true
	if m.status.State != before.State || m.status.Value != before.Value {
		return []Action{Tell}
	}
	return nil
}

func (m *Machine) turn(now time.Time, to State) {
	m.status.State, m.status.Since, m.inARow = to, now, 0
}
