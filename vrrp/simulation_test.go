package vrrp_test

import (
	"net/netip"
	"testing"
	"time"

	"vipd/vrrp"

	"pgregory.net/rapid"
)

// segment is several routers on one link that delivers at once. Each router's actions are performed before
// the next event, so a run is reproducible.
type segment struct {
	t        *rapid.T
	now      time.Time
	machines []*vrrp.Machine
	deaf     map[int]bool // neither hears nor is heard
}

func (s *segment) step(i int, ev vrrp.Event) {
	for _, a := range s.machines[i].Step(s.now, ev) {
		send, ok := a.(vrrp.SendAdvert)
		if !ok {
			continue
		}
		adverts, err := s.machines[i].Adverts(send.Priority)
		if err != nil {
			s.t.Fatal(err)
		}
		s.deliver(i, adverts[0])
	}
}

func (s *segment) deliver(from int, advert vrrp.Advert) {
	p := vrrp.Packet{Src: s.machines[from].Config().Source, Dst: advert.Dst, TTL: vrrp.TTL, Payload: advert.Payload}
	for i := range s.machines {
		if i != from && !s.deaf[i] && !s.deaf[from] {
			s.step(i, vrrp.Received{Packet: p})
		}
	}
}

// run lets time pass, one timer after the other.
func (s *segment) run(d time.Duration) {
	end := s.now.Add(d)
	for {
		next := -1
		for i, m := range s.machines {
			if due := m.Deadline(); !due.IsZero() && (next < 0 || due.Before(s.machines[next].Deadline())) {
				next = i
			}
		}
		if next < 0 || s.machines[next].Deadline().After(end) {
			s.now = end
			return
		}
		if due := s.machines[next].Deadline(); due.After(s.now) {
			s.now = due
		}
		s.step(next, vrrp.Tick{})
	}
}

func (s *segment) masters() (out []int) {
	for i, m := range s.machines {
		if m.State() == vrrp.Master {
			out = append(out, i)
		}
	}
	return out
}

// highest is the router that should be master: highest priority, then highest address.
func (s *segment) highest() int {
	best := 0
	for i, m := range s.machines {
		b := s.machines[best]
		if m.Priority() > b.Priority() || m.Priority() == b.Priority() && b.Config().Source.Less(m.Config().Source) {
			best = i
		}
	}
	return best
}

// TestOneMaster: whatever the priorities, versions and times of starting, one router is master in the end,
// the highest of them if its priority stands out; and again after it was cut off and came back.
func TestOneMaster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.SampledFrom([]uint8{vrrp.V2, vrrp.V3}).Draw(t, "version")
		s := &segment{t: t, now: epoch, deaf: map[int]bool{}}
		for i := range rapid.IntRange(2, 5).Draw(t, "routers") {
			m, err := vrrp.NewMachine(vrrp.Config{Version: version, VRID: 1,
				Priority: uint8(rapid.IntRange(1, 255).Draw(t, "priority")), Interval: time.Second,
				Addresses: ips("10.0.0.100"), Source: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})})
			if err != nil {
				t.Fatal(err)
			}
			s.machines = append(s.machines, m)
			s.step(i, vrrp.Start{})
			s.run(time.Duration(rapid.IntRange(0, 10_000).Draw(t, "pause")) * time.Millisecond)
		}
		settle := 10 * time.Second // two down timers and more
		s.run(settle)
		s.checkOne(t, "after the start")

		best := s.masters()[0]
		s.deaf[best] = true
		s.run(settle)
		if got := len(s.masters()); got != 2 {
			t.Fatalf("%d masters while one is cut off, want it and one other", got)
		}
		s.deaf[best] = false
		s.run(settle)
		s.checkOne(t, "after it came back")
	})
}

func (s *segment) checkOne(t *rapid.T, when string) {
	masters := s.masters()
	if len(masters) != 1 {
		t.Fatalf("%s: masters %v", when, masters)
	}
	got, want := s.machines[masters[0]], s.machines[s.highest()]
	if got.Priority() != want.Priority() {
		t.Fatalf("%s: master has priority %d, the highest is %d", when, got.Priority(), want.Priority())
	}
}
