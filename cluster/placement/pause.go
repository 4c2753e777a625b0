package placement

import (
	"fmt"

	"vipd/cluster/state"
)

// While automatic moves are paused a group stays where it is, also with a holder that died, is stopped or cannot hold
// it. What goes on is what somebody asked for: new groups are placed, drained and leaving nodes are emptied. A node that
// comes back gets what it had, if nobody has it.

// paused decides for a set of groups, or one, and reports whether that was all.
func (d *decider) paused(set []*state.Group) bool {
	if d.state.Paused == nil {
		return false
	}
	fresh := true
	for _, g := range set {
		a := d.state.Assignments[g.Name]
		if n := d.state.Nodes[a.Holder]; n.Live() && (n.Drained || n.Leaving) {
			return false
		}
		fresh = fresh && a.Holder == "" && a.Reason == state.NewGroup
	}
	if fresh {
		return false
	}
	for _, g := range set {
		d.keep(g)
	}
	return true
}

// keep leaves a group to the node that has it, or had it.
func (d *decider) keep(g *state.Group) {
	a := d.state.Assignments[g.Name]
	if h := d.health[a.Holder]; a.Holder != "" {
		if h.Epoch == d.state.Nodes[a.Holder].Epoch && h.Unfit != "" {
			d.decide(g, improvement{why: fmt.Sprintf("%s: %s; moves are paused", a.Holder, h.Unfit)})
		}
		return
	}
	for _, c := range Rank(d.state, d.health, g, d.places) {
		if c.Node == a.Last && c.Eligible {
			d.decide(g, improvement{to: c.Node, why: fmt.Sprintf("%s is back; moves are paused", c.Node)})
		}
	}
}
