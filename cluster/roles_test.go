package cluster

import (
	"errors"
	"testing"

	"vipd/cluster/hooks"
	"vipd/cluster/placement"
	"vipd/cluster/state"
)

// What a node is to a group that it does not carry.
func TestRoleApart(t *testing.T) {
	leased := true
	r := &roles{node: "a", leased: func() bool { return leased }}
	g := &state.Group{Name: "web"}
	for _, tt := range []struct {
		name, holder string
		vrrp, lost   bool
		health       placement.NodeHealth
		role         hooks.Role
		reason       string
	}{
		{"another holds it", "b", false, false, placement.NodeHealth{}, hooks.Backup, "moved"},
		{"not here yet", "a", false, false, placement.NodeHealth{}, hooks.Backup, "its addresses are not here yet"},
		{"a router outside", "a", true, false, placement.NodeHealth{}, hooks.Backup, "its virtual router is not master"},
		{"no lease", "a", false, true, placement.NodeHealth{}, hooks.Fault, "it has no lease from a majority"},
		{"no lease and no holder", "b", false, true, placement.NodeHealth{}, hooks.Fault, "it has no lease from a majority"},
		{"ill", "a", false, false, placement.NodeHealth{Ineligible: map[string]string{"web": "check x fails"}}, hooks.Fault, "check x fails"},
		{"ill for another group", "b", false, false, placement.NodeHealth{Ineligible: map[string]string{"db": "check x fails"}}, hooks.Backup, "moved"},
		{"not known", "b", false, false, placement.NodeHealth{Unknown: map[string]string{"web": "it has not run check x yet"}}, "", "moved"},
		{"stopping", "b", false, false, placement.NodeHealth{Unfit: unfitStopping, Ineligible: map[string]string{"web": "x"}}, hooks.Stop, "its daemon stops"},
		{"unfit", "b", false, false, placement.NodeHealth{Unfit: "it cannot read"}, hooks.Fault, "it cannot read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			leased, g.VRRP = !tt.lost, nil
			if tt.vrrp {
				g.VRRP = &state.VRRP{}
			}
			view := &state.State{Assignments: map[string]*state.Assignment{"web": {Holder: tt.holder, Serial: 7, Reason: "moved"}}}
			m := r.apart(view, g, tt.health)
			if m.Role != tt.role || m.Reason != tt.reason || m.Serial != 7 {
				t.Errorf("it is %q with serial %d, because %s", m.Role, m.Serial, m.Reason)
			}
		})
	}
}

// Who would not take over is in FAULT: a drained node, and one without a lease, unless VRRP may decide then.
func TestRoleOfWhoWouldNotTakeOver(t *testing.T) {
	leased := true
	r := &roles{node: "a", leased: func() bool { return leased }}
	g := &state.Group{Name: "web"}
	a := &state.Node{Name: "a"}
	view := &state.State{Nodes: map[string]*state.Node{"a": a}, Assignments: map[string]*state.Assignment{"web": {Holder: "b", Reason: "moved"}}}
	is := func(role hooks.Role, reason string) {
		t.Helper()
		if m := r.apart(view, g, placement.NodeHealth{}); m.Role != role || m.Reason != reason {
			t.Errorf("it is %q, because %s; want %q, because %s", m.Role, m.Reason, role, reason)
		}
	}
	is(hooks.Backup, "moved")
	a.Drained = true
	is(hooks.Fault, "it is drained")
	a.Drained = false
	is(hooks.Backup, "moved")
	leased = false
	is(hooks.Fault, "it has no lease from a majority")
	g.OnQuorumLoss = state.FallBack
	is(hooks.Backup, "it has no lease from a majority, and is not VRRP's master")
}

// A group is carried from when the kernel has one of its addresses until it has none, and whoever follows is woken once for each
// change, and for the first step.
func TestServing(t *testing.T) {
	s := newScene(t)
	woken := 0
	s.tenant.served = func() { woken++ }
	serves := func(what string, wakes int, want map[string]uint64) {
		t.Helper()
		s.step()
		s.step()
		diff(t, what, want, s.tenant.serving().groups)
		diff(t, what+": wakes", wakes, woken)
	}
	s.lease()
	s.commit(groups(group("web", "10.0.0.1/24"), group("db", "10.0.0.2/24")))
	serves("nothing", 1, nil)
	s.host.lacks = map[string]bool{"10.0.0.2/24": true}
	s.commit(give(s.view, "a", "web"))
	s.commit(give(s.view, "a", "db"))
	serves("what the kernel takes", 2, map[string]uint64{"web": s.view.Assignments["web"].Serial})
	s.host.lacks = nil
	serves("both", 3, map[string]uint64{"web": s.view.Assignments["web"].Serial, "db": s.view.Assignments["db"].Serial})
	s.host.setErr = errors.New("netlink")
	serves("what was there when it could be read last", 3, map[string]uint64{"web": s.view.Assignments["web"].Serial, "db": s.view.Assignments["db"].Serial})
	s.host.setErr = nil
	s.commit(give(s.view, "b", "web"))
	serves("the rest", 4, map[string]uint64{"db": s.view.Assignments["db"].Serial})
}
