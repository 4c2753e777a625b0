package main

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// Each node is upgraded once, in the first half; nobody goes back before, and somebody does when all are upgraded. Without
// an earlier vipd there is none of it.
func TestPlanUpgradesEachNodeOnce(t *testing.T) {
	for seed := range uint64(50) {
		var upgraded, back []string
		for _, f := range Plan(seed, someCast, 5*time.Minute) {
			switch f.Kind {
			case "upgrade":
				upgraded = append(upgraded, f.Target)
			case "downgrade":
				back = append(back, f.Target)
				if !slices.Contains(upgraded, f.Target) {
					t.Errorf("seed %d: %s goes back at %v, upgraded are %q", seed, f.Target, f.At, upgraded)
				}
			default:
				continue
			}
			if f.Until > 150*time.Second {
				t.Errorf("seed %d: %s lasts until %v", seed, f, f.Until)
			}
			if len(back) == 2 && len(upgraded) != len(someCast.Nodes) {
				t.Errorf("seed %d: the second goes back when %q are upgraded", seed, upgraded)
			}
		}
		slices.Sort(upgraded)
		if !slices.Equal(upgraded, someCast.Nodes) || len(back) != 2 {
			t.Errorf("seed %d: upgraded are %q, back go %q", seed, upgraded, back)
		}
	}
	cast := someCast
	cast.Earlier = false
	for _, f := range Plan(1, cast, time.Minute) {
		if kindNamed(f.Kind).aims == atNext {
			t.Errorf("without an earlier vipd: %s", f)
		}
	}
}

// An earlier vipd serves, or refuses in words that it is known for; and it does not serve when it cannot read the log.
func TestOutcome(t *testing.T) {
	const refused = "vipd: this vipd is too old for its cluster: a command of version 13 has to be read\n"
	for _, tt := range []struct {
		name          string
		err           error
		ended, raised bool
		log           string
		want          string
		wrong         bool
	}{
		{name: "serves", want: "served"},
		{name: "serves in vain", raised: true, want: "served, although the cluster uses what it cannot read", wrong: true},
		{name: "too old", err: errors.New("it ended"), ended: true, log: refused, want: "refused: too old for its cluster"},
		{name: "crash", err: errors.New("it ended"), ended: true, log: refused + "panic: nil map\n", want: "ended: panic: nil map", wrong: true},
		{name: "cut off", err: errors.New("no lease"), raised: true, want: "undecided when its time was over: no lease"},
	} {
		if text, wrong := outcome(tt.err, tt.ended, tt.raised, tt.log); text != tt.want || wrong != tt.wrong {
			t.Errorf("%s: %q, wrong %t; want %q, %t", tt.name, text, wrong, tt.want, tt.wrong)
		}
	}
}

// The end of an earlier vipd, and of one whose disk is full, is excused by what it says, and only then.
func TestEndsAreExcused(t *testing.T) {
	r := &Report{Faults: []Deed{
		{Fault: Fault{Kind: "downgrade"}, On: "node1", Struck: second, Mended: 5 * second},
		{Fault: Fault{Kind: "full disk"}, On: "node3", Struck: second, Mended: 5 * second},
	}}
	const full = "write to the data directory: no space left on device; make room"
	for _, tt := range []struct {
		e    ending
		want bool
	}{
		{ending{Node: "node1", At: 2 * second, Said: "this vipd is too old for its cluster: ..."}, true},
		{ending{Node: "node1", At: 2 * second, Said: "panic"}, false},
		{ending{Node: "node2", At: 2 * second, Said: "this vipd is too old for its cluster: ..."}, false},
		{ending{Node: "node3", At: 13 * second, Said: full}, true}, // it took its time to hand over
		{ending{Node: "node3", At: 2 * second, Said: "panic"}, false},
		{ending{Node: "node3", At: 60 * second, Said: full}, false},
		{ending{Node: "node1", At: 9 * second, Said: "this vipd is too old for its cluster: ..."}, false},
	} {
		if got := r.excused(tt.e); got != tt.want {
			t.Errorf("%+v: excused %t, want %t", tt.e, got, tt.want)
		}
	}
}

// What must not be is a finding, and what may be is counted.
func TestReleasesVerdict(t *testing.T) {
	r := &releases{raised: 8 * second, attempts: []attempt{
		{Node: "node1", Outcome: "served"}, {Node: "node2", Outcome: "served"},
		{Node: "node3", Outcome: "undecided when its time was over: it was cut off"},
	}}
	want := "all may be used since 8.0 s; of those that went back 2 served; of those that went back 1 undecided"
	if v := r.verdict(nil, time.Minute); !v.OK || v.Text != want {
		t.Errorf("%+v, want %q", v, want)
	}
	if v := r.verdict(errors.New("node1 runs the earlier vipd"), time.Minute); v.OK {
		t.Errorf("passes: %+v", v)
	}
	r.attempts[0].Wrong = true
	if v := r.verdict(nil, time.Minute); v.OK {
		t.Errorf("passes: %+v", v)
	}
}
