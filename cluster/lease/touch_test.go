package lease

import "testing"

// touchy returns a voter of three that sees a/7 live, granted at 100 ms.
func touchy(t *testing.T) *Voter {
	t.Helper()
	v := newVoter(t, Memory{})
	v.Step(at(0), VotersCommitted{Index: 4, Names: []string{"v", "w", "x"}})
	v.Step(at(0), LogConfigured{Index: 4})
	r := renewed(1)
	r.Renewal.Voters = 4
	expectVoter(t, v.Step(at(100*ms), r), grant(1))
	return v
}

func TestVoterOutOfTouchWithdrawsNobody(t *testing.T) {
	due := at(100*ms + promised)
	v := touchy(t)
	expectVoter(t, v.Step(due, Tick{}))
	expectVoter(t, v.Step(due+Instant(25*ms), Tick{}))
	// The cable is mended before anybody was withdrawn: the member is as good as ever.
	r := renewed(2)
	r.Renewal.Voters = 4
	expectVoter(t, v.Step(due+Instant(26*ms), r), grant(2))

	// Mended after the member died: two intervals after the voter last was out of touch.
	v = touchy(t)
	expectVoter(t, v.Step(due, Tick{}))
	expectVoter(t, v.Step(due+Instant(24*ms), Heard{Node: "w"}))
	expectVoter(t, v.Step(due+Instant(75*ms), Heard{Node: "w"}))
	expectDue(t, v, due+Instant(100*ms), persistA)
}

// When the cable is mended the voters do not all renew at one moment: the first to be heard of must not cost
// the others their epochs.
func TestVoterBackInTouchHearsAllFirst(t *testing.T) {
	due := at(100*ms + promised)
	v := touchy(t)
	expectVoter(t, v.Step(due, Tick{}))
	expectVoter(t, v.Step(due+Instant(26*ms), Heard{Node: "w"}))
	r := renewed(2)
	r.Renewal.Voters = 4
	expectVoter(t, v.Step(due+Instant(70*ms), r), grant(2))
	expectVoter(t, v.Step(due+Instant(100*ms), Tick{}))
}

func TestVoterIsInTouchForHalfAPromise(t *testing.T) {
	due := at(100*ms + promised)
	v := touchy(t)
	v.Step(due-Instant(promised/2)+1, Heard{Node: "x"})
	expectDue(t, v, due, persistA)

	v = touchy(t)
	v.Step(due-Instant(promised/2)-1, Heard{Node: "x"})
	expectVoter(t, v.Step(due, Tick{}))

	v = touchy(t)
	v.Step(due-1, Heard{Node: "stranger"})
	expectVoter(t, v.Step(due, Tick{}))
}
