package cluster

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vipd/cluster/state"
	"vipd/vrrp"
)

// speaker runs the virtual routers of the groups that this node holds and that have a vrrp section. Which
// node that is, Raft decides, and the lease and the debts keep any other from speaking at the same time; the
// virtual router decides between this cluster and the routers outside.
type speaker struct {
	speakerOptions
	wake    chan struct{} // the deadlines may have changed
	readers sync.WaitGroup

	mu       sync.Mutex
	routers  map[string]*virtualRouter // by group
	stations map[stationKey]*station
	problems map[string]problem // by group
	stopped  []*virtualRouter   // since the last farewell
	alone    repertoire         // what is held without a lease; nil: this node is governed
	stale    bool               // the priorities may be others
	suspect  bool               // the host's interfaces or addresses changed since they were looked at
	looked   time.Time          // when the priorities were looked at
	next     time.Time          // when Run looks again
}

// speakerOptions are what a speaker is made of. Its functions must not block.
type speakerOptions struct {
	node  string
	log   *slog.Logger
	view  func() *state.State
	epoch func() uint64
	// permit is asked right before each advert whether this node has the lease.
	permit func(alone bool) bool
	// ours reports whether an address is one that another member's adverts come from.
	ours func(netip.Addr) bool
	// strays reports whether a member may be without a lease for so long that it speaks for itself.
	strays func(*state.State) bool
	// led reports whether a leader is heard.
	led      func() bool
	heritage *heritage
	// adjustments returns what this node's health adds to or takes off its priority, by group.
	adjustments func(*state.State) map[string]int
	changed     func() // a router became master, or stopped being it
	reported    func() // what this node can or cannot speak for changed
}

func newSpeaker(o speakerOptions) *speaker {
	return &speaker{
		speakerOptions: o, wake: make(chan struct{}, 1), routers: map[string]*virtualRouter{},
		stations: map[stationKey]*station{}, problems: map[string]problem{},
	}
}

// Run keeps the virtual routers' time until ctx ends. Then all are silent.
func (s *speaker) Run(ctx context.Context) error {
	defer s.readers.Wait()
	defer s.close()
	lookRound(ctx, s.wake, func() time.Duration { return time.Until(s.tick()) })
	return nil
}

// tick does what is due, and returns when something is due next.
func (s *speaker) tick() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.stale || now.Sub(s.looked) >= beatEach/2 {
		s.stale, s.looked = false, now
		s.reprioritise(s.view())
	}
	s.next = time.Time{} // what the steps below make due is seen below: no need to be woken for it
	next := time.Now().Add(untilBeat())
	for _, name := range slices.Sorted(maps.Keys(s.routers)) {
		r := s.routers[name]
		s.step(r, vrrp.Tick{})
		s.release(r)
		for _, due := range []time.Time{r.machine.Deadline(), r.rival.clear} {
			if !due.IsZero() && due.Before(next) {
				next = due
			}
		}
	}
	s.next = next
	return next
}

// reprioritise tells the routers their priority: one for the whole cluster, which does not fall because
// another node speaks, and the speaker's own health. The caller holds mu.
func (s *speaker) reprioritise(view *state.State) {
	if len(s.routers) == 0 {
		return
	}
	adjust := s.adjustments(view)
	for name, r := range s.routers {
		g := view.Groups[name]
		if g == nil || g.VRRP == nil {
			continue
		}
		p := advertPriority(view, g, adjust[name])
		if r.alone {
			p = s.alone[name]
		}
		if p = r.outranking(p); p != 0 && p != r.machine.Priority() {
			s.log.Info("another VRRP priority", "group", name, "priority", p, "before", r.machine.Priority())
			s.step(r, vrrp.SetPriority{Priority: p})
		}
	}
}

// advertPriority is what the cluster advertises for a group.
func advertPriority(view *state.State, g *state.Group, adjust int) uint8 {
	base := g.VRRP.Priority
	if base == 0 {
		base = view.BestPriority(g)
	}
	if base == vrrp.PriorityOwner {
		return vrrp.PriorityOwner
	}
	return uint8(min(max(base+adjust, 1), vrrp.PriorityOwner-1))
}

