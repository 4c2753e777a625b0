// Package placement decides who should hold each group: a pure function of the replicated state and the
// newest health. Same input, same answer; every answer carries its reason.
package placement

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"vipd/cluster/state"
)

// Health is the newest that is known of each node, by name.
type Health map[string]NodeHealth

// NodeHealth is what one node says of itself, and what others noticed about it.
type NodeHealth struct {
	Epoch uint64 // the start of the daemon that reported; a report of an earlier start counts for nothing
	// Unfit says why the node should hold nothing at all, as when it is stopping. Empty: it is fit.
	Unfit string
	// Ineligible says for each group that the node cannot hold why that is so.
	Ineligible map[string]string
	// Adjust moves the node's configured priority, by group: a check that fails, a link that is missing.
	Adjust map[string]Adjustment
	// Unknown says for each group that the node has not said yet whether it can hold it what is missing.
	// It gets no such group, and may keep one that it has.
	Unknown map[string]string
	// Damped says for each group that the node lost too often why it is not preferred.
	Damped map[string]string
	// Suspect says why the node gets nothing new although it may keep what it holds, as when it has not
	// been heard of for a moment. Whether it is dead is decided by its lease.
	Suspect string
}

// Adjustment is what a node's health adds to its configured priority for a group.
type Adjustment struct {
	By int // negative: taken off
	// Mild is the part of By that orders nodes when a holder has to be found, and is no reason to take the group
	// away from this one.
	Mild int
	// Lacks is what failing checks and missing links cost the node, of the most that it could have.
	Lacks int
	Why   string // in words, as "check haproxy fails: -20"; empty when By is 0
	Terms []Term // whose sum is By
}

// Term is a part of a sum, in words: what it is for.
type Term struct {
	By   int
	What string
}

// Bounds of an effective priority: no adjustment makes a node ineligible, or an address owner (255 in VRRP).
const (
	minPriority = 1
	maxPriority = 254
)

// Candidate is a node's standing for one group.
type Candidate struct {
	Node     string
	Priority int    // effective; 0 when ineligible
	Holding  int    // what others have to be better than while it holds the group
	Crowd    int    // how many of the groups that this one is kept apart from are there
	Lacks    int    // how much more its priority would be were all well with it
	Terms    []Term // that Priority is the sum of, before it is kept within bounds; nil when ineligible
	Damped   string // why it is not preferred; empty if it may be
	Adjusted string // why Priority is not the configured one; empty when it is
	Why      string // why it is ineligible, or gets nothing new; empty otherwise
	// Eligible nodes may be given the group. Tolerated ones may keep it if they have it.
	Eligible, Tolerated bool
	// Fails says that it is ineligible by a fault of its own, and not by anybody's wish.
	Fails bool
	// Pending ones have not said yet whether they can hold it.
	Pending bool
}

// Rank returns every member's standing for a group, best first; all groups of a set have one ranking. p is where all
// groups are.
func Rank(s *state.State, h Health, g *state.Group, p *Places) []Candidate {
	set := togetherWith(s, g)
	current, by := s.Assignments[set[0].Name], cmp.Or(g.Together, g.Name)
	ranking := make([]Candidate, 0, len(s.Nodes))
	for _, name := range slices.Sorted(maps.Keys(s.Nodes)) {
		ranking = append(ranking, p.standingFor(s.Nodes[name], h[name], set, g))
	}
	holds := func(c Candidate) bool {
		return current != nil && current.Holder == c.Node && current.Epoch == s.Nodes[c.Node].Epoch
	}
	slices.SortStableFunc(ranking, func(a, b Candidate) int {
		return cmp.Or(
			compareBool(b.Eligible, a.Eligible),
			compareBool(a.Damped != "", b.Damped != ""),
			cmp.Compare(a.Crowd, b.Crowd),
			cmp.Compare(b.Priority, a.Priority),
			compareBool(holds(b), holds(a)),
			cmp.Compare(p.load[a.Node], p.load[b.Node]),
			cmp.Compare(spread(by, a.Node), spread(by, b.Node)),
			cmp.Compare(a.Node, b.Node),
		)
	})
	return ranking
}

func standing(n *state.Node, h NodeHealth, g *state.Group) Candidate {
	c := Candidate{Node: n.Name}
	priority := g.PriorityOn(n.Name)
	known := h.Epoch == n.Epoch
	switch {
	case !n.Live():
		c.Why = "it has no lease"
	case n.Witness:
		c.Why = "it is a witness"
	case n.Leaving:
		c.Why = "it is leaving the cluster"
	case n.Drained:
		c.Why = "it is drained"
	case g.Excludes(n) != "":
		c.Why = g.Excludes(n)
	case known && h.Unfit != "":
		c.Why = h.Unfit
	case known && h.Ineligible[g.Name] != "":
		c.Why, c.Fails = h.Ineligible[g.Name], true
	default:
		c.Priority, c.Holding = priority, priority
		c.Terms = []Term{{priority, configured(g, n.Name)}}
		if adjust := h.Adjust[g.Name]; known {
			c.Priority, c.Adjusted = bounded(priority+adjust.By), adjust.Why
			c.Holding, c.Lacks = bounded(priority+adjust.By-adjust.Mild), adjust.Lacks
			c.Terms = append(c.Terms, adjust.Terms...)
		}
		c.Damped = h.Damped[g.Name]
		c.Tolerated = true
		switch {
		case !known:
			c.Why = "it has not reported its health yet"
		case h.Suspect != "":
			c.Why = h.Suspect
		case h.Unknown[g.Name] != "":
			c.Why, c.Pending = h.Unknown[g.Name], true
		default:
			c.Eligible = true
		}
	}
	return c
}

// configured says where a node's priority is written.
func configured(g *state.Group, node string) string {
	if _, ok := g.Priorities[node]; ok {
		return "the group's `priorities` name it"
	}
	return "the group's `priority`"
}

func bounded(priority int) int { return min(max(priority, minPriority), maxPriority) }

// spread is a stable order of nodes that differs from group to group, so that groups of equal priority
// do not all prefer one node.
func spread(group, node string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(group))
	h.Write([]byte{0})
	h.Write([]byte(node))
	return h.Sum64()
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Better remembers since when a node has been better than a group's holder, for preempt_delay.
type Better map[string]Since

// Since is a better node and the moment it began to be better, on the clock of whoever asks.
type Since struct {
	Node string
	At   time.Duration
}
