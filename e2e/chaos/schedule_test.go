package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var someCast = Cast{
	Nodes:   []string{"node1", "node2", "node3", "node4", "node5"},
	Peers:   []string{"legacy1", "legacy2"},
	Groups:  []string{"web", "db"},
	Earlier: true,
}

// A seed is a schedule, and another seed another one.
func TestPlanIsItsSeed(t *testing.T) {
	if diff := cmp.Diff(Plan(7, someCast, time.Minute), Plan(7, someCast, time.Minute)); diff != "" {
		t.Errorf("two schedules of one seed:\n%s", diff)
	}
	if cmp.Equal(Plan(7, someCast, time.Minute), Plan(8, someCast, time.Minute)) {
		t.Error("seeds 7 and 8 have one schedule")
	}
}

// Each fault is over before the end, has a kind, a target of the right sort, and shares no part of its target with another.
func TestPlanIsSound(t *testing.T) {
	const length = 2 * time.Minute
	for seed := range uint64(50) {
		faults := Plan(seed, someCast, length)
		if len(faults) < 30 {
			t.Errorf("seed %d: only %d faults", seed, len(faults))
		}
		for i, f := range faults {
			k := kindNamed(f.Kind)
			if f.At <= 0 || f.Until > length || f.Until-f.At < k.least {
				t.Errorf("seed %d: %s from %v to %v", seed, f, f.At, f.Until)
			}
			if (k.aims == atSides) != (len(f.Sides) > 0) || (k.aims == atNode || k.aims == atPeer || k.aims == atLeader || k.aims == atNext) != (f.Target != "") {
				t.Errorf("seed %d: %s is for %q and %q", seed, f, f.Target, f.Sides)
			}
			for _, other := range faults[:i] {
				same := f.Target == other.Target || f.Target == leading || other.Target == leading
				if same && kindNamed(other.Kind).part == k.part && f.At < other.Until {
					t.Errorf("seed %d: %s at %v while %s lasts until %v", seed, f, f.At, other, other.Until)
				}
			}
		}
	}
}

// Most of the time a majority is left, but not always; every kind comes up.
func TestPlanMostlyKeepsMajority(t *testing.T) {
	seen := map[string]bool{}
	var with, without int
	for seed := range uint64(20) {
		faults := Plan(seed, someCast, 5*time.Minute)
		for at := time.Duration(0); at < 5*time.Minute; at += 100 * ms {
			var now []Fault
			for _, f := range faults {
				seen[f.Kind] = true
				if f.At <= at && at < f.Until {
					now = append(now, f)
				}
			}
			if someCast.together(now) > len(someCast.Nodes)/2 {
				with++
			} else {
				without++
			}
		}
	}
	if share := float64(without) / float64(with+without); share < 0.02 || share > 0.3 {
		t.Errorf("no majority for %.0f %% of the time", 100*share)
	}
	t.Logf("no majority for %d of %d looks", without, with+without)
	for _, k := range kinds {
		if !seen[k.name] {
			t.Errorf("%s never comes", k.name)
		}
	}
}

// Whatever may be on a schedule can be done and undone.
func TestEveryKindHasAnExecutor(t *testing.T) {
	for _, k := range kinds {
		if e := executors[k.name]; e.strike == nil || e.mend == nil {
			t.Errorf("%s cannot be done, or not be mended", k.name)
		}
	}
	for name := range executors {
		kindNamed(name)
	}
}
