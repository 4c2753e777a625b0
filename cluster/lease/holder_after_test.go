package lease

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A process that goes on with the epoch of the one before it has that one's lease from the start, and its
// renewals are newer than any of that one's.
func TestHolderGoesOnWithALease(t *testing.T) {
	h := NewHolder("a")
	h.Step(at(0), Retimed{lan})
	h.Step(at(0), VotersCommitted{Index: 3, Names: []string{"a", "b", "c"}})
	left := at(5 * time.Second)
	got := h.Step(at(0), Registered{Epoch: 7, Until: left})
	if len(got) != 4 || got[0] != (Extend{Until: left}) {
		t.Fatalf("actions %v; want the lease that was left and three renewals", got)
	}
	seq := got[1].(SendRenewal).Renewal.Seq
	if before := uint64(at(-1 * ms)); seq <= before {
		t.Fatalf("renews with seq %d; the process before may have used %d", seq, before)
	}
	expectHolder(t, h.Step(at(1*ms), granted("b", seq)))
	expectHolder(t, h.Step(at(2*ms), granted("c", seq))) // ends earlier than what there is
	now := at(4900 * ms)
	got = h.Step(now, Tick{})
	seq = got[0].(SendRenewal).Renewal.Seq
	h.Step(now, granted("b", seq))
	expectHolder(t, h.Step(now, granted("c", seq)), Extend{Until: now.Add(250 * ms)})
}

func TestHolderLosesALeaseThatItWentOnWith(t *testing.T) {
	for name, end := range map[string]struct {
		at   Instant
		ev   HolderEvent
		want []HolderAction
	}{
		"nobody grants":     {at(time.Second), Tick{}, []HolderAction{Lapse{Epoch: 7}, GiveUp{Epoch: 7}}},
		"the epoch is dead": {at(10 * ms), Dead{Epoch: 7}, []HolderAction{Lapse{Epoch: 7}}},
	} {
		h := NewHolder("a")
		h.Step(at(0), Retimed{lan})
		h.Step(at(0), VotersCommitted{Index: 3, Names: []string{"a", "b", "c"}})
		h.Step(at(0), Registered{Epoch: 7, Until: at(time.Second)})
		for now := at(50 * ms); now.Before(end.at); now = now.Add(50 * ms) {
			for _, a := range h.Step(now, Tick{}) {
				if _, renews := a.(SendRenewal); !renews {
					t.Fatalf("%s: %v before the end", name, a)
				}
			}
		}
		if diff := cmp.Diff(end.want, h.Step(end.at, end.ev)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestHolderGoesOnWithNothingThatIsOver(t *testing.T) {
	h := NewHolder("a")
	h.Step(at(0), Retimed{lan})
	h.Step(at(0), VotersCommitted{Index: 3, Names: []string{"a", "b", "c"}})
	if got := h.Step(at(time.Second), Registered{Epoch: 7, Until: at(time.Second)}); len(got) != 3 || h.Valid(at(time.Second)) {
		t.Fatalf("actions %v; want three renewals", got)
	}
}
