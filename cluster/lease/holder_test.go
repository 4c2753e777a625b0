package lease

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const ms = time.Millisecond

// at is an instant of the tests' clock.
func at(d time.Duration) Instant { return Instant(time.Hour + d) }

var lan = Timing{Renew: 50 * ms, Lease: 250 * ms, Margin: 10 * ms}

// newHolder returns a holder that renews epoch 7 with three voters since 0, and has sent seq 1.
func newHolder(t *testing.T) *Holder {
	t.Helper()
	h := NewHolder("a")
	h.Step(at(0), Retimed{lan})
	h.Step(at(0), VotersCommitted{Index: 3, Names: []string{"a", "b", "c"}})
	h.Step(at(0), Registered{Epoch: 7})
	return h
}

func granted(voter string, seq uint64) Granted {
	return Granted{Grant{Member: "a", Epoch: 7, Seq: seq, Voter: voter}}
}

func expectHolder(t *testing.T, got []HolderAction, want ...HolderAction) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("actions (-want +got):\n%s", diff)
	}
}

func TestHolderRenewsWithEveryVoter(t *testing.T) {
	h := NewHolder("a")
	expectHolder(t, h.Step(at(0), Retimed{lan}))
	expectHolder(t, h.Step(at(0), Registered{Epoch: 7}))
	r := Renewal{Member: "a", Epoch: 7, Seq: 1, Lease: 250 * ms, Voters: 3}
	expectHolder(t, h.Step(at(1*ms), VotersCommitted{Index: 3, Names: []string{"a", "b"}}),
		SendRenewal{To: "a", Renewal: r}, SendRenewal{To: "b", Renewal: r})

	h.Step(at(2*ms), granted("a", 1))
	h.Step(at(2*ms), granted("b", 1))
	if due, ok := h.Deadline(); !ok || due != at(51*ms) {
		t.Fatalf("next renewal at %v, %v; want %v", due, ok, at(51*ms))
	}
	expectHolder(t, h.Step(at(51*ms)-1, Tick{}))
	r.Seq = 2
	expectHolder(t, h.Step(at(51*ms), Tick{}), SendRenewal{To: "a", Renewal: r}, SendRenewal{To: "b", Renewal: r})
}

// In company a renewal comes up to half an interval early, and the next an interval after that.
func TestHolderRenewsInCompany(t *testing.T) {
	h := newHolder(t)
	answer := func(seq uint64) {
		h.Step(at(25*ms)-2, granted("a", seq))
		h.Step(at(25*ms)-2, granted("b", seq))
	}
	answer(1)
	expectHolder(t, h.Step(at(25*ms)-1, Accompany{}))
	if got := h.Step(at(25*ms), Accompany{}); len(got) != 3 {
		t.Fatalf("half an interval after the last renewal: %v; want one for each of three voters", got)
	}
	answer(2)
	expectHolder(t, h.Step(at(25*ms)+1, Accompany{}))
	if due, _ := h.Deadline(); due != at(75*ms) {
		t.Fatalf("next renewal at %v, want %v", due, at(75*ms))
	}
}

// What no majority answers is asked again after half an interval.
func TestHolderAsksAgain(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	if due, _ := h.Deadline(); due != at(25*ms) {
		t.Fatalf("unanswered, the next renewal is at %v, want %v", due, at(25*ms))
	}
	expectHolder(t, h.Step(at(25*ms)-1, Tick{}))
	if got := h.Step(at(25*ms), Tick{}); len(got) != 3 {
		t.Fatalf("half an interval after a renewal without an answer: %v; want one for each of three voters", got)
	}
	// The answer to the older one is none to the newer.
	expectHolder(t, h.Step(at(26*ms), granted("b", 1)), Extend{Until: at(250 * ms)})
	if due, _ := h.Deadline(); due != at(50*ms) {
		t.Fatalf("the next renewal is at %v, want %v", due, at(50*ms))
	}
	h.Step(at(27*ms), granted("a", 2))
	h.Step(at(28*ms), granted("b", 2))
	if due, _ := h.Deadline(); due != at(75*ms) {
		t.Fatalf("answered, the next renewal is at %v, want %v", due, at(75*ms))
	}
}

