package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Fault is one thing that the nemesis does, and when it is mended.
type Fault struct {
	Kind   string `json:"kind"`
	Target string `json:"target,omitempty"` // a node, a peer, or leader: whoever leads then; empty: the cluster
	// Sides are the hosts that no longer reach those of other sides.
	Sides [][]string `json:"sides,omitempty"`
	// Value is the kind's own: a group's number for move, milliseconds for delay, a thousandth for what happens to some frames.
	Value int `json:"value,omitempty"`
	// At and Until count from the beginning.
	At    time.Duration `json:"at_ns"`
	Until time.Duration `json:"until_ns"`
}

// leading is the target that is chosen when the fault strikes.
const leading = "leader"

// String says what is done, for people.
func (f Fault) String() string {
	text := f.Kind
	if f.Target != "" {
		text = f.Target + ": " + f.Kind
	}
	var sides []string
	for _, s := range f.Sides {
		sides = append(sides, strings.Join(s, "+"))
	}
	if len(sides) > 0 {
		text += " " + strings.Join(sides, " | ")
	}
	return text
}

// Cast is who there is to be hurt.
type Cast struct {
	Nodes, Peers, Groups []string
	// Earlier says that the nodes begin with an earlier vipd, and are upgraded.
	Earlier bool
}

const (
	// meanGap is the time from one fault to the next, on average.
	meanGap = 1300 * time.Millisecond
	// breath is what lies between two faults of one part of one host.
	breath = 400 * time.Millisecond
	// daring is how many of a hundred faults may cost the majority.
	daring = 35
	// voteAgain is how long members that were learners take to vote again: each has to be stable for ten seconds.
	voteAgain = 20 * time.Second
)

// Plan is the schedule of a seed, in the order in which faults strike. All are mended when the time is over. The number
// of nodes that are out at a time mostly leaves a majority.
func Plan(seed uint64, cast Cast, length time.Duration) []Fault {
	p := &planner{rand: rand.New(rand.NewPCG(seed, 0)), cast: cast}
	if cast.Earlier {
		p.upgrades(length)
	}
	for at := breath; ; at += p.gap() {
		f, ok := p.next(at, length)
		if !ok {
			break
		}
		if f.Kind != "" {
			p.faults = append(p.faults, f)
		}
	}
	slices.SortStableFunc(p.faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return p.faults
}

type planner struct {
	rand   *rand.Rand
	cast   Cast
	faults []Fault
}

func (p *planner) gap() time.Duration {
	return min(time.Duration(p.rand.ExpFloat64()*float64(meanGap)), 4*meanGap)
}

// next is a fault for a time; none, if the dice found no place for one, is a pause. It is not ok at the end.
func (p *planner) next(at, length time.Duration) (Fault, bool) {
	if at+breath >= length {
		return Fault{}, false
	}
	daring := p.rand.IntN(100) < daring
	for range 10 {
		k := p.kind()
		f := Fault{Kind: k.name, At: at.Round(time.Millisecond)}
		lasts := k.least + time.Duration(p.rand.Int64N(int64(k.most-k.least)+1))
		f.Until = min(f.At+lasts.Round(time.Millisecond), length)
		p.aim(k, &f)
		if f.Until-f.At < k.least || p.collides(k, f) || !daring && !p.keepsMajority(f) {
			continue
		}
		return f, true
	}
	return Fault{}, true
}

// kind draws one, by weight.
func (p *planner) kind() kind {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	at := p.rand.IntN(total)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			return k
		}
	}
	panic("unreachable")
}

// aim chooses whom a fault is for.
func (p *planner) aim(k kind, f *Fault) {
	any := func(names []string) string { return names[p.rand.IntN(len(names))] }
	switch k.aims {
	case atNode:
		f.Target = any(p.cast.Nodes)
	case atLeader:
		f.Target = leading
	case atPeer:
		f.Target = any(p.cast.Peers)
	case atSides:
		f.Sides = p.sides()
	case atCluster, atNext:
	}
	if k.values > 0 {
		f.Value = 1 + p.rand.IntN(k.values)
	}
}

// sides divides all hosts in two, seldom in three; each has at least one node.
func (p *planner) sides() [][]string {
	parts := 2
	if p.rand.IntN(5) == 0 {
		parts = 3
	}
	sides := make([][]string, parts)
	for i, at := range p.rand.Perm(len(p.cast.Nodes)) {
		side := i
		if i >= parts {
			side = p.rand.IntN(parts)
		}
		sides[side] = append(sides[side], p.cast.Nodes[at])
	}
	for _, peer := range p.cast.Peers {
		if side := p.rand.IntN(parts + 1); side < parts { // else it reaches all
			sides[side] = append(sides[side], peer)
		}
	}
	for _, s := range sides {
		slices.Sort(s)
	}
	slices.SortFunc(sides, func(a, b []string) int { return cmp.Compare(a[0], b[0]) })
	return sides
}

// collides reports whether a fault concerns a part of a host, or of the cluster, that another one has at the time.
func (p *planner) collides(k kind, f Fault) bool {
	return slices.ContainsFunc(p.faults, func(other Fault) bool {
		return f.At < other.Until+breath && other.At < f.Until+breath && kindNamed(other.Kind).part == k.part &&
			(f.Target == other.Target || f.Target == leading || other.Target == leading)
	})
}

// keepsMajority reports whether a majority of the nodes is in order and together as long as a fault lasts, as far as the
// schedule is known.
func (p *planner) keepsMajority(f Fault) bool {
	during := []Fault{f}
	for _, other := range p.faults {
		if other.At < f.Until && f.At < other.Until {
			during = append(during, other)
		}
	}
	left := p.cast.together(during)
	if slices.ContainsFunc(p.faults, func(other Fault) bool {
		return kindNamed(other.Kind).fewer && other.At < f.Until && f.At < other.Until+voteAgain
	}) {
		left-- // those that are left need not be those that vote
	}
	return left > len(p.cast.Nodes)/2
}

// together is the most nodes that are in order and reach each other under some faults.
func (c Cast) together(faults []Fault) int {
	out := map[string]bool{}
	sides := [][]string{c.Nodes}
	for _, f := range faults {
		switch {
		case len(f.Sides) > 0:
			sides = f.Sides
		case kindNamed(f.Kind).disables:
			out[f.Target] = true
		}
	}
	most := 0
	for _, side := range sides {
		n := 0
		for _, name := range side {
			if slices.Contains(c.Nodes, name) && !out[name] {
				n++
			}
		}
		most = max(most, n)
	}
	if out[leading] {
		most--
	}
	return most
}

// kindNamed panics on a kind that there is not.
func kindNamed(name string) kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	panic(fmt.Sprintf("no fault is called %q", name))
}
