package lease

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// promised is how long a voter with the timing lan promises.
const promised = 262500 * time.Microsecond

// newVoter returns a voter that has been able to grant since 0 and sees a/7 live since then.
func newVoter(t *testing.T, memory Memory) *Voter {
	t.Helper()
	if memory.Ceiling == 0 {
		memory.Ceiling = lan.Lease
	}
	v := NewVoter("v", at(0), memory)
	v.Step(at(0), Retimed{lan})
	v.Step(at(0), Counted{memory.Ceiling})
	v.Step(at(0), LogConfigured{Index: 3})
	v.Step(at(0), VotersCommitted{Index: 3, Names: []string{"v"}})
	v.Step(at(0), StateApplied{map[string]uint64{"a": 7}})
	v.Step(at(0), Ready{})
	return v
}

func renewed(seq uint64) Renewed {
	return Renewed{Renewal{Member: "a", Epoch: 7, Seq: seq, Lease: lan.Lease, Voters: 3}}
}

func grant(seq uint64) VoterAction {
	return SendGrant{Grant{Member: "a", Epoch: 7, Seq: seq, Voter: "v"}}
}

func refusal(epoch, seq uint64, reason RefusalReason) VoterAction {
	return SendRefusal{Refusal{Member: "a", Epoch: epoch, Seq: seq, Voter: "v", Reason: reason}}
}

var (
	persistA  = PersistWithdrawal{Member: "a", Epoch: 7}
	announceA = Announce{Withdrawal{Member: "a", Epoch: 7, Voter: "v"}}
)

func expectVoter(t *testing.T, got []VoterAction, want ...VoterAction) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("actions (-want +got):\n%s", diff)
	}
}

// expectDue checks that nothing happens a nanosecond before due, and want at due.
func expectDue(t *testing.T, v *Voter, due Instant, want ...VoterAction) {
	t.Helper()
	if got, ok := v.Deadline(); !ok || got != due {
		t.Fatalf("deadline %v, %v; want %v", got, ok, due)
	}
	expectVoter(t, v.Step(due-1, Tick{}))
	expectVoter(t, v.Step(due, Tick{}), want...)
}

func TestVoterPromisesFromWhenTheRenewalArrived(t *testing.T) {
	v := newVoter(t, Memory{})
	expectVoter(t, v.Step(at(100*ms), renewed(1)), grant(1))
	expectDue(t, v, at(100*ms+promised), persistA)
	expectVoter(t, v.Step(at(400*ms), renewed(2)), refusal(7, 2, Withdrawn))
}

func TestVoterPromiseCoversTheRenewalsLease(t *testing.T) {
	v := newVoter(t, Memory{Ceiling: time.Second})
	r := renewed(1)
	r.Renewal.Lease = time.Second
	expectVoter(t, v.Step(at(1*ms), r), grant(1))
	// A shorter lease later takes nothing back.
	expectVoter(t, v.Step(at(800*ms), renewed(2)), grant(2))
	expectDue(t, v, at(800*ms+promised), persistA)

	v = newVoter(t, Memory{Ceiling: time.Second})
	expectVoter(t, v.Step(at(500*ms), r), grant(1))
	expectVoter(t, v.Step(at(501*ms), renewed(2)), grant(2))
	expectDue(t, v, at(500*ms+1020*ms), persistA)
}

func TestVoterWithdrawsDurablyFirst(t *testing.T) {
	v := newVoter(t, Memory{})
	expectDue(t, v, at(promised), persistA)
	if _, ok := v.Deadline(); ok {
		t.Fatal("nothing is due while the withdrawal is being written")
	}
	expectVoter(t, v.Step(at(300*ms), Tick{}))
	expectVoter(t, v.Step(at(320*ms), Persisted{Member: "a", Epoch: 7}), announceA)
	expectDue(t, v, at(370*ms), announceA)
	expectVoter(t, v.Step(at(380*ms), renewed(9)), refusal(7, 9, Withdrawn))
	// Dead: no more to say. A new epoch is granted.
	expectVoter(t, v.Step(at(390*ms), StateApplied{map[string]uint64{}}))
	expectVoter(t, v.Step(at(430*ms), Tick{}))
	expectVoter(t, v.Step(at(440*ms), StateApplied{map[string]uint64{"a": 8}}))
	r := renewed(1)
	r.Renewal.Epoch = 8
	expectVoter(t, v.Step(at(450*ms), r), SendGrant{Grant{Member: "a", Epoch: 8, Seq: 1, Voter: "v"}})
}