func TestHolderWithoutAnEpochRenewsInNoCompany(t *testing.T) {
	h := newHolder(t)
	h.Step(at(0), Dead{Epoch: 7})
	expectHolder(t, h.Step(at(40*ms), Accompany{}))
	h = newHolder(t)
	h.Step(at(0), Resign{})
	expectHolder(t, h.Step(at(40*ms), Accompany{}))
}

func TestHolderAfterAPauseRenewsOnce(t *testing.T) {
	h := newHolder(t)
	if got := h.Step(at(490*ms), Tick{}); len(got) != 3 {
		t.Fatalf("after a pause: %v; want one renewal for each of three voters", got)
	}
	expectHolder(t, h.Step(at(490*ms)+1, Tick{}))
}

func TestHolderLeaseIsCountedFromSending(t *testing.T) {
	h := newHolder(t)
	expectHolder(t, h.Step(at(20*ms), granted("a", 1)))
	expectHolder(t, h.Step(at(40*ms), granted("b", 1)), Extend{Until: at(250 * ms)})
	if !h.Valid(at(250*ms)-1) || h.Valid(at(250*ms)) {
		t.Fatal("the lease must end 250 ms after the renewal was sent, exclusive")
	}
	h.Step(at(50*ms), Tick{}) // seq 2
	expectHolder(t, h.Step(at(60*ms), granted("c", 2)))
	expectHolder(t, h.Step(at(70*ms), granted("a", 2)), Extend{Until: at(300 * ms)})
	expectHolder(t, h.Step(at(71*ms), granted("b", 1)))
	expectHolder(t, h.Step(at(72*ms), granted("b", 2)))
}

func TestHolderLapsesAtTheEndAndGivesUp(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	h.Step(at(1*ms), granted("b", 1))
	asked := 0
	for due, _ := h.Deadline(); due.Before(at(250 * ms)); due, _ = h.Deadline() {
		asked += len(h.Step(due, Tick{})) / 3
	}
	if asked < 5 || asked > 25 {
		t.Errorf("asked %d times for a lease that was about to end", asked)
	}
	expectHolder(t, h.Step(at(250*ms)-1, Tick{}))
	expectHolder(t, h.Step(at(250*ms), Tick{}), Lapse{Epoch: 7}, GiveUp{Epoch: 7})
	expectHolder(t, h.Step(at(251*ms), Tick{}))
	if due, ok := h.Deadline(); ok || h.Until() != 0 || h.Valid(at(251*ms)) {
		t.Fatalf("waits for %v, until %v, without a lease", due, h.Until())
	}
	// Late grants bring nothing back.
	expectHolder(t, h.Step(at(252*ms), granted("b", uint64(asked))))
	expectHolder(t, h.Step(at(253*ms), granted("c", uint64(asked))))
	if got := h.Step(at(260*ms), Registered{Epoch: 8}); len(got) != 3 {
		t.Fatalf("with a new epoch: %v; want renewals", got)
	}
}

func TestHolderThatGetsNoLeaseGivesUp(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	end := at(2 * promised)
	for now := at(50 * ms); now.Before(end); now = now.Add(50 * ms) {
		h.Step(now, Tick{})
	}
	if due, ok := h.Deadline(); !ok || due != end {
		t.Fatalf("deadline %v, %v; want %v", due, ok, end)
	}
	expectHolder(t, h.Step(end-1, Tick{}))
	expectHolder(t, h.Step(end, Tick{}), GiveUp{Epoch: 7})
	expectHolder(t, h.Step(end.Add(time.Second), Tick{}))
}