// deliver has the router that a packet is for judge it. What is too short to say is shown to all.
func (s *speaker) deliver(st *station, p vrrp.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Collect(maps.Values(st.routers))
	if id := p.VRID(); id != 0 {
		list = slices.DeleteFunc(list, func(r *virtualRouter) bool { return r.machine.Config().VRID != id })
	}
	for _, r := range list {
		if r.own != nil && r.own != st && p.Dst.IsMulticast() {
			continue // it comes in at the virtual MAC as well
		}
		if actions := s.step(r, vrrp.Received{Packet: p, Standing: s.standing(r, p)}); !isDrop(actions) {
			r.heard(p)
		}
	}
}

// step tells a router what happened and does what it wants. The caller holds mu.
func (s *speaker) step(r *virtualRouter, ev vrrp.Event) []vrrp.Action {
	before := r.machine.State()
	actions := r.machine.Step(time.Now(), ev)
	if r.machine.State() == vrrp.Master {
		if err := s.raise(r); err != nil {
			r.failed = err
			s.note(r.group, err)
			s.stop(r.group, true)
			s.changed()
			return nil
		}
	}
	for _, a := range actions {
		s.perform(r, a)
	}
	if now := r.machine.State(); now != before {
		r.since = time.Now()
		s.holdBack(r)
		if now == vrrp.Master || before == vrrp.Master {
			s.changed()
			s.reported()
		}
	}
	if due := r.machine.Deadline(); !due.IsZero() && due.Before(s.next) {
		kick(s.wake)
	}
	return actions
}

func (s *speaker) perform(r *virtualRouter, action vrrp.Action) {
	switch a := action.(type) {
	case vrrp.SendAdvert:
		s.send(r, a.Priority)
	case vrrp.BecomeMaster:
		s.log.Info("VRRP master", "group", r.group, "reason", string(a.Why))
	case vrrp.BecomeBackup:
		s.log.Info("VRRP backup", "group", r.group, "reason", string(a.Why), "master", a.From, "priority", a.Priority)
	case vrrp.BecomeInit:
		s.log.Info("VRRP ended", "group", r.group, "reason", string(a.Why))
	case vrrp.AnnounceAgain:
		r.again = true
		s.changed()
	case vrrp.Dropped:
		r.drop(string(a.Reason), 1)
		s.log.Debug("dropped an advert", "group", r.group, "reason", string(a.Reason), "from", a.From)
	case vrrp.Tolerated:
		s.log.Warn("an advert counts although something is wrong with it", "group", r.group, "reason", string(a.Reason), "from", a.From)
	case vrrp.Adopted:
		s.log.Info("the VRRP master's interval is another", "group", r.group, "interval", a.Interval)
	}
}

// send sends an advert, if this node still has the lease and the epoch that the router began with.
func (s *speaker) send(r *virtualRouter, priority uint8) {
	adverts, err := r.machine.Adverts(priority)
	if err != nil {
		s.log.Error("make an advert", "group", r.group, "error", err)
		return
	}
	for _, a := range adverts {
		if r.epoch != s.epoch() || !s.permit(r.alone) {
			return
		}
		if err := r.conn().Send(a); err != nil {
			s.log.Debug("send an advert", "group", r.group, "error", err)
			r.unsent++
			continue
		}
		r.sent++
	}
}

// close stops all routers without a word.
func (s *speaker) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.routers {
		s.stop(name, true)
	}
	s.putAway(s.stopped)
	s.stopped = nil
	var errs []error
	for key := range s.stations {
		errs = append(errs, s.closeStation(key))
	}
	if err := errors.Join(errs...); err != nil {
		s.log.Warn("close VRRP sockets", "error", err)
	}
}

// spoken returns what the routers are doing, by group. Beyond a number of them only the state is told, so that
// it fits a datagram.
func (s *speaker) spoken() map[string]spoken {
	const told = 200
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.routers) == 0 {
		return nil
	}
	all := make(map[string]spoken, len(s.routers))
	for i, name := range slices.Sorted(maps.Keys(s.routers)) {
		all[name] = s.routers[name].spoken(i >= told)
	}
	return all
}
