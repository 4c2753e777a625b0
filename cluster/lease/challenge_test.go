package lease

import "testing"

func TestChallenger(t *testing.T) {
	var c Challenger
	for i, s := range []struct {
		member      string
		epoch, term uint64
		want        bool
	}{
		{"a", 7, 3, true},  // a led when its epoch was withdrawn
		{"a", 7, 3, true},  // and still does
		{"b", 8, 3, true},  // b did not lead then, which is not the challenger's to know
		{"b", 8, 4, false}, // it was elected after
		{"a", 7, 5, false},
		{"b", 9, 6, true},  // a new epoch, withdrawn anew
		{"b", 8, 6, false}, // a late word about the old one
	} {
		if got := c.Stands(s.member, s.epoch, s.term); got != s.want {
			t.Errorf("step %d: stands against %s/%d in term %d = %v, want %v", i, s.member, s.epoch, s.term, got, s.want)
		}
	}
}