// A suspended machine's clock may say that nothing of a lease has passed which is over.
func TestHolderThatWasSuspended(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	h.Step(at(1*ms), granted("b", 1))
	expectHolder(t, h.Step(at(2*ms), Slept{}), Lapse{Epoch: 7}, GiveUp{Epoch: 7})
	expectHolder(t, h.Step(at(3*ms), granted("c", 1)))
	expectHolder(t, h.Step(at(4*ms), Slept{}))

	t.Run("without a lease", func(t *testing.T) {
		h := newHolder(t)
		h.Step(at(1*ms), granted("a", 1))
		expectHolder(t, h.Step(at(2*ms), Slept{}), GiveUp{Epoch: 7})
		expectHolder(t, h.Step(at(3*ms), granted("b", 1)))
	})
	t.Run("without an epoch", func(t *testing.T) {
		h := NewHolder("a")
		expectHolder(t, h.Step(at(2*ms), Slept{}))
		h.Step(at(3*ms), Retimed{lan})
		h.Step(at(3*ms), VotersCommitted{Index: 3, Names: []string{"a", "b", "c"}})
		if got := h.Step(at(3*ms), Registered{Epoch: 7}); len(got) != 3 {
			t.Fatalf("registered afterwards: %v; want renewals", got)
		}
	})
	t.Run("resigned", func(t *testing.T) {
		h := newHolder(t)
		h.Step(at(1*ms), granted("a", 1))
		h.Step(at(1*ms), granted("b", 1))
		h.Step(at(1*ms), Resign{})
		expectHolder(t, h.Step(at(2*ms), Slept{}), Lapse{Epoch: 7})
	})
}

func TestHolderLapsesEvenWhenAGrantArrivesAtTheEnd(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	h.Step(at(1*ms), granted("b", 1))
	h.Step(at(200*ms), Tick{}) // seq 2
	h.Step(at(201*ms), granted("a", 2))
	expectHolder(t, h.Step(at(250*ms), granted("b", 2)), Lapse{Epoch: 7}, GiveUp{Epoch: 7})
}

func TestHolderIgnoresGrants(t *testing.T) {
	for name, g := range map[string]Grant{
		"of another member":  {Member: "b", Epoch: 7, Seq: 1, Voter: "b"},
		"of another epoch":   {Member: "a", Epoch: 6, Seq: 1, Voter: "b"},
		"of no known seq":    {Member: "a", Epoch: 7, Seq: 2, Voter: "b"},
		"of seq 0":           {Member: "a", Epoch: 7, Seq: 0, Voter: "b"},
		"of nobody's voter":  {Member: "a", Epoch: 7, Seq: 1, Voter: "x"},
		"counted twice":      {Member: "a", Epoch: 7, Seq: 1, Voter: "a"},
		"of an overflow seq": {Member: "a", Epoch: 7, Seq: 1<<64 - 1, Voter: "b"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHolder(t)
			h.Step(at(1*ms), granted("a", 1))
			expectHolder(t, h.Step(at(2*ms), Granted{g}))
		})
	}
}

func TestHolderGrantOfAnEndedLeaseIsWorthless(t *testing.T) {
	h := newHolder(t)
	h.Step(at(100*ms), granted("a", 1))
	expectHolder(t, h.Step(at(250*ms)-1, granted("b", 1)),
		append([]HolderAction{Extend{Until: at(250 * ms)}}, renewals(h, 3)...)...)

	h = newHolder(t)
	h.Step(at(100*ms), granted("a", 1)) // sends seq 2
	expectHolder(t, h.Step(at(250*ms), granted("b", 1)), renewals(h, 3)...)
}

// renewals are what a holder of newHolder sends with a sequence number.
func renewals(h *Holder, seq uint64) []HolderAction {
	r := Renewal{Member: "a", Epoch: 7, Seq: seq, Lease: h.timing.Lease, Voters: h.voters.Index}
	var actions []HolderAction
	for _, v := range h.voters.Names {
		actions = append(actions, SendRenewal{To: v, Renewal: r})
	}
	return actions
}

