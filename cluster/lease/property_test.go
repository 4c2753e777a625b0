package lease

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestHolderAgainstAPlainCount compares the holder with a count that keeps everything and sorts, until it
// gives up.
func TestHolderAgainstAPlainCount(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	rapid.Check(t, func(t *rapid.T) {
		h, now := NewHolder("a"), at(0)
		voters := names[:rapid.IntRange(1, 5).Draw(t, "voters")]
		h.Step(now, Retimed{lan})
		h.Step(now, VotersCommitted{Index: 1, Names: voters})
		sent := map[uint64]Instant{}
		lapsed, gaveUp := false, false
		ends := map[string]Instant{}
		note := func(actions []HolderAction) {
			for _, a := range actions {
				switch a := a.(type) {
				case SendRenewal:
					sent[a.Renewal.Seq] = now
				case Lapse:
					lapsed = true
				case GiveUp:
					gaveUp = true
				}
			}
		}
		note(h.Step(now, Registered{Epoch: 7}))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 80).Draw(t, "ms")) * ms)
			if rapid.Bool().Draw(t, "tick") {
				note(h.Step(now, Tick{}))
			} else {
				voter := rapid.SampledFrom(names).Draw(t, "voter")
				seq := uint64(rapid.IntRange(0, len(sent)+1).Draw(t, "seq"))
				if at, ok := sent[seq]; ok && slices.Contains(voters, voter) {
					ends[voter] = max(ends[voter], at.Add(lan.Lease))
				}
				note(h.Step(now, granted(voter, seq)))
			}
			var granted []Instant
			for _, v := range voters {
				granted = append(granted, ends[v])
			}
			slices.Sort(granted)
			want := granted[len(voters)-len(voters)/2-1]
			if gaveUp && h.Valid(now) {
				t.Fatalf("valid at %d after it gave up", now)
			}
			if gaveUp {
				if now.Before(want) && !lapsed && now.Before(at(2*promised)) {
					t.Fatalf("gave up at %d although the count says until %d", now, want)
				}
				return
			}
			if got := h.Valid(now); got != now.Before(want) {
				t.Fatalf("valid = %v at %d; the count says until %d", got, now, want)
			}
			if h.Valid(now) && h.Until() != want {
				t.Fatalf("until %d, want %d", h.Until(), want)
			}
		}
	})
}

// TestVoterKeepsItsPromises drives a voter through anything, restarts too, and checks that no withdrawal
// is announced within a promise, nor anything granted after it.
func TestVoterKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &voterDriver{t: t, now: at(0), live: 1}
		d.memory = Memory{Withdrawn: map[string]uint64{}}
		d.restart()
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			d.now = d.now.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "ms")) * ms)
			switch rapid.IntRange(0, 10).Draw(t, "what") {
			case 0:
				d.restart()
			case 1:
				d.live++
				d.step(StateApplied{map[string]uint64{"a": d.live}})
			case 2:
				d.lease = time.Duration(rapid.IntRange(100, 600).Draw(t, "lease")) * ms
				d.step(Retimed{Timing{Renew: 50 * ms, Lease: d.lease, Margin: 10 * ms}})
			case 3, 4:
				d.step(Tick{})
			case 5:
				// Suspended: the clock says that more time has passed than has.
				wrong := time.Duration(rapid.IntRange(0, 1000).Draw(t, "wrong")) * ms
				d.now, d.promised = d.now.Add(wrong), d.promised.Add(wrong)
				d.step(Slept{})
			default:
				d.seq++
				epoch := d.live - uint64(rapid.IntRange(0, 1).Draw(t, "older"))
				lease := time.Duration(rapid.IntRange(100, 600).Draw(t, "said")) * ms
				d.asked = lease
				d.step(Renewed{Renewal{Member: "a", Epoch: epoch, Seq: d.seq, Lease: lease, Voters: 1}})
			}
		}
	})
}

type voterDriver struct {
	t        *rapid.T
	voter    *Voter
	memory   Memory
	now      Instant
	live     uint64
	seq      uint64
	lease    time.Duration // the profile's
	asked    time.Duration // by the newest renewal
	promised Instant       // to anyone, restarts notwithstanding
	said     uint64        // newest epoch announced as withdrawn
}

func (d *voterDriver) restart() {
	d.voter = NewVoter("v", d.now, d.memory)
	d.lease = 250 * ms
	d.step(Retimed{Timing{Renew: 50 * ms, Lease: d.lease, Margin: 10 * ms}})
	d.step(VotersCommitted{Index: 1, Names: []string{"v"}})
	d.step(StateApplied{map[string]uint64{"a": d.live}})
	d.step(Ready{})
}

func (d *voterDriver) step(ev VoterEvent) {
	for _, a := range d.voter.Step(d.now, ev) {
		switch a := a.(type) {
		case SendGrant:
			if a.Grant.Epoch <= d.said || a.Grant.Epoch != d.live {
				d.t.Fatalf("granted epoch %d; %d is withdrawn and %d live", a.Grant.Epoch, d.said, d.live)
			}
			d.promised = max(d.promised, d.now.Add(d.asked+d.asked/100+10*ms))
		case PersistWithdrawal:
			// The disk may lose what was not finished.
			if rapid.Bool().Draw(d.t, "persisted") {
				d.memory.Withdrawn["a"] = max(d.memory.Withdrawn["a"], a.Epoch)
				d.step(Persisted{Member: a.Member, Epoch: a.Epoch})
			}
		case PersistCeiling:
			if rapid.Bool().Draw(d.t, "raised") {
				d.memory.Ceiling = max(d.memory.Ceiling, a.Lease)
				d.step(CeilingPersisted{a.Lease})
			}
		case LowerCeiling:
			written := rapid.Bool().Draw(d.t, "written")
			if written {
				d.memory.Ceiling = a.Lease
			}
			if written && rapid.Bool().Draw(d.t, "lowered") {
				d.step(CeilingLowered{})
			}
		case Announce:
			if d.now.Before(d.promised) {
				d.t.Fatalf("announced a withdrawal at %d within a promise until %d", d.now, d.promised)
			}
			d.said = max(d.said, a.Withdrawal.Epoch)
		}
	}
}

func TestActionsSayWhatTheyAre(t *testing.T) {
	for want, a := range map[string]fmt.Stringer{
		"renew a/7 seq 2 for 250ms by voters 3 with b": SendRenewal{"b", Renewal{"a", 7, 2, 250 * ms, 3}},
		"lease until 5":               Extend{5},
		"lease of epoch 7 is over":    Lapse{7},
		"grant a/7 seq 2":             SendGrant{Grant{"a", 7, 2, "b"}},
		"refuse a/7 seq 2: withdrawn": SendRefusal{Refusal{"a", 7, 2, "b", Withdrawn}},
		"persist withdrawal of a/7":   PersistWithdrawal{"a", 7},
		"announce withdrawal of a/7":  Announce{Withdrawal{Member: "a", Epoch: 7}},
		"persist lease ceiling 1s":    PersistCeiling{time.Second},
		"lower lease ceiling to 1s":   LowerCeiling{time.Second},
	} {
		if got := a.String(); got != want {
			t.Errorf("%T says %q, want %q", a, got, want)
		}
	}
}
