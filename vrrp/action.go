package vrrp

import (
	"fmt"
	"net/netip"
	"time"
)

// State is a virtual router's state (RFC 9568 section 6.3).
type State uint8

// The states. The RFC's names are Initialize, Backup and Active.
const (
	Initialize State = iota
	Backup
	Master
)

// String is keepalived's name of the state.
func (s State) String() string {
	switch s {
	case Initialize:
		return "INIT"
	case Backup:
		return "BACKUP"
	case Master:
		return "MASTER"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Why is the cause of a change of state.
type Why string

// The causes.
const (
	Started        Why = "started"
	Owner          Why = "owns the addresses"
	Silence        Why = "no adverts from a master"
	Preempted      Why = "the master has a lower priority"
	MasterStopped  Why = "the master stopped"
	Inherited      Why = "inherited from a predecessor"
	HigherPriority Why = "a master of higher priority"
	HigherAddress  Why = "a master of equal priority and higher address"
	Stopped        Why = "stopped"
)

// Action is what the caller of Step shall do, in the order returned. Actions are comparable.
type Action interface {
	fmt.Stringer
	action()
}

// SendAdvert asks for an advert with this priority to every destination; Machine.Adverts makes the packets.
type SendAdvert struct{ Priority uint8 }

// BecomeMaster asks to take the addresses and to announce them.
type BecomeMaster struct{ Why Why }

// BecomeBackup asks to let go of the addresses. From is the new master if it is known.
type BecomeBackup struct {
	Why      Why
	From     netip.Addr
	Priority uint8
}

// BecomeInit asks to let go of the addresses, if they are held, and stop.
type BecomeInit struct{ Why Why }

// AnnounceAgain asks a master to announce the addresses once more: From believed to be master too, and
// switches and neighbours may have believed it (keepalived's MASTER_RX_LOWER_PRI).
type AnnounceAgain struct {
	From     netip.Addr
	Priority uint8
}

// Adopted tells that the timers follow the master's interval now (RFC 9568 section 6.4.2).
type Adopted struct{ Interval time.Duration }

// Tolerated tells of a packet that counted although something was wrong. It comes once per sender and
// reason, until a packet of that sender is right.
type Tolerated struct {
	Reason Reason
	From   netip.Addr
}

// Dropped tells of a packet that did not count.
type Dropped struct {
	Reason Reason
	From   netip.Addr
}

func (SendAdvert) action()    {}
func (BecomeMaster) action()  {}
func (BecomeBackup) action()  {}
func (BecomeInit) action()    {}
func (AnnounceAgain) action() {}
func (Adopted) action()       {}
func (Tolerated) action()     {}
func (Dropped) action()       {}

func (a SendAdvert) String() string   { return fmt.Sprintf("send advert prio %d", a.Priority) }
func (a BecomeMaster) String() string { return fmt.Sprintf("become MASTER: %s", a.Why) }
func (a BecomeInit) String() string   { return fmt.Sprintf("become INIT: %s", a.Why) }
func (a Adopted) String() string      { return fmt.Sprintf("adopt interval %v", a.Interval) }
func (a Tolerated) String() string    { return fmt.Sprintf("tolerate %s from %v", a.Reason, a.From) }
func (a Dropped) String() string      { return fmt.Sprintf("drop %s from %v", a.Reason, a.From) }

func (a BecomeBackup) String() string {
	if !a.From.IsValid() {
		return fmt.Sprintf("become BACKUP: %s", a.Why)
	}
	return fmt.Sprintf("become BACKUP: %s (%v prio %d)", a.Why, a.From, a.Priority)
}

func (a AnnounceAgain) String() string {
	return fmt.Sprintf("announce again: %v prio %d is master too", a.From, a.Priority)
}
