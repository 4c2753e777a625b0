package cluster

import (
	"slices"
	"testing"
	"time"

	"vipd/cluster/fallback"
	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// alone is a scene in which this node lost its lease and nothing else is known, seconds ago: web may be held
// without one, db may not.
func alone(t *testing.T) (*scene, *soloist, *bool) {
	s := newScene(t)
	s.commit(groups(group("web", "10.0.0.1/24"), group("db", "10.0.0.2/24")))
	s.commit(give(s.view, "a", "web"))
	s.commit(give(s.view, "a", "db"))
	led := false
	s.tenant.speaker.led = func() bool { return led }
	solo := newSoloist(soloistOptions{
		log: quiet(), view: func() *state.State { return s.view }, door: s.door,
		led:     func() bool { return led },
		able:    func(*state.State) repertoire { return repertoire{"web": 100} },
		changed: func() {}, free: func() { s.note("free") },
	})
	s.tenant.soloist = solo
	activate(t, s, solo)
	s.door.holdAlone(bootNow().Add(time.Hour))
	return s, solo, &led
}

// activate has a soloist see nobody for long enough, up to now.
func activate(t *testing.T, s *scene, solo *soloist) {
	timing := fallback.TimingOf(lease.Timing{Renew: s.view.Profile.Renew, Lease: s.view.Profile.Lease})
	now := bootNow()
	for at := now.Add(-timing.Patience - timing.Renew); !at.After(now); at = at.Add(timing.Renew) {
		if solo.machine.State() == fallback.Active {
			t.Fatal("active before its time")
		}
		if acts := solo.machine.Step(at, timing, fallback.Look{Wanted: true}); len(acts) > 0 {
			solo.may = repertoire{"web": 100}
			solo.perform(acts[0], solo.may)
			break
		}
	}
}

// Without a lease the gate is opened for the groups that fall back alone, and debts are left to the log.
func TestHoldsAlone(t *testing.T) {
	s, solo, _ := alone(t)
	done, actions := s.step()
	diff(t, "actions", []string{"raise", "hold 10.0.0.1", "set 10.0.0.1/24", "announce 10.0.0.1"}, actions)
	if !done || !solo.holds() || len(s.settled) > 0 {
		t.Errorf("done %t, holds %t, settled %v", done, solo.holds(), s.settled)
	}
	if leased, _ := s.door.valid(); leased {
		t.Error("it took itself for a node with a lease")
	}
}

// When a leader is heard the gate shuts before anything else, and only once all is let go of may there be a lease.
func TestLeavesBeforeItHasALease(t *testing.T) {
	s, solo, led := alone(t)
	s.step()
	*led = true
	solo.step()
	if s.gate.open || !solo.holds() {
		t.Fatalf("open %t, holds %t", s.gate.open, solo.holds())
	}
	solo.step()
	if !solo.holds() {
		t.Error("it may have a lease while addresses are here")
	}
	_, actions := s.step()
	if !slices.Contains(actions, "release 10.0.0.1") {
		t.Errorf("%v", actions)
	}
	solo.step()
	if solo.holds() || !slices.Contains(s.actions, "free") {
		t.Errorf("holds %t after %v", solo.holds(), s.actions)
	}
}

// A lease that comes all the same shuts what was opened without one.
func TestLeaseEndsWhatIsHeldAlone(t *testing.T) {
	s, _, _ := alone(t)
	s.step()
	s.lease()
	if leased, open := s.door.valid(); !leased || open || s.gate.open {
		t.Errorf("lease %t, open %t, the kernel's gate open %t", leased, open, s.gate.open)
	}
	if allowed, _ := s.door.permits(true); allowed {
		t.Error("groups may still be held without a lease")
	}
}

// A router that is held back waits as long as its rival advertises, up to a limit; one that carries goes on.
func TestWaitsForARivalThatStillAdvertises(t *testing.T) {
	start := time.Now()
	r := rivalry{clear: start.Add(yieldTime), limit: start.Add(yieldLimit)}
	for _, tt := range []struct{ heard, clear time.Duration }{
		{150 * time.Millisecond, 350 * time.Millisecond},
		{340 * time.Millisecond, 540 * time.Millisecond},
		{900 * time.Millisecond, yieldLimit},
	} {
		r.heard = start.Add(tt.heard)
		r.prolong()
		if got := r.clear.Sub(start); got != tt.clear {
			t.Errorf("heard after %v, the addresses may be carried after %v, want %v", tt.heard, got, tt.clear)
		}
	}
	r = rivalry{heard: start}
	if r.prolong(); !r.clear.IsZero() {
		t.Errorf("held back until %v", r.clear)
	}
}
