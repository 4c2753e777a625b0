package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/e2e/probe"
)

func TestSummarize(t *testing.T) {
	tests := []struct {
		name   string
		trials []Trial
		want   Summary
	}{
		{"nothing", nil, Summary{}},
		{"odd", []Trial{{Silence: 3}, {Silence: 1}, {Silence: 9}}, Summary{Median: 3, Worst: 9, WorstCalm: 9}},
		{"even", []Trial{{Silence: 4}, {Silence: 1}, {Silence: 2}, {Silence: 9, Standstill: 30}}, Summary{Median: 3, Worst: 9, Disturbed: 1, WorstCalm: 4}},
		{"doubles", []Trial{{Double: 5}, {DoubleAfter: 7}, {Double: 1, DoubleAfter: 2}}, Summary{Doubles: 2, DoublesAfter: 2, LongestDouble: 7}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, summarize(tt.trials)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The silence counts from the last answer before the fault; silences elsewhere
// do not; a double answer is split where the repair begins.
func TestJudge(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	silence := func(from, to int) probe.Silence {
		return probe.Silence{Start: at(from), End: at(to), Duration: at(to).Sub(at(from))}
	}
	r := probe.Report{Start: start, End: at(1000), Addresses: []probe.AddressReport{
		{Echo: probe.StreamReport{Silences: []probe.Silence{silence(0, 90), silence(98, 140), silence(510, 900)}}},
		{
			Echo:          probe.StreamReport{Silences: []probe.Silence{silence(99, 150)}},
			DoubleAnswers: []probe.DoubleAnswer{{At: at(480), Until: at(530)}},
		},
	}}
	want := Trial{At: at(100), Silence: 51, Double: 20, DoubleAfter: 30, Observed: 400}
	if diff := cmp.Diff(want, judge(r, at(100), at(500))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSample(t *testing.T) {
	s := newService(first4, 1, 1000)
	got := s.sample(8)
	all := s.all()
	if len(got) != 8 || got[0] != all[0] || got[7] != all[999] {
		t.Errorf("sample %v", got)
	}
	unique := map[netip.Addr]bool{}
	for _, a := range newService(first4, 250, 4).all() {
		unique[a] = true
	}
	if len(unique) != 1000 {
		t.Errorf("%d different addresses of 1000", len(unique))
	}
}

// What does not fit into an advert is excluded, and one host wants everything when raised.
func TestKeepalivedConfig(t *testing.T) {
	text := advert{3, 100 * time.Millisecond}.config(newService(first4, 2, 21), 2, false)
	for want, times := range map[string]int{
		"vrrp_instance": 2, "advert_int 0.1\n": 2, "priority 150\n": 2, "  nopreempt\n": 2, "/32\n": 42,
		"vrrp_version 3\n": 1, "    10.9.16.20/32\n  }\n  virtual_ipaddress_excluded {\n    10.9.16.21/32\n": 1,
	} {
		if got := strings.Count(text, want); got != times {
			t.Errorf("%q is there %d times, want %d:\n%s", want, got, times, text)
		}
	}
	raised := advert{2, time.Second}.config(newService(first4, 1, 1), 3, true)
	if strings.Contains(raised, "nopreempt") || !strings.Contains(raised, "priority 250\n") {
		t.Errorf("raised:\n%s", raised)
	}
}

func TestLongestStandstill(t *testing.T) {
	start := time.Unix(1000, 0)
	p := &processors{}
	p.read(strings.NewReader(fmt.Sprintf("%d 30000000\nnonsense\n%d 50000000\n", start.UnixNano(), start.Add(time.Second).UnixNano())))
	for _, tt := range []struct {
		from, to int
		want     time.Duration
	}{
		{-20, -1, 0}, {-20, 1, 30 * time.Millisecond}, {29, 40, 30 * time.Millisecond}, {30, 1000, 0}, {0, 1001, 50 * time.Millisecond},
	} {
		at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
		if got := p.longest(at(tt.from), at(tt.to)); got != tt.want {
			t.Errorf("from %d to %d ms: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}
