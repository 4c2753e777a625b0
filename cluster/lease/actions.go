package lease

import (
	"fmt"
	"time"
)

// HolderAction is what a Holder wants done. Actions are comparable and performed in order.
type HolderAction interface {
	fmt.Stringer
	holderAction()
}

// VoterAction is what a Voter wants done. Actions are comparable and performed in order.
type VoterAction interface {
	fmt.Stringer
	voterAction()
}

// SendRenewal sends a renewal to a voter, which may be the member itself.
type SendRenewal struct {
	To      string
	Renewal Renewal
}

// Extend says that the lease now ends at Until, exclusive. It never gets shorter.
type Extend struct{ Until Instant }

// Lapse says that the lease of an epoch is over: shut the gate first, then let go. It comes once for each
// lease, and no lease of the same epoch follows.
type Lapse struct{ Epoch uint64 }

// GiveUp says that the epoch is renewed no more, since it lost its lease or got none. Once everything is let
// go of, it should be retired, to be replaced at once by a new one; left alone, the voters withdraw it.
type GiveUp struct{ Epoch uint64 }

// SendGrant sends a grant to its member, which may be the voter itself.
type SendGrant struct{ Grant Grant }

// SendRefusal sends a refusal to its member.
type SendRefusal struct{ Refusal Refusal }

// PersistWithdrawal makes a withdrawal durable; then Persisted is due. It comes once: whoever performs it
// tries until it succeeds, and the voter says and grants nothing about the epoch meanwhile.
type PersistWithdrawal struct {
	Member string
	Epoch  uint64
}

// Announce sends a withdrawal to every voter, this one too.
type Announce struct{ Withdrawal Withdrawal }

// PersistCeiling makes the longest lease durable that this voter may have granted; then CeilingPersisted
// is due.
type PersistCeiling struct{ Lease time.Duration }

// LowerCeiling makes it durable that no promise for a longer lease is under way; then CeilingLowered is due.
// No ceiling is raised meanwhile.
type LowerCeiling struct{ Lease time.Duration }

func (SendRenewal) holderAction() {}
func (Extend) holderAction()      {}
func (Lapse) holderAction()       {}
func (GiveUp) holderAction()      {}

func (SendGrant) voterAction()         {}
func (SendRefusal) voterAction()       {}
func (PersistWithdrawal) voterAction() {}
func (Announce) voterAction()          {}
func (PersistCeiling) voterAction()    {}
func (LowerCeiling) voterAction()      {}

// String describes the action for logs and traces.
func (a SendRenewal) String() string {
	r := a.Renewal
	return fmt.Sprintf("renew %s/%d seq %d for %v by voters %d with %s", r.Member, r.Epoch, r.Seq, r.Lease, r.Voters, a.To)
}

// String describes the action for logs and traces.
func (a Extend) String() string { return fmt.Sprintf("lease until %d", a.Until) }

// String describes the action for logs and traces.
func (a Lapse) String() string { return fmt.Sprintf("lease of epoch %d is over", a.Epoch) }

// String describes the action for logs and traces.
func (a GiveUp) String() string { return fmt.Sprintf("give up epoch %d", a.Epoch) }

// String describes the action for logs and traces.
func (a SendGrant) String() string {
	return fmt.Sprintf("grant %s/%d seq %d", a.Grant.Member, a.Grant.Epoch, a.Grant.Seq)
}

// String describes the action for logs and traces.
func (a SendRefusal) String() string {
	r := a.Refusal
	return fmt.Sprintf("refuse %s/%d seq %d: %v", r.Member, r.Epoch, r.Seq, r.Reason)
}

// String describes the action for logs and traces.
func (a PersistWithdrawal) String() string {
	return fmt.Sprintf("persist withdrawal of %s/%d", a.Member, a.Epoch)
}

// String describes the action for logs and traces.
func (a Announce) String() string {
	return fmt.Sprintf("announce withdrawal of %s/%d", a.Withdrawal.Member, a.Withdrawal.Epoch)
}

// String describes the action for logs and traces.
func (a PersistCeiling) String() string { return fmt.Sprintf("persist lease ceiling %v", a.Lease) }

// String describes the action for logs and traces.
func (a LowerCeiling) String() string { return fmt.Sprintf("lower lease ceiling to %v", a.Lease) }