func TestVoterRemembersWithdrawalsAcrossRestarts(t *testing.T) {
	v := NewVoter("v", at(0), Memory{Withdrawn: map[string]uint64{"a": 7}, Ceiling: lan.Lease})
	v.Step(at(0), Retimed{lan})
	v.Step(at(0), VotersCommitted{Index: 3, Names: []string{"v"}})
	expectVoter(t, v.Step(at(1*ms), StateApplied{map[string]uint64{"a": 7}}))
	expectVoter(t, v.Step(at(2*ms), Ready{}), announceA)
	expectVoter(t, v.Step(at(3*ms), renewed(1)), refusal(7, 1, Withdrawn))
}

func TestVoterRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Renewal)
		reason RefusalReason
	}{
		"older epoch":   {func(r *Renewal) { r.Epoch = 6 }, UnknownEpoch},
		"newer epoch":   {func(r *Renewal) { r.Epoch = 8 }, UnknownEpoch},
		"other member":  {func(r *Renewal) { r.Member = "b" }, UnknownEpoch},
		"older voters":  {func(r *Renewal) { r.Voters = 2 }, OlderVoters},
		"newer voters":  {func(r *Renewal) { r.Voters = 4 }, 0},
		"shorter lease": {func(r *Renewal) { r.Lease = ms }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v, r := newVoter(t, Memory{}), renewed(1).Renewal
			c.change(&r)
			var want VoterAction = SendGrant{Grant{Member: r.Member, Epoch: r.Epoch, Seq: 1, Voter: "v"}}
			if c.reason != 0 {
				want = SendRefusal{Refusal{Member: r.Member, Epoch: r.Epoch, Seq: 1, Voter: "v", Reason: c.reason}}
			}
			expectVoter(t, v.Step(at(1*ms), Renewed{r}), want)
		})
	}
}

func TestVoterFollowsItsLogsConfiguration(t *testing.T) {
	v := newVoter(t, Memory{})
	v.Step(at(1*ms), LogConfigured{Index: 9})
	expectVoter(t, v.Step(at(2*ms), renewed(1)), refusal(7, 1, OlderVoters))
	v.Step(at(3*ms), LogConfigured{Index: 3}) // the entry was overwritten
	expectVoter(t, v.Step(at(4*ms), renewed(2)), grant(2))
	v.Step(at(5*ms), VotersCommitted{Index: 12, Names: []string{"v"}})
	v.Step(at(6*ms), LogConfigured{Index: 3})
	expectVoter(t, v.Step(at(7*ms), renewed(3)), refusal(7, 3, OlderVoters))
}

func TestVoterIgnoresReplays(t *testing.T) {
	v := newVoter(t, Memory{})
	expectVoter(t, v.Step(at(1*ms), renewed(5)), grant(5))
	expectVoter(t, v.Step(at(200*ms), renewed(5)))
	expectVoter(t, v.Step(at(200*ms), renewed(4)))
	expectDue(t, v, at(1*ms+promised), persistA)
}

func TestVoterThatJustStarted(t *testing.T) {
	v := NewVoter("v", at(0), Memory{Ceiling: time.Second})
	v.Step(at(1*ms), Retimed{lan})
	v.Step(at(1*ms), Counted{time.Second})
	v.Step(at(1*ms), VotersCommitted{Index: 3, Names: []string{"v"}})
	v.Step(at(1*ms), StateApplied{map[string]uint64{"a": 7}})
	expectVoter(t, v.Step(at(2*ms), renewed(1)), refusal(7, 1, NotReady))
	expectVoter(t, v.Step(at(3*ms), Ready{}))
	// It may have promised for a second just before it stopped, whatever the profile says now.
	expectDue(t, v, at(1020*ms), persistA)
}

// A suspended machine's clock may say that a promise has lapsed which has not.
func TestVoterThatWasSuspended(t *testing.T) {
	v := newVoter(t, Memory{Ceiling: time.Second})
	expectVoter(t, v.Step(at(1*ms), renewed(1)), grant(1))
	resumed := at(time.Hour)
	expectVoter(t, v.Step(resumed, Slept{}))
	expectDue(t, v, resumed.Add(1020*ms), persistA)
}

