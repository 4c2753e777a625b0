package vrrp

import "time"

// skew spreads takeovers by priority: the higher, the sooner. Version 2 always counts in seconds
// (RFC 3768 section 6.1), version 3 in the master's interval (RFC 9568 section 6.1).
func (m *Machine) skew() time.Duration {
	unit := time.Second
	if m.cfg.Version == V3 {
		unit = m.masterInterval
	}
	return time.Duration(256-int(m.priority)) * unit / 256
}

// downInterval is how long a BACKUP waits for an advert: RFC 9568's Active_Down_Interval.
func (m *Machine) downInterval() time.Duration {
	n := m.cfg.DownAdverts
	if n == 0 {
		n = defaultDownAdverts
	}
	return time.Duration(n)*m.masterInterval + m.skew()
}

// timer is what the running timer waits for.
type timer uint8

const (
	noTimer    timer = iota
	advertDue        // MASTER: Adver_Timer
	masterDown       // BACKUP: Active_Down_Timer
	masterGone       // BACKUP: the same timer after an advert of priority 0, which leaves only the skew
)

// arm starts a timer at t.
func (m *Machine) arm(kind timer, t time.Time) {
	m.timer, m.armed = kind, t
}

// Deadline is when Step wants a Tick; zero when no timer runs.
func (m *Machine) Deadline() time.Time {
	switch m.timer {
	case advertDue:
		return m.armed.Add(m.cfg.Interval)
	case masterDown:
		return m.armed.Add(m.downInterval())
	case masterGone:
		return m.armed.Add(m.skew())
	}
	return time.Time{}
}
