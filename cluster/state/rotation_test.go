package state

import (
	"bytes"
	"errors"
	"maps"
	"slices"
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

// A rotation can be given up until nodes use the next secret, and another one begins as if it had not been.
func TestRotationIsGivenUp(t *testing.T) {
	s := oneNode(t)
	apply := func(r Rotate) error {
		next, result := s.Apply(s.Index+1, Command{Version: Command{Rotate: &r}.Needs(), Rotate: &r})
		s = next
		return result.Err
	}
	names := slices.Collect(maps.Keys(s.Nodes))
	late := rotating(Offer, "s3")
	late.Instead = "s2"
	for _, tt := range []struct {
		what string
		do   Rotate
		want error
		next string // of the rotation afterwards; empty: there is none
	}{
		{"none is under way", Rotate{Next: "s2", Abort: true}, nil, ""},
		{"begun", rotating(Offer, "s2"), nil, "s2"},
		{"another one given up", Rotate{Next: "s9", Abort: true}, nil, "s2"},
		{"given up", Rotate{Next: "s2", Abort: true}, nil, ""},
		{"once more", Rotate{Next: "s2", Abort: true}, nil, ""},
		{"a leader that did not know", late, ErrInvalid, ""},
		{"begun anew", rotating(Offer, "s4"), nil, "s4"},
		{"used", rotating(Use, "s4").ready(names...), nil, "s4"},
		{"too late", Rotate{Next: "s4", Abort: true}, ErrRotating, "s4"},
		{"ended", rotating(Ended, "s4"), nil, ""},
		{"far too late", Rotate{Next: "s4", Abort: true}, ErrRotating, ""},
	} {
		if err := apply(tt.do); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.what, err, tt.want)
		}
		if r := s.Trust.Rotation; (r == nil) != (tt.next == "") || r != nil && r.Next != tt.next {
			t.Errorf("%s: then %+v, want %q", tt.what, r, tt.next)
		}
	}
}

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
