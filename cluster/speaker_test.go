package cluster

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"vipd/cluster/state"
	"vipd/vrrp"
)

// The cluster advertises one priority, whoever speaks: its best node's, alive or not, and the speaker's health.
func TestAdvertPriority(t *testing.T) {
	view := state.New()
	view.Nodes = map[string]*state.Node{"a": {Name: "a"}, "b": {Name: "b", Epoch: 2}, "w": {Name: "w", Witness: true}}
	for _, tt := range []struct {
		name       string
		priority   int
		priorities map[string]int
		explicit   int
		adjust     int
		want       uint8
	}{
		{"the default", 100, nil, 0, 0, 100},
		{"the best, though it is dead", 100, map[string]int{"a": 150, "b": 90}, 0, 0, 150},
		{"a witness does not count", 100, map[string]int{"w": 200}, 0, 0, 100},
		{"nor does one that is no member", 100, map[string]int{"z": 200}, 0, 0, 100},
		{"what the section says", 100, map[string]int{"a": 150}, 80, 0, 80},
		{"health takes off", 100, map[string]int{"a": 150}, 0, -20, 130},
		{"not below 1", 10, nil, 0, -200, 1},
		{"not to the owner's", 250, nil, 0, 50, 254},
		{"an owner stays one", 100, nil, 255, -20, 255},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &state.Group{Priority: tt.priority, Priorities: tt.priorities, VRRP: &state.VRRP{Priority: tt.explicit}}
			if got := advertPriority(view, g, tt.adjust); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// A successor is master from the start only if its predecessor was, a moment ago.
func TestHeritage(t *testing.T) {
	silence := map[string]time.Duration{"dead": 300 * time.Millisecond, "alive": 0, "deaf": time.Hour}
	says := func(serial uint64, state vrrp.State) map[string]spoken {
		return map[string]spoken{"web": {Serial: serial, State: state.String()}}
	}
	for _, tt := range []struct {
		name   string
		hear   func(*heritage)
		within time.Duration
		want   bool
	}{
		{"nothing was heard", func(*heritage) {}, time.Hour, false},
		{"it was master", func(h *heritage) { h.hear("alive", says(4, vrrp.Master)) }, time.Second, true},
		{"it was backup", func(h *heritage) { h.hear("alive", says(4, vrrp.Backup)) }, time.Second, false},
		{"it died meanwhile", func(h *heritage) { h.hear("dead", says(4, vrrp.Master)); age(h, time.Minute) }, 500 * time.Millisecond, true},
		{"it died longer ago than peers wait", func(h *heritage) { h.hear("dead", says(4, vrrp.Master)); age(h, time.Minute) }, 200 * time.Millisecond, false},
		{"it let go just now", func(h *heritage) { h.hear("alive", says(4, vrrp.Master)); h.hear("alive", nil) }, time.Second, true},
		{"it let go long ago", func(h *heritage) { h.hear("alive", says(4, vrrp.Master)); h.hear("alive", nil); age(h, time.Minute) }, time.Second, false},
		{"another let go, and it is master", func(h *heritage) { h.hear("deaf", says(4, vrrp.Master)); h.hear("alive", nil) }, time.Second, true},
		{"a later one was backup", func(h *heritage) { h.hear("alive", says(4, vrrp.Master)); h.hear("dead", says(5, vrrp.Backup)) }, time.Second, false},
		{"what an earlier one says late", func(h *heritage) { h.hear("alive", says(5, vrrp.Master)); h.hear("dead", says(4, vrrp.Backup)) }, time.Second, true},
		{"one that comes after this", func(h *heritage) { h.hear("alive", says(7, vrrp.Master)) }, time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &heritage{silent: func(node string) time.Duration { return silence[node] }, roles: map[string]role{}}
			tt.hear(h)
			if got := h.inherits("web", 6, tt.within); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// age makes all that was heard older.
func age(h *heritage, d time.Duration) {
	for group, r := range h.roles {
		r.at = r.at.Add(-d)
		if r.ended != 0 {
			r.ended = r.ended.Add(-d)
		}
		h.roles[group] = r
	}
}

// A tick sees what it made due itself. Woken for that as well, a speaker would never rest.
func TestSpeakerRests(t *testing.T) {
	s := newSpeaker(speakerOptions{
		log: slog.New(slog.DiscardHandler), view: state.New, epoch: func() uint64 { return 1 },
		permit: func(bool) bool { return false }, adjustments: func(*state.State) map[string]int { return nil },
		changed: func() {}, reported: func() {},
	})
	for _, priority := range []uint8{100, vrrp.PriorityOwner} {
		g := &state.Group{VRRP: &state.VRRP{RouterID: 7, Version: 3, AdvertInt: 10 * time.Millisecond}}
		machine, err := vrrp.NewMachine(routerConfig(g, netip.MustParseAddr("10.0.0.1"), priority))
		if err != nil {
			t.Fatal(err)
		}
		r := &virtualRouter{machine: machine, epoch: 1}
		s.routers = map[string]*virtualRouter{"web": r}
		s.step(r, vrrp.Start{})
		s.tick()
		drain(s.wake)
		for range 3 {
			if next := s.tick(); !next.Equal(machine.Deadline()) {
				t.Errorf("%v: the next tick is at %v, and the router's deadline at %v", machine.State(), next, machine.Deadline())
			}
			if len(s.wake) > 0 {
				t.Errorf("%v: a tick has the next one at once", machine.State())
			}
			drain(s.wake)
		}
	}
}

func drain(wake chan struct{}) {
	select {
	case <-wake:
	default:
	}
}

// A group that speaks unicast never falls back to multicast, even where only this node is left.
func TestRouterConfigPeers(t *testing.T) {
	own, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for _, tt := range []struct {
		name        string
		peers, want []netip.Addr
	}{
		{"multicast", nil, nil},
		{"others", []netip.Addr{own, other}, []netip.Addr{other}},
		{"nobody else", []netip.Addr{own}, []netip.Addr{own}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &state.Group{VRRP: &state.VRRP{RouterID: 7, Version: 3, AdvertInt: time.Second, UnicastPeers: tt.peers}}
			diff(t, "peers", tt.want, routerConfig(g, own, 100).Peers)
		})
	}
}
