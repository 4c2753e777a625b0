package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"vipd/vrrp"

	"github.com/google/go-cmp/cmp"
)

// ranked is a router of priority 100 and another that advertises every second.
type ranked struct {
	*testing.T
	m   *vrrp.Machine
	now time.Time
}

func newRanked(t *testing.T, begin vrrp.Event) *ranked {
	m, err := vrrp.NewMachine(vrrp.Config{
		Version: vrrp.V3, VRID: 51, Priority: 100, Interval: time.Second, Checksum: vrrp.Either,
		Addresses: []netip.Addr{ip("10.0.0.100")}, Source: ip("10.0.0.1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &ranked{t, m, time.Unix(0, 0)}
	r.m.Step(r.now, begin)
	return r
}

// hear has the router receive an advert a second after the last event.
func (r *ranked) hear(priority uint8, standing vrrp.Standing) []vrrp.Action {
	r.Helper()
	a := vrrp.Advertisement{Version: vrrp.V3, VRID: 51, Priority: priority, Interval: time.Second, Addresses: []netip.Addr{ip("10.0.0.100")}}
	b, err := a.Marshal(vrrp.Wire{Src: ip("10.0.0.9"), Dst: vrrp.Group4})
	if err != nil {
		r.Fatal(err)
	}
	r.now = r.now.Add(time.Second)
	p := vrrp.Packet{Src: ip("10.0.0.9"), Dst: vrrp.Group4, TTL: vrrp.TTL, Payload: b}
	if got, ok := r.m.Counts(p); !ok || got.Priority != priority {
		r.Fatalf("the advert does not count: %+v", got)
	}
	return r.m.Step(r.now, vrrp.Received{Packet: p, Standing: standing})
}

// A BACKUP never takes the addresses from a senior that advertises, however low its priority; it does as soon as
// that is silent or stops.
func TestSeniorIsLeftAlone(t *testing.T) {
	r := newRanked(t, vrrp.Start{})
	for range 10 {
		if got := r.hear(1, vrrp.Senior); got != nil {
			t.Fatalf("%v", got)
		}
	}
	due := r.m.Deadline()
	if want := r.now.Add(3*time.Second + 156*time.Second/256); due != want {
		t.Errorf("due at %v, want %v", due, want)
	}
	if got := r.m.Step(due.Add(-1), vrrp.Tick{}); got != nil {
		t.Errorf("a nanosecond early: %v", got)
	}
	r.m.Step(due, vrrp.Tick{})
	if r.m.State() != vrrp.Master {
		t.Errorf("%v", r.m.State())
	}
}

// Two masters compare priorities, seniors or not.
func TestSeniorMasters(t *testing.T) {
	r := newRanked(t, vrrp.Inherit{})
	r.hear(99, vrrp.Senior)
	if r.m.State() != vrrp.Master {
		t.Errorf("yielded to a lower one")
	}
	r.hear(101, vrrp.Senior)
	if r.m.State() != vrrp.Backup {
		t.Errorf("did not yield to a higher one")
	}
}

// A junior of the highest priority delays a BACKUP by nothing, and a MASTER answers it and stays.
func TestJuniorIsNotInTheWay(t *testing.T) {
	r := newRanked(t, vrrp.Start{})
	due := r.m.Deadline()
	for range 3 {
		r.hear(254, vrrp.Junior)
	}
	if got := r.m.Deadline(); got != due {
		t.Errorf("due at %v, want %v", got, due)
	}
	r.m.Step(due, vrrp.Tick{})
	r.now = due
	got := r.hear(254, vrrp.Junior)
	want := []vrrp.Action{vrrp.SendAdvert{Priority: 100}, vrrp.AnnounceAgain{From: ip("10.0.0.9"), Priority: 254}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := r.hear(0, vrrp.Junior); r.m.State() != vrrp.Master || len(got) != 1 {
		t.Errorf("to one that stops: %v", got)
	}
}
