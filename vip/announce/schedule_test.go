package announce

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func target(ip string) Target { return Target{Addr: netip.MustParseAddr(ip), Interface: "eth0"} }

// drain does all that is due at an instant and returns it as "address/round".
func drain(s *schedule, at time.Duration) []string {
	var out []string
	for e := s.first(noon.Add(at)); e != nil; e = s.first(noon.Add(at)) {
		out = append(out, fmt.Sprintf("%s/%d", e.target.Addr, e.round))
		s.done(e)
	}
	return out
}

func expectDue(t *testing.T, s *schedule, at time.Duration, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, drain(s, at)); diff != "" {
		t.Errorf("due at %v (-want +got):\n%s", at, diff)
	}
}

func TestRoundsComeWhenDueAndInOrder(t *testing.T) {
	s := newSchedule([]time.Duration{100 * time.Millisecond, time.Second})
	s.add(noon, []Target{target("10.0.0.9"), target("fd00::1"), target("10.0.0.1")})
	expectDue(t, s, -1)
	expectDue(t, s, 0, "10.0.0.9/0", "fd00::1/0", "10.0.0.1/0")
	expectDue(t, s, 100*time.Millisecond-1)
	expectDue(t, s, 100*time.Millisecond, "10.0.0.9/1", "fd00::1/1", "10.0.0.1/1")
	expectDue(t, s, time.Second-1)
	if due, ok := s.next(); !ok || !due.Equal(noon.Add(time.Second)) {
		t.Errorf("next is due at %v, %v", due, ok)
	}
	expectDue(t, s, time.Second, "10.0.0.9/2", "fd00::1/2", "10.0.0.1/2")
	if due, ok := s.next(); ok || len(s.entries) != 0 {
		t.Errorf("after the last round something is due at %v, %d entries", due, len(s.entries))
	}
}

func TestStoppedIsNeverDue(t *testing.T) {
	s := newSchedule([]time.Duration{time.Second})
	entries := s.add(noon, []Target{target("10.0.0.1"), target("10.0.0.2")})
	s.stop(target("10.0.0.1").Addr)
	s.stop(target("10.0.0.3").Addr)
	if entries[0].position >= 0 {
		t.Error("a stopped entry still claims to be scheduled")
	}
	expectDue(t, s, time.Hour, "10.0.0.2/0", "10.0.0.2/1")
}

func TestAddingAgainStartsAnew(t *testing.T) {
	s := newSchedule([]time.Duration{time.Second})
	s.add(noon, []Target{target("10.0.0.1")})
	expectDue(t, s, 0, "10.0.0.1/0")
	s.add(noon.Add(500*time.Millisecond), []Target{target("10.0.0.1")})
	expectDue(t, s, time.Second, "10.0.0.1/0")
	expectDue(t, s, 1500*time.Millisecond, "10.0.0.1/1")
}

func TestBusyRoundIsRetriedAndGivenUp(t *testing.T) {
	s := newSchedule([]time.Duration{time.Hour})
	e := s.add(noon, []Target{target("10.0.0.1")})[0]
	now := noon
	for range maxRetries {
		if !s.retry(e, now) {
			t.Fatalf("given up after %v", now.Sub(noon))
		}
		if s.first(now.Add(retryAfter-1)) != nil {
			t.Fatal("retried too early")
		}
		now = now.Add(retryAfter)
		if s.first(now) != e {
			t.Fatal("not due for a retry")
		}
	}
	if s.retry(e, now) {
		t.Error("never given up")
	}
	expectDue(t, s, time.Hour-1)
	expectDue(t, s, time.Hour, "10.0.0.1/1")
}

// TestScheduleLikeADumbOne compares the heap with a plain list of what should still happen.
func TestScheduleLikeADumbOne(t *testing.T) {
	repeats := []time.Duration{3, 7}
	rapid.Check(t, func(t *rapid.T) {
		type coming struct {
			ip    netip.Addr
			round int
			due   time.Duration
		}
		s := newSchedule(repeats)
		var list []coming
		forget := func(ip netip.Addr) {
			var rest []coming
			for _, c := range list {
				if c.ip != ip {
					rest = append(rest, c)
				}
			}
			list = rest
		}
		clock := time.Duration(0)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			ip := netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "ip") % 5})
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				forget(ip)
				s.add(noon.Add(clock), []Target{{Addr: ip}})
				for round, after := range append([]time.Duration{0}, repeats...) {
					list = append(list, coming{ip, round, clock + after})
				}
			case 1:
				forget(ip)
				s.stop(ip)
			case 2:
				clock += time.Duration(rapid.IntRange(0, 5).Draw(t, "later"))
				want, got := map[string]int{}, map[string]int{}
				var rest []coming
				for _, c := range list {
					if c.due <= clock {
						want[fmt.Sprintf("%s/%d", c.ip, c.round)]++
					} else {
						rest = append(rest, c)
					}
				}
				list = rest
				for _, text := range drain(s, clock) {
					got[text]++
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("due at %v (-want +got):\n%s", clock, diff)
				}
			}
		}
	})
}
