package lease

import (
	"fmt"
	"time"
)

// Renewal asks a voter for a lease.
type Renewal struct {
	Member string
	Epoch  uint64
	Seq    uint64        // grows with each renewal of an epoch
	Lease  time.Duration // what the member will count; the voter's promise covers it
	Voters uint64        // index of the committed voter configuration that the member counts by
}

// Grant is a voter's promise in answer to the renewal with the same Seq.
type Grant struct {
	Member     string
	Epoch, Seq uint64
	Voter      string
}

// Refusal is a voter's answer to a renewal that it does not grant. It takes back nothing that the voter
// promised earlier, so a lost one changes nothing.
type Refusal struct {
	Member     string
	Epoch, Seq uint64
	Voter      string
	Reason     RefusalReason
}

// RefusalReason says why a voter refused.
type RefusalReason uint8

// The reasons. Only Withdrawn is for ever.
const (
	Withdrawn    RefusalReason = iota + 1 // the voter withdrew this epoch
	UnknownEpoch                          // the voter's state does not say that this epoch is live
	OlderVoters                           // the member counts by an older voter configuration than the voter's log has
	NotReady                              // the voter has just started, or is writing down how long a lease it may grant
)

// String returns the reason in words.
func (r RefusalReason) String() string {
	switch r {
	case Withdrawn:
		return "withdrawn"
	case UnknownEpoch:
		return "unknown epoch"
	case OlderVoters:
		return "older voter configuration"
	case NotReady:
		return "not ready"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Withdrawal says that a voter will never again grant this epoch and that every promise it made to the
// member has lapsed.
type Withdrawal struct {
	Member string
	Epoch  uint64
	Voter  string
	// The newest entry of the voter's Raft log, filled in by whoever sends it: it decides who campaigns
	// when the member was the leader.
	LastTerm, LastIndex uint64
}
