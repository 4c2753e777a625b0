package placement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"vipd/cluster/state"
)

// togetherWith returns the groups that have to be on one node with g, sorted by name: g alone if it is in no set.
func togetherWith(s *state.State, g *state.Group) []*state.Group {
	if g.Together == "" {
		return []*state.Group{g}
	}
	var set []*state.Group
	for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
		if s.Groups[name].Together == g.Together {
			set = append(set, s.Groups[name])
		}
	}
	return set
}

// With returns the names of the groups that move when g does.
func With(s *state.State, g *state.Group) []string {
	var names []string
	for _, member := range togetherWith(s, g) {
		names = append(names, member.Name)
	}
	return names
}

// standingFor is a node's standing for a set of groups: as good as for the one that it is worst for, since a node that
// cannot hold one of them cannot hold any. g is the one that is asked about.
func (p *Places) standingFor(n *state.Node, h NodeHealth, set []*state.Group, g *state.Group) Candidate {
	worst := p.keepApart(standing(n, h, g), g)
	for _, member := range set {
		if member == g {
			continue
		}
		c := p.keepApart(standing(n, h, member), member)
		if c.Why != "" && c.Why != worst.Why {
			c.Why = fmt.Sprintf("%s goes with it: %s", member.Name, c.Why)
		}
		worst = worse(worst, c)
	}
	return worst
}

// worse joins two standings of one node.
func worse(a, b Candidate) Candidate {
	a.Crowd += b.Crowd
	b.Crowd = a.Crowd
	if rank(b) < rank(a) {
		a, b = b, a // a is the one with more against it
	}
	if a.Tolerated && b.Priority < a.Priority {
		a.Priority, a.Adjusted, a.Terms, a.Lacks = b.Priority, b.Adjusted, b.Terms, b.Lacks
	}
	if a.Tolerated {
		a.Holding = min(a.Holding, b.Holding)
		a.Damped = cmp.Or(a.Damped, b.Damped)
	}
	a.Pending = a.Pending || a.Tolerated && b.Pending
	return a
}

func rank(c Candidate) int {
	switch {
	case c.Eligible:
		return 2
	case c.Tolerated:
		return 1
	}
	return 0
}

// together decides for a set of groups as for one.
func (d *decider) together(set []*state.Group) {
	ranking := Rank(d.state, d.health, set[0], d.places)
	holders := d.holders(set)
	if len(holders) == 1 {
		i := slices.IndexFunc(ranking, func(c Candidate) bool { return c.Node == holders[0] })
		switch holder := ranking[i]; {
		case !holder.Tolerated:
		case d.preemptAll(set, holder, ranking), d.heldBy(set, holder.Node):
			return
		case holder.Eligible:
			d.giveAll(set, improvement{to: holder.Node, why: fmt.Sprintf("goes together with what %s holds", holder.Node)})
			return
		default:
			return // a group that is new in the set waits until its holder has said whether it can hold it
		}
	}
	d.replaceAll(set, ranking)
}

// holders returns the nodes that hold a group of a set in an epoch that is not dead, sorted.
func (d *decider) holders(set []*state.Group) []string {
	var holders []string
	for _, g := range set {
		a := d.state.Assignments[g.Name]
		if n := d.state.Nodes[a.Holder]; n.Live() && n.Epoch == a.Epoch && !slices.Contains(holders, a.Holder) {
			holders = append(holders, a.Holder)
		}
	}
	slices.Sort(holders)
	return holders
}

// heldBy reports whether a node holds all of a set.
func (d *decider) heldBy(set []*state.Group, node string) bool {
	return !slices.ContainsFunc(set, func(g *state.Group) bool {
		a := d.state.Assignments[g.Name]
		return a.Holder != node || a.Epoch != d.state.Nodes[node].Epoch
	})
}

// preemptAll moves a set to a better node if all its groups want that, and reports whether it did; the longest of their
// delays counts.
func (d *decider) preemptAll(set []*state.Group, holder Candidate, ranking []Candidate) bool {
	patient := slices.MaxFunc(set, func(a, b *state.Group) int { return cmp.Compare(a.PreemptDelay, b.PreemptDelay) })
	for _, g := range set {
		if !g.Preempt || d.state.Assignments[g.Name].Pinned {
			return false
		}
	}
	move := d.better(patient, holder, ranking, len(set))
	if move.to != "" {
		d.giveAll(set, move)
	}
	return move.to != ""
}

// replaceAll gives a set that no one node can keep to the best node, or to nobody.
func (d *decider) replaceAll(set []*state.Group, ranking []Candidate) {
	fresh := !slices.ContainsFunc(set, func(g *state.Group) bool { return d.state.Assignments[g.Name].Reason != state.NewGroup })
	if fresh && slices.ContainsFunc(ranking, func(c Candidate) bool { return c.Pending }) {
		return
	}
	why := d.causeOf(set, ranking)
	switch {
	case len(ranking) > 0 && ranking[0].Eligible:
		d.giveAll(set, improvement{to: ranking[0].Node, why: fmt.Sprintf("%s; best priority is %d", firstCause(why), ranking[0].Priority)})
	default:
		d.giveAll(set, improvement{why: firstCause(why) + noOther})
	}
}

// causeOf says why a set moves: what its first holder lacks, or why its first group is where it is.
func (d *decider) causeOf(set []*state.Group, ranking []Candidate) string {
	for _, holder := range d.holders(set) {
		for _, c := range ranking {
			if c.Node == holder && !c.Tolerated {
				return fmt.Sprintf("%s: %s", c.Node, c.Why)
			}
		}
	}
	if len(d.holders(set)) > 1 {
		return "set " + set[0].Together + " is on several nodes"
	}
	for _, g := range set {
		if a := d.state.Assignments[g.Name]; a.Holder == "" {
			return a.Reason
		}
	}
	return d.state.Assignments[set[0].Name].Reason
}

// giveAll moves those of a set that are elsewhere.
func (d *decider) giveAll(set []*state.Group, move improvement) {
	for _, g := range set {
		a := d.state.Assignments[g.Name]
		if a.Holder == move.to && (move.to == "" || a.Epoch == d.state.Nodes[move.to].Epoch) {
			continue
		}
		d.decide(g, move)
	}
}
