package cluster

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vipd/cluster/fallback"
	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// repertoire is what a node may hold without a lease: groups, and the node's own effective priority for each.
type repertoire map[string]uint8

// soloist lets this node hold groups by VRRP alone when the majority is lost, those that are told to fall back
// to that. Before this node can have a lease again, it has all of them let go of. The methods may be called on
// nil, which holds nothing.
type soloist struct {
	soloistOptions
	wake chan struct{}

	mu      sync.Mutex
	machine fallback.Machine
	may     repertoire
	gone    bool // since it began to leave, the tenant has let go of all
	ending  bool // the daemon is about to end
}

// soloistOptions are what a soloist is made of. Its functions must not block.
type soloistOptions struct {
	log  *slog.Logger
	view func() *state.State
	door *door
	led  func() bool                        // a leader is heard
	able func(view *state.State) repertoire // what this node could hold
	// changed wakes the tenant, free those who may want a lease again.
	changed, free func()
}

func newSoloist(o soloistOptions) *soloist {
	return &soloist{soloistOptions: o, wake: make(chan struct{}, 1)}
}

// Run watches until ctx ends.
func (s *soloist) Run(ctx context.Context) error {
	lookRound(ctx, s.wake, s.step)
	s.door.leaveAlone()
	return nil
}

// step looks, does what is due, and returns when to look again.
func (s *soloist) step() time.Duration {
	view := s.view()
	timing := fallback.TimingOf(lease.Timing{Renew: view.Profile.Renew, Lease: view.Profile.Lease})
	leased, _ := s.door.valid()
	look := fallback.Look{Lease: leased, Leader: s.led()}
	able := repertoire{}
	if !leased {
		able = s.able(view)
	}
	s.mu.Lock()
	look.Wanted, look.Vacant, look.Ending = len(able) > 0, s.gone, s.ending
	actions := s.machine.Step(bootNow(), timing, look)
	now := s.machine.State()
	again := !maps.Equal(s.may, able)
	s.may = able
	s.mu.Unlock()
	for _, a := range actions {
		s.perform(a, able)
	}
	if again && now == fallback.Active {
		s.changed()
	}
	if now == fallback.Governed || now == fallback.Alone && len(able) == 0 {
		return untilBeat()
	}
	return timing.Renew
}

func (s *soloist) perform(action fallback.Action, able repertoire) {
	switch a := action.(type) {
	case fallback.Open:
		s.log.Warn("the majority is lost: holding groups by VRRP alone; that there is one holder is not promised for them now",
			"groups", slices.Sorted(maps.Keys(able)))
		s.mu.Lock()
		s.gone = false
		s.mu.Unlock()
		s.door.holdAlone(a.Until)
		s.changed()
	case fallback.Extend:
		s.door.holdAlone(a.Until)
	case fallback.Leave:
		if a.Shut {
			s.door.leaveAlone()
		}
		s.log.Warn("no longer holding groups by VRRP alone", "reason", a.Why, "gate_first", a.Shut)
		s.changed()
	case fallback.Done:
		s.door.leaveAlone()
		s.log.Info("everything that was held by VRRP alone is let go of")
		s.free()
	}
}

// part returns what this node may hold without a lease now; nil if nothing.
func (s *soloist) part() repertoire {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machine.State() != fallback.Active {
		return nil
	}
	return s.may
}

// left notes that the tenant took a step in which nothing was allowed without a lease, and whether nothing was
// left after it. Only such a step counts: an earlier one may still be under way when this node begins to leave.
func (s *soloist) left(empty bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	leaving := s.machine.State() == fallback.Leaving && empty && !s.gone
	s.gone = s.gone || leaving
	s.mu.Unlock()
	if leaving {
		kick(s.wake)
	}
}

// holds reports whether something may be held without a lease, or is not let go of yet.
func (s *soloist) holds() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.machine.State()
	return now == fallback.Active || now == fallback.Leaving
}

// end lets go of everything, since the daemon is about to end.
func (s *soloist) end(ctx context.Context) {
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	for kick(s.wake); s.holds() && pause(ctx, 10*time.Millisecond); {
	}
}

// sentence says what is held without a lease; "" if nothing may be.
func (s *soloist) sentence() string {
	if part := s.part(); part != nil {
		return "it holds these groups by VRRP alone, and that there is one holder is not promised for them until the majority is back: " +
			strings.Join(slices.Sorted(maps.Keys(part)), ", ")
	}
	return ""
}
