package main

import (
	"testing"
	"time"
)

// A history that is as promised is told from one that is not.
func TestHistory(t *testing.T) {
	w := func(value int, call, ret time.Duration) Op {
		return Op{Kind: Write, Value: value, Call: call, Return: ret}
	}
	lost := func(value int, call, ret time.Duration) Op {
		return Op{Kind: Write, Value: value, Call: call, Return: ret, Error: "timeout"}
	}
	r := func(value int, call, ret time.Duration) Op {
		return Op{Kind: Read, Value: value, Call: call, Return: ret}
	}
	g := func(value int, call, ret time.Duration) Op {
		return Op{Kind: Glance, Value: value, Call: call, Return: ret}
	}
	for _, tt := range []struct {
		name             string
		history          history
		ordered, forward bool
	}{
		{"nothing", nil, true, true},
		{"written and read", history{w(1, 0, 2), r(1, 3, 4)}, true, true},
		{"read before the answer", history{w(1, 0, 9), r(1, 3, 4), r(1, 5, 6)}, true, true},
		{"an old value is read", history{w(1, 0, 2), w(2, 3, 4), r(1, 5, 6)}, false, true},
		{"an acknowledged write is lost", history{w(1, 0, 2), r(0, 3, 4)}, false, true},
		{"nobody wrote it", history{w(1, 0, 2), r(unknownValue, 3, 4)}, false, true},
		{"unknown outcome, never seen", history{lost(1, 0, 2), r(0, 3, 4), w(2, 5, 6), r(2, 7, 8)}, true, true},
		{"unknown outcome, seen late", history{lost(1, 0, 2), r(0, 3, 4), r(1, 5, 6)}, true, true},
		{"unknown outcome, after another", history{lost(1, 0, 2), w(2, 3, 4), r(2, 5, 6), r(1, 7, 8)}, true, true},
		{"unknown outcome, twice after it was seen", history{lost(1, 0, 2), r(1, 3, 4), w(2, 5, 6), r(2, 7, 8), r(1, 9, 10)}, true, true},
		{"twice while it waits", history{w(1, 0, 20), r(1, 1, 2), w(2, 3, 4), r(2, 5, 6), r(1, 7, 8)}, true, true},
		{"twice after it was answered", history{w(1, 0, 3), r(1, 1, 2), w(2, 4, 5), r(2, 6, 7), r(1, 8, 9)}, false, false},
		{"a glance is old", history{w(1, 0, 1), w(2, 3, 4), r(2, 5, 6), {Kind: Glance, Process: 7, Value: 1, Call: 8, Return: 9}}, true, true},
		{"a glance goes back", history{w(1, 0, 1), w(2, 3, 4), g(1, 5, 6), g(2, 7, 8), g(1, 9, 10)}, true, false},
		{"a new member", history{w(1, 0, 1), w(2, 3, 4), g(1, 5, 6), g(2, 7, 8), {Kind: Glance, Membership: 1, Value: 1, Call: 9, Return: 10}}, true, true},
		{"glances at once", history{w(1, 0, 1), w(2, 3, 4), g(1, 5, 6), g(2, 7, 9), g(1, 8, 10)}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.history.check(time.Minute)
			if got[0].OK != tt.ordered {
				t.Errorf("in order: %v, want %v: %s", got[0].OK, tt.ordered, got[0].Text)
			}
			if got[1].OK != tt.forward {
				t.Errorf("forward: %v, want %v: %s", got[1].OK, tt.forward, got[1].Text)
			}
		})
	}
}
