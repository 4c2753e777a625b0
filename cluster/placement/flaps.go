package placement

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// A node that lost a group flapLosses times within FlapWithin flaps: the group does not prefer it until it has been
// stable for the group's damping.
const (
	flapLosses = 2
	FlapWithin = time.Minute
)

// Stay is a node's having a group.
type Stay struct {
	Group string `json:"g"`
	Node  string `json:"n"`
}

// Flaps remembers which nodes lost a group by a fault of their own, as a lease that ended, or a check that failed. All
// times are on the clock of whoever asks. Its zero value remembers nothing.
type Flaps struct{ of map[Stay]*flap }

// flap is what is remembered of a stay.
type flap struct {
	losses []time.Duration // those within FlapWithin of the newest
	damped bool
	// steady says that nothing changed since then; it is over when the node's standing does.
	steady bool
	since  time.Duration
	by     int // what the node's health added then
}

// Lost notes that a node lost a group by its own fault.
func (f *Flaps) Lost(s Stay, now time.Duration) {
	r := f.record(s)
	r.losses = slices.DeleteFunc(append(r.losses, now), func(at time.Duration) bool { return now-at > FlapWithin })
	r.damped = r.damped || len(r.losses) >= flapLosses
	r.steady = false
}

// Inherit damps what another leader had damped. How long the node was stable in its eyes is not known.
func (f *Flaps) Inherit(s Stay) { f.record(s).damped = true }

func (f *Flaps) record(s Stay) *flap {
	if f.of == nil {
		f.of = map[Stay]*flap{}
	}
	if f.of[s] == nil {
		f.of[s] = &flap{}
	}
	return f.of[s]
}

// Look takes in how the nodes stand, forgets what is over, and returns when the next damping ends; 0: none is to.
func (f *Flaps) Look(s *state.State, h Health, now time.Duration) (next time.Duration) {
	for stay, r := range f.of {
		g, n := s.Groups[stay.Group], s.Nodes[stay.Node]
		if g == nil || n == nil || g.DampedFor() == 0 || sentBack(s.Assignments[stay.Group], stay) {
			delete(f.of, stay)
			continue
		}
		if !r.damped {
			if now-r.losses[len(r.losses)-1] > FlapWithin {
				delete(f.of, stay)
			}
			continue
		}
		c, by := standing(n, h[stay.Node], g), h[stay.Node].Adjust[stay.Group].By
		if !c.Eligible || !r.steady || by != r.by {
			r.steady, r.since, r.by = c.Eligible, now, by
		}
		end := r.since + g.DampedFor()
		switch {
		case !r.steady:
		case now >= end:
			delete(f.of, stay)
		case next == 0 || end < next:
			next = end
		}
	}
	return next
}

// sentBack reports whether an operator gave the group to the node in spite of all.
func sentBack(a *state.Assignment, stay Stay) bool {
	return a != nil && a.Pinned && a.Holder == stay.Node
}

// Damped returns the stays that are not to be preferred, sorted.
func (f *Flaps) Damped() []Stay {
	var list []Stay
	for stay, r := range f.of {
		if r.damped {
			list = append(list, stay)
		}
	}
	slices.SortFunc(list, func(a, b Stay) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Node, b.Node)) })
	return list
}

// Damp notes in the health of nodes what is not to be preferred.
func (h Health) Damp(s *state.State, stays []Stay) {
	for _, stay := range stays {
		g, of := s.Groups[stay.Group], h[stay.Node]
		if g == nil || g.DampedFor() == 0 || sentBack(s.Assignments[stay.Group], stay) {
			continue
		}
		if of.Damped == nil {
			of.Damped = map[string]string{}
		}
		of.Damped[stay.Group] = fmt.Sprintf("it lost %s twice within %v, and is not preferred until it has been stable for %v", stay.Group, conf.Duration(FlapWithin), conf.Duration(g.DampedFor()))
		h[stay.Node] = of
	}
}
