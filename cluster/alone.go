package cluster

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"vipd/cluster/fallback"
	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/vrrp"
)

// assembleSoloist makes the part that holds groups without a lease.
func (m *member) assembleSoloist() {
	m.soloist = newSoloist(soloistOptions{
		log: m.log, view: m.View, door: m.door, led: m.led, able: m.ableAlone,
		changed: func() {
			kick(m.tenant.wake)
			m.changes.raise()
		},
		free: func() {
			kick(m.keeper.refresh)
			kick(m.clerk.wake)
			m.changes.raise()
		},
	})
}

// led reports whether a leader is heard.
func (m *member) led() bool {
	raft := m.early.Load()
	if raft == nil {
		return false
	}
	leader, _ := raft.Leader()
	return leader != ""
}

// ableAlone returns what this node could hold without a lease, by what it last knew of the cluster.
func (m *member) ableAlone(view *state.State) repertoire {
	able := repertoire{}
	me := view.Nodes[m.self.node]
	own, reported := m.reporter.of(m.self.node)
	if me == nil || me.Instance != m.self.instance || me.Witness || me.Drained || me.Leaving || !reported || own.Unfit != "" {
		return able
	}
	health := own.judge(view)
	for name, g := range view.Groups {
		priority := g.PriorityOn(me.Name)
		if g.OnQuorumLoss != state.FallBack || g.VRRP == nil || g.Excludes(me) != "" || health.Ineligible[name] != "" || health.Unknown[name] != "" {
			continue
		}
		able[name] = uint8(min(max(priority+health.Adjust[name].By, 1), vrrp.PriorityOwner-1))
	}
	return able
}

// strays reports whether a member may be holding groups without a lease: one that has none, and from which this
// node has heard nothing for nearly as long as that takes. Ordinary failovers are faster.
func (m *member) strays(view *state.State) bool {
	patience := fallback.TimingOf(lease.Timing{Renew: view.Profile.Renew, Lease: view.Profile.Lease}).Patience
	for name, n := range view.Nodes {
		if name != m.self.node && !n.Witness && !n.Live() && m.keeper.silent(name) > patience/2 {
			return true
		}
	}
	return false
}

// sources returns where this node's adverts come from, of groups that fall back to VRRP.
func (m *member) sources() []netip.Addr {
	view := m.View()
	found := map[netip.Addr]bool{}
	for _, g := range view.Groups {
		if g.OnQuorumLoss != state.FallBack || g.VRRP == nil {
			continue
		}
		if source, _, err := sourceOf(stationKey{g.Interface, speaksIPv6(g)}, view); err == nil {
			found[source] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), netip.Addr.Compare)
}

// tenancyAlone is what this node may hold without a lease. It settles nothing: debts are the log's.
func (t *tenant) tenancyAlone(view *state.State, may repertoire) (tenancy state.Tenancy) {
	for _, name := range slices.Sorted(maps.Keys(may)) {
		g := view.Groups[name]
		if g == nil {
			continue
		}
		h := state.Holding{Group: name, Addresses: g.Addresses}
		if a := view.Assignments[name]; a != nil {
			h.Serial = a.Serial
		}
		tenancy.Held = append(tenancy.Held, h)
	}
	return tenancy
}

// rivalry is a governed router's with members that lost the majority and speak for themselves.
type rivalry struct {
	heard time.Time // when one advertised last
	above uint8     // the priority it advertised
	clear time.Time // when the addresses may be carried; zero: now
	limit time.Time // when they may, whatever is heard until then
	// unheard says that there may be one although it was not heard: the router may begin as master.
	unheard bool
}

// yieldTime is what a member that hears a governed router is given to let go of the addresses, since it advertised
// last. One that never stops, since it hears nobody, is waited for yieldLimit.
const (
	yieldTime  = 200 * time.Millisecond
	yieldLimit = time.Second
)

// standing says how the sender of an advert stands to a router of a group that falls back. A governed router
// overrules members that lost the majority, with a higher priority if it takes one, and those leave any member
// alone that speaks. The caller holds mu.
func (s *speaker) standing(r *virtualRouter, p vrrp.Packet) vrrp.Standing {
	switch {
	case !r.falls || !s.ours(p.Src):
		return vrrp.ByPriority
	case r.alone:
		return vrrp.Senior
	}
	if a, ok := r.machine.Counts(p); ok && a.Priority != vrrp.PriorityStop {
		r.rival.heard, r.rival.above = time.Now(), a.Priority
		r.rival.prolong()
		if p := r.outranking(r.machine.Priority()); p != r.machine.Priority() {
			s.log.Warn("a member without a lease has a higher VRRP priority; outranking it", "group", r.group, "priority", p)
			s.step(r, vrrp.SetPriority{Priority: p})
		}
	}
	return vrrp.Junior
}

// outranking returns a priority that is enough as long as a rival has been heard lately.
func (r *virtualRouter) outranking(p uint8) uint8 {
	if r.rivals() && r.rival.above >= p {
		return min(r.rival.above, vrrp.PriorityOwner-1) + 1
	}
	return p
}

func (r *virtualRouter) rivals() bool {
	return !r.rival.heard.IsZero() && time.Since(r.rival.heard) < 4*r.machine.Config().Interval
}

// holdBack has a router that becomes master in spite of a rival advertise for a moment before the addresses are
// carried here, so that the rival can let go of them. The caller holds mu.
func (s *speaker) holdBack(r *virtualRouter) {
	r.rival.clear = time.Time{}
	if r.machine.State() == vrrp.Master && (r.rivals() || r.rival.unheard) {
		now := time.Now()
		r.rival.clear, r.rival.limit = now.Add(yieldTime), now.Add(yieldLimit)
		kick(s.wake)
	}
}

// prolong has a router that is held back wait anew, since its rival still advertises.
func (r *rivalry) prolong() {
	if later := r.heard.Add(yieldTime); !r.clear.IsZero() {
		if later.After(r.limit) {
			later = r.limit
		}
		r.clear = later
	}
}

// release ends holdBack when it is over. The caller holds mu.
func (s *speaker) release(r *virtualRouter) {
	if clear := r.rival.clear; !clear.IsZero() && !time.Now().Before(clear) {
		r.rival.clear = time.Time{}
		s.changed()
	}
}

// carries reports whether the group's addresses shall be here.
func (r *virtualRouter) carries() bool {
	return r.machine.State() == vrrp.Master && r.rival.clear.IsZero()
}
