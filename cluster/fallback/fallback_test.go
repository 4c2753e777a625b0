package fallback

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/lease"
)

var timing = TimingOf(lease.Timing{Renew: 50 * time.Millisecond, Lease: 250 * time.Millisecond, Margin: 10 * time.Millisecond})

// node drives a machine by hand.
type node struct {
	*testing.T
	m    Machine
	now  lease.Instant
	look Look
}

// lost is a node that lost its lease at second 100 and has groups to hold alone.
func lost(t *testing.T) *node {
	n := &node{T: t, now: lease.Instant(100 * time.Second), look: Look{Lease: true, Wanted: true}}
	n.step()
	n.look.Lease = false
	n.step()
	n.is(Alone)
	return n
}

func (n *node) step() []Action { return n.m.Step(n.now, timing, n.look) }

// pass lets time pass in steps, of which only the last may ask for anything but an extension.
func (n *node) pass(d time.Duration) (last []Action) {
	n.Helper()
	for end := n.now.Add(d); n.now.Before(end); {
		for _, a := range last {
			if _, extends := a.(Extend); !extends {
				n.Fatalf("%v before at %v", a, time.Duration(n.now))
			}
		}
		n.now = min(n.now.Add(timing.Renew), end)
		last = n.step()
	}
	return last
}

func (n *node) is(want State) {
	n.Helper()
	if got := n.m.State(); got != want {
		n.Fatalf("state %d, want %d", got, want)
	}
}

func (n *node) did(got []Action, want ...Action) {
	n.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		n.Errorf("actions (-want +got):\n%s", diff)
	}
}

// active is a node that has waited long enough.
func active(t *testing.T) *node {
	n := lost(t)
	n.pass(timing.Patience)
	n.is(Active)
	return n
}

func TestPatience(t *testing.T) {
	n := lost(t)
	n.did(n.pass(timing.Patience - 1))
	n.is(Alone)
	n.did(n.pass(1), Open{n.now.Add(timing.Gate)})
	n.is(Active)
}

// Whatever says that the majority may be there makes the patience count anew.
func TestPatienceCountsAnew(t *testing.T) {
	for _, tt := range []struct {
		name    string
		disturb func(*node)
	}{
		{"a leader is heard", func(n *node) { n.look.Leader = true; n.pass(1); n.look.Leader = false }},
		{"nothing could be held", func(n *node) { n.look.Wanted = false; n.pass(1); n.look.Wanted = true }},
		{"it was suspended", func(n *node) { n.now = n.now.Add(timing.Gate + 1); n.step() }},
		{"it had a lease", func(n *node) { n.look.Lease = true; n.pass(1); n.look.Lease = false; n.pass(1) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := lost(t)
			n.pass(timing.Patience - 10)
			tt.disturb(n)
			n.did(n.pass(timing.Patience - 1))
			n.is(Alone)
			n.pass(1)
			n.is(Active)
		})
	}
	t.Run("it was late, but not for long", func(t *testing.T) {
		n := lost(t)
		n.now = n.now.Add(timing.Gate)
		n.step()
		n.pass(timing.Patience - timing.Gate)
		n.is(Active)
	})
	t.Run("a suspended node does not wake up with the time over", func(t *testing.T) {
		n := lost(t)
		n.now = n.now.Add(time.Hour)
		n.did(n.step())
		n.is(Alone)
	})
}

func TestGateIsExtended(t *testing.T) {
	n := active(t)
	n.did(n.pass(timing.Renew-1), nil...)
	n.did(n.pass(1), Extend{n.now.Add(timing.Gate)})
	n.pass(time.Minute)
	n.is(Active)
}

func TestLeaves(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*node)
		want   Leave
	}{
		{"a leader is heard", func(n *node) { n.look.Leader = true }, Leave{Shut: true, Why: "it hears a leader"}},
		{"a lease", func(n *node) { n.look.Lease = true }, Leave{Shut: true, Why: "it has a lease"}},
		{"it was suspended until the gate shut", func(n *node) { n.now = n.now.Add(timing.Gate - 1) }, Leave{Shut: true, Why: "it was suspended until its gate shut"}},
		{"nothing is left to hold", func(n *node) { n.look.Wanted = false }, Leave{Why: "there is nothing that it may hold"}},
		{"the daemon ends", func(n *node) { n.look.Ending = true }, Leave{Why: "the daemon ends"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := active(t)
			tt.change(n)
			n.did(n.pass(1), tt.want)
			n.did(n.pass(time.Hour)) // as long as something is held
			n.is(Leaving)
			n.look.Vacant = true
			n.did(n.pass(1), Done{})
			n.is(Alone)
		})
	}
	t.Run("not a nanosecond before the gate shuts", func(t *testing.T) {
		n := active(t)
		n.now = n.now.Add(timing.Gate - 1)
		n.did(n.step(), Extend{n.now.Add(timing.Gate)})
	})
}
