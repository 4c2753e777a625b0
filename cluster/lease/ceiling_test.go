package lease

import (
	"testing"
	"time"
)

// long is a renewal of a/7 for a second.
func long(seq uint64) Renewed {
	r := renewed(seq)
	r.Renewal.Lease = time.Second
	return r
}

func TestVoterIsReadyForALongLeaseBeforeItIsAsked(t *testing.T) {
	v := newVoter(t, Memory{})
	expectVoter(t, v.Step(at(1*ms), Counted{time.Second}), PersistCeiling{time.Second})
	expectVoter(t, v.Step(at(2*ms), CeilingPersisted{time.Second}))
	expectVoter(t, v.Step(at(3*ms), long(1)), grant(1))
}

// The ceiling falls when the state lets nobody ask for so long a lease any more, and what goes on of the
// promise is no longer than one for a usual lease.
func TestVoterLowersItsCeilingAfterALongLease(t *testing.T) {
	v := newVoter(t, Memory{Ceiling: time.Second})
	expectVoter(t, v.Step(at(100*ms), long(1)), grant(1)) // promised until 1120 ms
	expectVoter(t, v.Step(at(800*ms), Counted{lan.Lease}))
	last := at(1120*ms - promised)
	expectVoter(t, v.Step(last-1, renewed(2)), grant(2))
	expectVoter(t, v.Step(last, Tick{}), LowerCeiling{lan.Lease})
	// No longer one is granted from then on, nor is the ceiling raised beside the write.
	expectVoter(t, v.Step(last+1, long(3)), refusal(7, 3, NotReady))
	expectVoter(t, v.Step(last+2, CeilingLowered{}))
	expectVoter(t, v.Step(last+3, long(4)), PersistCeiling{time.Second}, refusal(7, 4, NotReady))
}

func TestVoterRaisesItsCeilingAfterItLoweredIt(t *testing.T) {
	v := newVoter(t, Memory{Ceiling: time.Second})
	expectVoter(t, v.Step(at(1*ms), Counted{lan.Lease})) // the process before this one may have promised a second
	start := at(1020*ms - promised)
	expectVoter(t, v.Step(start-1, renewed(1)), grant(1))
	expectVoter(t, v.Step(start, Tick{}), LowerCeiling{lan.Lease})
	expectVoter(t, v.Step(start+1, Counted{2 * time.Second}))
	expectVoter(t, v.Step(start+2, CeilingLowered{}), PersistCeiling{2 * time.Second})
}

// A ceiling that was raised for a renewal which the state knows nothing of yet stays until it has been of use.
func TestVoterKeepsARaisedCeilingForAWhile(t *testing.T) {
	v := newVoter(t, Memory{})
	expectVoter(t, v.Step(at(1*ms), long(1)), PersistCeiling{time.Second}, refusal(7, 1, NotReady))
	expectVoter(t, v.Step(at(2*ms), CeilingPersisted{time.Second}))
	expectVoter(t, v.Step(at(1000*ms), renewed(2)), grant(2))
	expectVoter(t, v.Step(at(1021*ms), renewed(3)), grant(3))
	expectVoter(t, v.Step(at(1022*ms), renewed(4)), grant(4), LowerCeiling{lan.Lease})
}
