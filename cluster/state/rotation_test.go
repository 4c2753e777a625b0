package state

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func rotating(to Phase, next string) Rotate {
	r := Rotate{To: to, Next: next}
	if to == Offer {
		r.Key, r.Link = bytes.Repeat([]byte{1}, 32), []byte("link")
	}
	return r
}

func (r Rotate) ready(names ...string) Rotate { r.Ready = names; return r }

// The phases follow one another, each command may come twice, and none out of turn does anything.
func TestRotationGoesFromPhaseToPhase(t *testing.T) {
	s := oneNode(t)
	name := ""
	for n := range s.Nodes {
		name = n
	}
	apply := func(r Rotate) error {
		t.Helper()
		next, result := s.Apply(s.Index+1, Command{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), By: "0:eve@n1", Rotate: &r})
		s = next
		return result.Err
	}
	refused := func(r Rotate) {
		t.Helper()
		if err := apply(r); !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrUnknownNode) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	phase := func(want Phase) {
		t.Helper()
		if s.Trust.Rotation == nil || s.Trust.Rotation.Phase != want {
			t.Fatalf("rotation %+v, want %s", s.Trust.Rotation, want)
		}
	}
	must := func(r Rotate) {
		t.Helper()
		if err := apply(r); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
	}
	refused(rotating(Use, "b"))
	refused(Rotate{To: Offer, Next: "b"})
	refused(Rotate{To: Offer, Next: "b", Key: make([]byte, 32), Link: []byte("x"), Without: []string{"nobody"}})
	must(rotating(Offer, "b"))
	refused(rotating(Offer, "c"))
	phase(Offer)
	again := rotating(Offer, "c")
	again.Instead = "b"
	must(again)
	refused(again)
	must(rotating(Ended, "c"))
	phase(Offer)
	refused(rotating(Use, "c"))
	must(rotating(Use, "c").ready(name))
	phase(Use)
	refused(again)
	must(rotating(Use, "c").ready(name))
	must(rotating(Ended, "c"))
	must(rotating(Ended, "c"))
	if s.Trust.Rotation != nil || s.Trust.Current != "c" || len(s.Trust.Former) != 1 || string(s.Trust.Former[0].Link) != "link" {
		t.Errorf("in the end %+v", s.Trust)
	}
	refused(rotating(Offer, "d")) // its key is not that of c
	var told []string
	for _, e := range s.History {
		if e.Kind == Rotated {
			told = append(told, e.By.String()+": "+e.Reason)
		}
	}
	if got := strings.Join(told, "; "); got != "eve@n1: a rotation begins; eve@n1: the former one is good for nothing any more" {
		t.Errorf("history: %s", got)
	}
}
