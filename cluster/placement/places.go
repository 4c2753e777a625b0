package placement

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"vipd/cluster/state"
)

// Places is which node has what: it settles what priorities leave open.
type Places struct {
	state  *state.State
	holder map[string]string         // of each group that is held
	load   map[string]int            // groups on a node
	apart  map[string]map[string]int // groups of a set of apart -> on a node
}

// PlacesOf returns where the groups are.
func PlacesOf(s *state.State) *Places {
	p := &Places{state: s, holder: map[string]string{}, load: map[string]int{}, apart: map[string]map[string]int{}}
	for name, g := range s.Groups {
		if a := s.Assignments[name]; a != nil && a.Holder != "" {
			p.put(g, a.Holder, 1)
		}
	}
	return p
}

// move takes a group to a node; "" is nowhere.
func (p *Places) move(g *state.Group, to string) {
	if from := p.holder[g.Name]; from != "" {
		p.put(g, from, -1)
	}
	if to != "" {
		p.put(g, to, 1)
	}
}

func (p *Places) put(g *state.Group, node string, by int) {
	p.load[node] += by
	delete(p.holder, g.Name)
	if by > 0 {
		p.holder[g.Name] = node
	}
	if g.Apart != "" {
		if p.apart[g.Apart] == nil {
			p.apart[g.Apart] = map[string]int{}
		}
		p.apart[g.Apart][node] += by
	}
}

// crowd is how many others of its set of apart are where a group is, or would be.
func (p *Places) crowd(g *state.Group, node string) int {
	n := p.apart[g.Apart][node]
	if g.Apart != "" && p.holder[g.Name] == node {
		n--
	}
	return n
}

// rival names a group because of which a strict one cannot be on a node; empty: there is none. Of two that are on one
// node already, the one that was there first stays.
func (p *Places) rival(g *state.Group, node string) string {
	if !g.ApartStrict || p.crowd(g, node) == 0 {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(p.holder)) {
		other := p.state.Groups[name]
		if name == g.Name || p.holder[name] != node || other.Apart != g.Apart {
			continue
		}
		if p.holder[g.Name] == node && p.state.Assignments[g.Name].Serial < p.state.Assignments[name].Serial {
			continue
		}
		return name
	}
	return ""
}

// keepApart adds to a candidate what the others of its set mean for it.
func (p *Places) keepApart(c Candidate, g *state.Group) Candidate {
	c.Crowd = p.crowd(g, c.Node)
	if rival := p.rival(g, c.Node); rival != "" && c.Tolerated {
		c = Candidate{Node: c.Node, Crowd: c.Crowd, Why: fmt.Sprintf("%s, which is kept apart from it, is there", rival)}
	}
	return c
}

// order is that in which groups are decided: those that are kept apart come last, of them first those without a holder
// that fewest nodes can hold, then those that win most, or lose least, by a move. So it is they that move.
func (d *decider) order() []string {
	names := slices.Sorted(maps.Keys(d.state.Groups))
	turn := map[string]int{}
	for _, name := range names {
		turn[name] = d.turn(d.state.Groups[name])
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(turn[a], turn[b]) })
	return names
}

// turn of a group: the lower, the earlier.
func (d *decider) turn(g *state.Group) int {
	if g.Apart == "" {
		return math.MinInt
	}
	able, best, holding := 0, 0, 0
	for _, c := range Rank(d.state, d.health, g, d.places) {
		switch {
		case c.Node == d.places.holder[g.Name] && c.Tolerated:
			holding = c.Holding
		case c.Eligible:
			able, best = able+1, max(best, c.Priority)
		}
	}
	if holding == 0 {
		return able - math.MaxInt/2
	}
	return holding - best
}
