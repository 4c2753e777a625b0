package lease

import "time"

// HolderEvent is what a Holder reacts to.
type HolderEvent interface{ holderEvent() }

// VoterEvent is what a Voter reacts to.
type VoterEvent interface{ voterEvent() }

// Tick says only that time has passed. It is due at Deadline.
type Tick struct{}

// Retimed says that the applied state has this timing.
type Retimed struct{ Timing Timing }

// VotersCommitted is the newest voter configuration of the applied state. It has to come from the applied
// state and not from anything newer: a member that knows a configuration must also know of every epoch
// that was declared dead before it.
type VotersCommitted struct {
	Index uint64
	Names []string
}

// Slept says that the machine was suspended, for how long is not known well: the clock may have counted more of it or
// less. So no instant from before may be compared with one from after it.
type Slept struct{}

// Registered says that the applied state has given this start of the daemon an epoch. If a process of the
// same start and the same boot renewed the epoch before this one, Until is the end of the lease that it left,
// which goes on; else it is 0.
type Registered struct {
	Epoch uint64
	Until Instant
}

// Granted is a voter's grant.
type Granted struct{ Grant Grant }

// Refused is a voter's refusal.
type Refused struct{ Refusal Refusal }

// Dead says that the applied state no longer has this epoch as live.
type Dead struct{ Epoch uint64 }

// Resign says that the member wants no more lease: it is stopping, or will not trust itself.
type Resign struct{}

// Accompany says that another member renewed just now. A holder that would within half an interval does so at once:
// members that renew together wake each other's hosts once in an interval instead of once for each of them. To renew
// early is always safe.
type Accompany struct{}

// Renewed is a member's renewal.
type Renewed struct{ Renewal Renewal }

// Heard says that a node is there: it said something that is no renewal. A node that has no epoch to renew
// has to be heard of as often as one that has, or voters that restarted together would wait for ever.
type Heard struct{ Node string }

// StateApplied gives the live epoch of each member in the voter's applied state. The voter keeps the map;
// it must not be changed any more.
type StateApplied struct{ Live map[string]uint64 }

// LogConfigured gives the index of the newest voter configuration in the voter's own Raft log, committed
// or not; lower than before when the newest was overwritten. It has to come before the voter acknowledges
// that entry to the leader, and at start before Ready.
type LogConfigured struct{ Index uint64 }

// Ready says that the voter's applied state has caught up with everything its log had when it started and
// that was not overwritten since, and is that of a cluster which knows this very data directory as a
// member: an empty log has nothing to catch up with, but replays the past all the same.
type Ready struct{}

// Persisted says that a withdrawal is durable.
type Persisted struct {
	Member string
	Epoch  uint64
}

// CeilingPersisted says that a ceiling is durable.
type CeilingPersisted struct{ Lease time.Duration }

// CeilingLowered says that a lower ceiling is durable.
type CeilingLowered struct{}

// Counted gives the longest lease that the applied state lets any member ask for. The voter is ready for it
// before it is asked, and for longer ones no more when their promises have lapsed.
type Counted struct{ Longest time.Duration }

func (Tick) holderEvent()            {}
func (Slept) holderEvent()           {}
func (Retimed) holderEvent()         {}
func (VotersCommitted) holderEvent() {}
func (Registered) holderEvent()      {}
func (Granted) holderEvent()         {}
func (Refused) holderEvent()         {}
func (Dead) holderEvent()            {}
func (Resign) holderEvent()          {}
func (Accompany) holderEvent()       {}

func (Tick) voterEvent()             {}
func (Slept) voterEvent()            {}
func (Retimed) voterEvent()          {}
func (VotersCommitted) voterEvent()  {}
func (Renewed) voterEvent()          {}
func (Heard) voterEvent()            {}
func (StateApplied) voterEvent()     {}
func (LogConfigured) voterEvent()    {}
func (Ready) voterEvent()            {}
func (Persisted) voterEvent()        {}
func (CeilingPersisted) voterEvent() {}
func (CeilingLowered) voterEvent()   {}
func (Counted) voterEvent()          {}