func TestHolderCountsByTheNewestCommittedVoters(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	h.Step(at(1*ms), granted("b", 1))
	// Three of four are needed now, and only two granted; but what three gave stays until its end.
	expectHolder(t, h.Step(at(2*ms), VotersCommitted{Index: 9, Names: []string{"a", "b", "c", "d"}}))
	if !h.Valid(at(250*ms)-1) || h.Valid(at(250*ms)) {
		t.Fatal("the lease by the earlier voters must last until its end")
	}
	// An older configuration that comes late changes nothing.
	expectHolder(t, h.Step(at(3*ms), VotersCommitted{Index: 3, Names: []string{"a", "b", "c"}}))
	if got := h.Step(at(50*ms), Tick{}); len(got) != 4 || got[0].(SendRenewal).Renewal.Voters != 9 {
		t.Fatalf("renewals after the change: %v; want four that name configuration 9", got)
	}
	// Two of four are no majority now.
	h.Step(at(51*ms), granted("d", 2))
	expectHolder(t, h.Step(at(51*ms), granted("c", 2)))
	// A grant of a renewal that named the older configuration counts: it is a promise all the same.
	h.Step(at(100*ms), Tick{})
	expectHolder(t, h.Step(at(101*ms), granted("a", 2)), Extend{Until: at(300 * ms)})
	// A voter that left does not count.
	h.Step(at(102*ms), granted("d", 3))
	expectHolder(t, h.Step(at(103*ms), VotersCommitted{Index: 12, Names: []string{"a", "b", "c"}}))
	expectHolder(t, h.Step(at(104*ms), granted("d", 3)))
	expectHolder(t, h.Step(at(105*ms), granted("a", 3)))
	expectHolder(t, h.Step(at(106*ms), granted("b", 3)), Extend{Until: at(350 * ms)})
}

func TestHolderEndsWithItsEpoch(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	h.Step(at(1*ms), granted("b", 1))
	expectHolder(t, h.Step(at(2*ms), Dead{Epoch: 6}))
	expectHolder(t, h.Step(at(3*ms), Dead{Epoch: 7}), Lapse{Epoch: 7})
	if _, ok := h.Deadline(); ok || h.Epoch() != 0 {
		t.Fatal("a holder without an epoch waits for nothing")
	}
	expectHolder(t, h.Step(at(4*ms), granted("c", 1)))
	expectHolder(t, h.Step(at(5*ms), Registered{Epoch: 7}))
	if got := h.Step(at(6*ms), Registered{Epoch: 8}); len(got) != 3 || got[0].(SendRenewal).Renewal.Epoch != 8 {
		t.Fatalf("with a new epoch: %v; want renewals of it", got)
	}
	expectHolder(t, h.Step(at(7*ms), granted("c", 1)))
}

func TestHolderResigns(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	h.Step(at(1*ms), granted("b", 1))
	expectHolder(t, h.Step(at(10*ms), Resign{}))
	expectHolder(t, h.Step(at(60*ms), granted("c", 1)))
	if due, ok := h.Deadline(); !ok || due != at(250*ms) {
		t.Fatalf("deadline %v, %v; want the end of the lease", due, ok)
	}
	expectHolder(t, h.Step(at(250*ms), Tick{}), Lapse{Epoch: 7})
}

func TestHolderRetimes(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), granted("a", 1))
	h.Step(at(2*ms), Retimed{Timing{Renew: 5 * ms, Lease: 30 * ms, Margin: 5 * ms}})
	if got := h.Step(at(7*ms), Tick{}); len(got) != 3 || got[0].(SendRenewal).Renewal.Lease != 30*ms {
		t.Fatalf("after the change: %v; want renewals of the new lease, 5 ms after it", got)
	}
	// A renewal counts for what it said when it was sent.
	expectHolder(t, h.Step(at(8*ms), granted("b", 1)), Extend{Until: at(250 * ms)})
}

func TestHolderRemembersRefusals(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), Refused{Refusal{Member: "a", Epoch: 7, Seq: 1, Voter: "b", Reason: Withdrawn}})
	h.Step(at(1*ms), Refused{Refusal{Member: "a", Epoch: 7, Seq: 1, Voter: "c", Reason: NotReady}})
	h.Step(at(2*ms), granted("c", 1))
	if diff := cmp.Diff(map[string]RefusalReason{"b": Withdrawn}, h.Refusals()); diff != "" {
		t.Fatalf("refusals (-want +got):\n%s", diff)
	}
}

func TestHolderMemoryIsBounded(t *testing.T) {
	h := newHolder(t)
	h.Step(at(1*ms), Retimed{Timing{Renew: ms, Lease: time.Minute, Margin: 10 * ms}})
	for i := range time.Duration(3 * maxOutstanding) {
		h.Step(at(i*ms+2*ms), Tick{})
	}
	if n := len(h.sent.ends); n > maxOutstanding {
		t.Fatalf("%d renewals are remembered", n)
	}
}