func TestVoterNeverGrantedWaitsForARenewal(t *testing.T) {
	v := NewVoter("v", at(0), Memory{})
	expectVoter(t, v.Step(at(0), Retimed{lan}), PersistCeiling{lan.Lease})
	v.Step(at(0), VotersCommitted{Index: 3, Names: []string{"v"}})
	v.Step(at(0), StateApplied{map[string]uint64{"a": 7}})
	v.Step(at(0), Ready{})
	expectVoter(t, v.Step(at(10*ms), renewed(1)), refusal(7, 1, NotReady))
	v.Step(at(20*ms), CeilingPersisted{lan.Lease})
	expectDue(t, v, at(20*ms+promised), persistA)
}

func TestVoterRaisesItsCeilingBeforeALongerLease(t *testing.T) {
	v := newVoter(t, Memory{})
	r := renewed(1)
	r.Renewal.Lease = time.Second
	expectVoter(t, v.Step(at(1*ms), r), PersistCeiling{time.Second}, refusal(7, 1, NotReady))
	r.Renewal.Seq = 2
	expectVoter(t, v.Step(at(2*ms), r), refusal(7, 2, NotReady))
	expectVoter(t, v.Step(at(2*ms), renewed(3)), grant(3)) // shorter ones are granted meanwhile
	expectVoter(t, v.Step(at(3*ms), CeilingPersisted{time.Second}))
	r.Renewal.Seq = 4
	expectVoter(t, v.Step(at(4*ms), r), grant(4))
}

func TestVoterThatDoesNotVoteWithdrawsNothing(t *testing.T) {
	v := NewVoter("v", at(0), Memory{Ceiling: lan.Lease})
	v.Step(at(0), Retimed{lan})
	v.Step(at(0), StateApplied{map[string]uint64{"a": 7}})
	v.Step(at(0), VotersCommitted{Index: 3, Names: []string{"w"}})
	v.Step(at(0), Ready{})
	if due, ok := v.Deadline(); ok {
		t.Fatalf("a learner has something to do at %v", due)
	}
	// Members learn only now that they should renew with it.
	v.Step(at(time.Second), VotersCommitted{Index: 8, Names: []string{"v"}})
	expectDue(t, v, at(time.Second+promised), persistA)
}

func TestVoterThatWasLateListensFirst(t *testing.T) {
	v := newVoter(t, Memory{})
	v.Step(at(100*ms), renewed(1))
	late := at(100*ms + promised + 50*ms)
	expectVoter(t, v.Step(late+1, Tick{}))
	expectVoter(t, v.Step(late+2, renewed(2)), grant(2)) // it had been waiting in the socket

	// Late again and again: it forgives once in a promise.
	v = newVoter(t, Memory{})
	v.Step(at(100*ms), renewed(1))
	expectVoter(t, v.Step(late+1, Tick{}))
	expectDue(t, v, late+1+Instant(50*ms), persistA)

	v = newVoter(t, Memory{})
	v.Step(at(100*ms), renewed(1))
	expectVoter(t, v.Step(late+1, Tick{}))
	expectVoter(t, v.Step(late+Instant(150*ms), Tick{}), persistA)
}

func TestVoterPromiseOutlivesTheEpoch(t *testing.T) {
	v := newVoter(t, Memory{Ceiling: time.Second})
	r := renewed(1)
	r.Renewal.Lease = time.Second
	v.Step(at(500*ms), r)
	v.Step(at(501*ms), StateApplied{map[string]uint64{"a": 8}})
	// Whoever renewed epoch 7 may hold by it until it has learnt of epoch 8.
	expectDue(t, v, at(500*ms+1020*ms), PersistWithdrawal{Member: "a", Epoch: 8})
}

func TestVoterForgetsMembersThatAreGone(t *testing.T) {
	v := newVoter(t, Memory{})
	v.Step(at(100*ms), renewed(1))
	v.Step(at(101*ms), StateApplied{map[string]uint64{"b": 9}})
	if len(v.watched) != 2 {
		t.Fatalf("%d members are watched; the promise to a still ran when it was forgotten", len(v.watched))
	}
	v.Step(at(600*ms), StateApplied{map[string]uint64{"b": 9}})
	if len(v.watched) != 1 {
		t.Fatalf("%d members are watched, and only b is live", len(v.watched))
	}
}
