package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Of a history that is not as promised the report tells the moment and the commands around it, and nothing of those before.
func TestBrokenIsFound(t *testing.T) {
	at := func(seconds int) time.Duration { return time.Duration(seconds) * second }
	h := history{
		{Kind: Write, Value: 1, Node: "node1", Call: at(1), Return: at(2)},
		{Kind: Read, Value: 1, Node: "node2", Call: at(3), Return: at(4)},
		{Kind: Write, Value: 2, Node: "node1", Call: at(50), Return: at(51)},
		{Kind: Read, Value: 1, Node: "node3", Call: at(52), Return: at(53)},
		{Kind: Write, Value: 3, Node: "node3", Call: at(60), Return: at(61)},
	}
	found := h.check(time.Minute)[0].Findings
	if len(found) != 1 || found[0].At != at(53) {
		t.Fatalf("found %+v", found)
	}
	for _, want := range []string{"write of 2 at node1 from 50.000 to 51.000 s", "read of 1 at node3 from 52.000 to 53.000 s"} {
		if !strings.Contains(found[0].Text, want) {
			t.Errorf("%q is missing in %q", want, found[0].Text)
		}
	}
	if strings.Contains(found[0].Text, "node2") || strings.Contains(found[0].Text, "of 3") {
		t.Errorf("more than is needed: %q", found[0].Text)
	}
}

// A report says what was in force when something was found, by whom it struck, and what each kind of fault cost.
func TestFindingsAreExplained(t *testing.T) {
	r := &Report{
		Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Faults: []Deed{
			{Fault: Fault{Kind: "kill -9 of who leads", Target: leading}, Text: "leader: kill -9 of who leads", On: "node3", Struck: second, Mended: 4 * second},
			{Fault: Fault{Kind: "drain", Target: "node1"}, Text: "node1: drain", On: "node1", Struck: 3 * second, Mended: 9 * second, Error: "no majority"},
			{Fault: Fault{Kind: "cable cut", Target: "node2"}, Text: "node2: cable cut", On: "node2", Struck: 20 * second, Mended: 21 * second},
		},
		Verdicts: []Verdict{{Findings: []Finding{{At: 30 * second}}}, {Findings: []Finding{{At: 4500 * ms}}}},
		Addresses: []Address{
			{Address: web4, Silences: []Span{{From: 2 * second, To: 2500 * ms}, {From: 10 * second, To: 19 * second}}},
			{Address: roaming4, Silences: []Span{{From: 20 * second, To: 25 * second}}},
		},
	}
	if found := r.Findings(); len(found) != 2 || found[0].At != 4500*ms {
		t.Errorf("findings %+v", found)
	}
	for at, want := range map[time.Duration]string{
		4500 * ms:   "node3: kill -9 of who leads (1.0 to 4.0 s); node1: drain, in vain (3.0 to 9.0 s)",
		15 * second: "no fault",
	} {
		if diff := cmp.Diff(want, r.During(at)); diff != "" {
			t.Errorf("in force at %v (-want +got)\n%s", at, diff)
		}
	}
	if got := r.Clock(1500 * ms); got != "03:04:06.500" {
		t.Errorf("in the logs it is %s", got)
	}
	costs := r.Costs()
	for i := range costs {
		costs[i].Worst = Deed{}
	}
	want := []Cost{{Kind: "kill -9 of who leads", Faults: 1, Silent: 1, Median: 500 * ms, Longest: 500 * ms}, {Kind: "cable cut", Faults: 1}}
	if diff := cmp.Diff(want, costs); diff != "" {
		t.Errorf("costs (-want +got)\n%s", diff)
	}
	if long := r.Longest(); len(long) != 2 || long[0].Long() != 9*second {
		t.Errorf("longest %+v", long)
	}
}

// What a daemon says again and again is one finding.
func TestEndsAreMerged(t *testing.T) {
	got := merged([]ending{{"node1", second, "full"}, {"node2", second, "full"}, {"node1", 2 * second, "full"}, {"node1", 3 * second, "panic"}})
	want := []ending{{"node1", second, "full (2 times)"}, {"node2", second, "full"}, {"node1", 3 * second, "panic"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
