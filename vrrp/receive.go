package vrrp

import (
	"net/netip"
	"time"
)

// received judges a packet and acts on it by state.
func (m *Machine) received(now time.Time, ev Received) []Action {
	p := ev.Packet
	from := p.Src.WithZone("")
	if m.state == Initialize {
		return nil
	}
	a, err := m.cfg.accept(p)
	if err != nil {
		return []Action{Dropped{ReasonOf(err), from}}
	}
	actions := m.tolerate(a, from)
	if m.state == Backup {
		return append(actions, m.backupReceived(now, a, ev.Standing)...)
	}
	return append(actions, m.masterReceived(now, a, from, ev.Standing)...)
}

// Counts returns what a packet advertises, if it counts for this router.
func (m *Machine) Counts(p Packet) (Advertisement, bool) {
	a, err := m.cfg.accept(p)
	return a, err == nil
}

// tolerate tells of a differing address list, once.
func (m *Machine) tolerate(a Advertisement, from netip.Addr) []Action {
	seen := Tolerated{AddressMismatch, from}
	if m.cfg.sameAddresses(a.Addresses) {
		if m.tolerated == seen {
			m.tolerated = Tolerated{}
		}
		return nil
	}
	if m.tolerated == seen {
		return nil
	}
	m.tolerated = seen
	return []Action{seen}
}

// backupReceived is RFC 9568 section 6.4.2.
func (m *Machine) backupReceived(now time.Time, a Advertisement, standing Standing) []Action {
	switch {
	case a.Priority == PriorityStop:
		m.arm(masterGone, now)
		return nil
	case standing == Senior:
		m.lowerSince = time.Time{}
	case standing == Junior || m.mayPreempt(now, a.Priority):
		return nil // discarded: what is left of the timer runs on
	}
	m.arm(masterDown, now)
	return m.adopt(a.Interval)
}

// mayPreempt reports whether the master that sent the advert shall be replaced, and keeps PreemptDelay's
// clock: it starts at the first lower advert and is cleared by one that is not lower.
func (m *Machine) mayPreempt(now time.Time, theirs uint8) bool {
	if theirs >= m.priority {
		m.lowerSince = time.Time{}
		return false
	}
	owner := m.priority == PriorityOwner // always preempts (RFC 9568 section 6.1)
	if m.cfg.NoPreempt && !owner {
		return false
	}
	if m.lowerSince.IsZero() {
		m.lowerSince = now
	}
	return owner || !now.Before(m.lowerSince.Add(m.cfg.PreemptDelay))
}

// adopt follows the master's interval in version 3. In version 2 it is the same as ours.
func (m *Machine) adopt(interval time.Duration) []Action {
	if interval == m.masterInterval {
		return nil
	}
	m.masterInterval = interval
	return []Action{Adopted{interval}}
}

// masterReceived is RFC 9568 section 6.4.3. Preemption does not matter here: of two masters the higher
// stays.
func (m *Machine) masterReceived(now time.Time, a Advertisement, from netip.Addr, standing Standing) []Action {
	switch {
	case a.Priority == PriorityStop:
		m.arm(advertDue, now)
		return []Action{SendAdvert{m.priority}}
	case standing == Junior:
		return m.reassert(now, a, from)
	case a.Priority > m.priority:
		return m.yield(now, a, BecomeBackup{HigherPriority, from, a.Priority})
	case a.Priority == m.priority && m.cfg.Source.WithZone("").Less(from):
		return m.yield(now, a, BecomeBackup{HigherAddress, from, a.Priority})
	}
	return m.reassert(now, a, from)
}

func (m *Machine) yield(now time.Time, a Advertisement, to BecomeBackup) []Action {
	var actions []Action
	if m.cfg.HigherPrioSendAdvert {
		actions = append(actions, SendAdvert{m.priority})
	}
	m.toBackup(now, m.cfg.Interval)
	actions = append(actions, to)
	return append(actions, m.adopt(a.Interval)...)
}

// reassert answers a lesser master at once (RFC 9568 section 6.4.3, keepalived's default).
func (m *Machine) reassert(now time.Time, a Advertisement, from netip.Addr) []Action {
	again := AnnounceAgain{from, a.Priority}
	if m.cfg.LowerPrioNoAdvert {
		return []Action{again}
	}
	m.arm(advertDue, now)
	return []Action{SendAdvert{m.priority}, again}
}
