package cluster

import (
	"net/netip"

	"vipd/cluster/api"
	"vipd/cluster/placement"
	"vipd/cluster/state"
)

// assembleSpeaker makes the parts that speak VRRP.
func (m *member) assembleSpeaker() {
	m.speaker = newSpeaker(speakerOptions{
		node: m.self.node, log: m.log, view: m.View, epoch: m.keeper.currentEpoch,
		permit: func(alone bool) bool {
			valid, _ := m.door.permits(alone)
			return valid
		},
		ours:        func(addr netip.Addr) bool { return m.reporter.isSource(addr) },
		strays:      m.strays,
		led:         m.led,
		heritage:    &heritage{self: m.self.node, silent: m.keeper.silent, roles: map[string]role{}},
		adjustments: m.adjustments,
		changed:     func() { kick(m.tenant.wake) },
		reported:    func() { kick(m.reporter.wake) },
	})
}

// adjustments returns how far this node's health moves it from its configured priorities, by group. Groups that
// it cannot hold are left out.
func (m *member) adjustments(view *state.State) map[string]int {
	health := m.health(view)
	places := placement.PlacesOf(view)
	moved := map[string]int{}
	for name, g := range view.Groups {
		if g.VRRP == nil {
			continue
		}
		for _, c := range placement.Rank(view, health, g, places) {
			if c.Node == m.self.node && c.Priority > 0 {
				moved[name] = c.Holding - g.PriorityOn(c.Node)
			}
		}
	}
	return moved
}

// describeVRRP adds to groups what their virtual routers are doing. Each holder knows its own; of others this
// node has what they said last, within the last second.
func (m *member) describeVRRP(view *state.State, groups []api.GroupStatus) {
	own := m.speaker.spoken()
	for i := range groups {
		g := view.Groups[groups[i].Name]
		if g.VRRP == nil {
			continue
		}
		said := own
		if holder := groups[i].Holder; holder != m.self.node && !own[g.Name].Alone {
			account, _ := m.reporter.of(holder)
			said = account.Routers
		}
		groups[i].VRRP = vrrpStatus(view, g, said[g.Name])
	}
}

func vrrpStatus(view *state.State, g *state.Group, s spoken) *api.VRRPStatus {
	v := &api.VRRPStatus{
		RouterID: g.VRRP.RouterID, Version: g.VRRP.Version, Interface: g.Interface,
		State: s.State, Alone: s.Alone, Since: s.Since, Priority: s.Priority,
		Sent: s.Sent, Unsent: s.Unsent, Received: s.Received, Dropped: s.Dropped,
	}
	if s.Master.IsValid() {
		v.Master = s.Master.String()
	}
	if v.Priority == 0 {
		v.Priority = advertPriority(view, g, 0)
	}
	if v.Dropped == nil {
		v.Dropped = map[string]uint64{}
	}
	return v
}
