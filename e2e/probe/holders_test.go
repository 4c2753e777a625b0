package probe

import (
	"net/netip"
	"testing"
	"time"

	"vipd/e2e/lab"
)

// The switch sends a client's frames to one of two holders only. The census
// finds the other.
func TestTwoHolders(t *testing.T) {
	eachFamily(t, func(t *testing.T, vip netip.Addr) {
		l := lab.New(t, lab.Options{Hosts: 3})
		add1(t, l.Hosts[0], vip)
		p := watch(t, l, nil, vip)
		await(t, p, vip, "node1")
		from := time.Now()
		add1(t, l.Hosts[2], vip)
		await(t, p, vip, "node3")
		pause(100 * time.Millisecond)
		until := time.Now()
		del(t, l.Hosts[0], vip)
		pause(100 * time.Millisecond)
		a := stop(t, p, vip)
		// More than one only if the prober stalled for longer than the window.
		if len(a.DoubleAnswers) == 0 {
			t.Fatal("no double answers")
		}
		for _, d := range a.DoubleAnswers {
			if d.Hosts != [2]string{"node1", "node3"} || d.Until.Before(from) || d.At.After(until) {
				t.Errorf("double answer %+v, added %v, removed %v", d, from, until)
			}
		}
	})
}

// Moves in quick succession, without any overlap, are only moves.
func TestQuickMoves(t *testing.T) {
	l := lab.New(t, lab.Options{Hosts: 2})
	p := watch(t, l, nil, vip4)
	const moves = 20
	for i := range moves {
		h := l.Hosts[i%2]
		add1(t, h, vip4)
		await(t, p, vip4, h.Name)
		// Longer than the window, so that the way back is no proof.
		pause(70 * time.Millisecond)
		del(t, h, vip4)
	}
	a := stop(t, p, vip4)
	if len(a.DoubleAnswers) > 0 {
		t.Errorf("double answers %+v", a.DoubleAnswers)
	}
	if len(a.Changes) != moves-1 {
		t.Errorf("%d changes, want %d", len(a.Changes), moves-1)
	}
}

// A way back within the window is told from an overlap by nothing but its
// speed, so the shortest overlaps must be found: a few milliseconds here.
func TestShortOverlap(t *testing.T) {
	l := lab.New(t, lab.Options{Hosts: 2})
	add1(t, l.Hosts[0], vip4)
	p := watch(t, l, nil, vip4)
	await(t, p, vip4, "node1")
	pause(20 * time.Millisecond)
	add1(t, l.Hosts[1], vip4)
	await(t, p, vip4, "node2")
	del(t, l.Hosts[1], vip4)
	pause(20 * time.Millisecond)
	a := stop(t, p, vip4)
	if len(a.DoubleAnswers) == 0 {
		t.Errorf("double answers %+v, want one", a.DoubleAnswers)
	}
}
