package state

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestPause(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	begin := func(at time.Time, p SetPause) Command { return Command{At: at, By: "n1", SetPause: &p} }
	s := mustApply(t, oneNode(t), begin(at, SetPause{On: true, Reason: "switch", For: time.Hour}))
	if p := s.Paused; p == nil || p.Reason != "switch" || p.By != "n1" || !p.Until.Equal(at.Add(time.Hour)) {
		t.Fatalf("%+v", p)
	}
	if s.Paused.Over(at.Add(time.Hour-1)) || !s.Paused.Over(at.Add(time.Hour)) {
		t.Error("it is over at another time")
	}
	var snapshot bytes.Buffer
	if err := s.Encode(&snapshot); err != nil || !strings.HasPrefix(snapshot.String(), `{"format":3`) {
		t.Errorf("%v, %.40s", err, &snapshot)
	}
	s = mustApply(t, s, begin(at.Add(time.Minute), SetPause{On: true}))
	if p := s.Paused; !p.Since.Equal(at) || !p.Until.IsZero() || p.Over(at.Add(1000*time.Hour)) {
		t.Errorf("said again: %+v", p)
	}
	if s = mustApply(t, s, begin(at, SetPause{})); s.Paused != nil {
		t.Errorf("resumed: %+v", s.Paused)
	}
	var none *Pause
	if none.Over(at) {
		t.Error("no pause is over")
	}
}

// Who had a group is known as long as nobody has it, however it was lost.
func TestLastHolderIsKnown(t *testing.T) {
	one := Command{Register: &Register{Node: "n1", Instance: "i", Start: "1"}}
	s := mustApply(t, mustApply(t, oneNode(t), one), Command{SetGroups: &SetGroups{Groups: []Group{group("web", "10.0.0.1/24")}}})
	move := func(to string, epoch uint64) {
		t.Helper()
		s = mustApply(t, s, Command{Assign: &Assign{Moves: []Move{{Groups: []Expected{{"web", s.Assignments["web"].Serial}}, To: to, Epoch: epoch, Reason: "r"}}}})
	}
	want := func(when, holder, last string) {
		t.Helper()
		if a := s.Assignments["web"]; a.Holder != holder || a.Last != last {
			t.Errorf("%s: %+v", when, a)
		}
	}
	want("new", "", "")
	move("n1", 1)
	want("held", "n1", "")
	move("", 0)
	want("let go", "", "n1")
	move("n1", 1)
	want("held again", "n1", "")
	s = mustApply(t, s, Command{Expire: &Expire{Dead: []Tenure{{"n1", 1}}}})
	want("dead", "", "n1")
}
