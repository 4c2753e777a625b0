package cluster

import (
	"slices"
	"time"

	"vipd/cluster/placement"
	"vipd/cluster/state"
)

// maxDamped bounds how many stays a report has, so that it fits a datagram; what is beyond is damped, and not shown.
const maxDamped = 64

// judged is what placement is told, with the nodes that flap.
func (c *conductor) judged(view *state.State) placement.Health {
	health := c.health(view)
	c.mu.Lock()
	defer c.mu.Unlock()
	health.Damp(view, c.flaps.Damped())
	return health
}

// lookAtFlaps takes in how the nodes stand, and returns when the next damping ends; 0: none is to. A damping that
// ended is taken off health.
func (c *conductor) lookAtFlaps(view *state.State, health placement.Health) time.Duration {
	c.mu.Lock()
	before := c.flaps.Damped()
	ends := c.flaps.Look(view, health, time.Duration(bootNow()))
	after := c.flaps.Damped()
	c.mu.Unlock()
	if slices.Equal(before, after) {
		return ends
	}
	for _, stay := range before {
		if !slices.Contains(after, stay) {
			delete(health[stay.Node].Damped, stay.Group)
			c.log.Info("a node is preferred again", "group", stay.Group, "preferred", stay.Node)
		}
	}
	c.tellFlaps()
	return ends
}

// remember notes what nodes lost by the command that was carried out.
func (c *conductor) remember() {
	lost := c.lost
	c.lost = nil
	if len(lost) == 0 {
		return
	}
	c.mu.Lock()
	before := c.flaps.Damped()
	for _, stay := range lost {
		c.flaps.Lost(stay, time.Duration(bootNow()))
	}
	after := c.flaps.Damped()
	c.mu.Unlock()
	for _, stay := range after {
		if !slices.Contains(before, stay) {
			c.log.Warn("a node flaps, and is not preferred until it is stable", "group", stay.Group, "flaps", stay.Node)
		}
	}
	c.tellFlaps()
}

// inheritFlaps goes on with what the last leader had damped, and with what the history tells of losses that it had
// counted. How long those are ago is by the wall clock, which is good enough for a preference.
func (c *conductor) inheritFlaps(view *state.State) {
	now, wall := time.Duration(bootNow()), time.Now()
	c.mu.Lock()
	if c.damped != nil {
		for _, stay := range c.damped() {
			c.flaps.Inherit(stay)
		}
	}
	for _, e := range view.LostSince(wall.Add(-placement.FlapWithin)) {
		c.flaps.Lost(placement.Stay{Group: e.Group, Node: e.From}, now-max(0, wall.Sub(e.At)))
	}
	c.mu.Unlock()
	c.tellFlaps()
}

func (c *conductor) forgetFlaps() {
	c.mu.Lock()
	c.flaps = placement.Flaps{}
	c.mu.Unlock()
	c.tellFlaps()
}

func (c *conductor) tellFlaps() {
	if c.flapping != nil {
		c.flapping()
	}
}

// flapsNow returns what this node has damped as the leader; nil on any other.
func (c *conductor) flapsNow() []placement.Stay {
	c.mu.Lock()
	defer c.mu.Unlock()
	stays := c.flaps.Damped()
	return stays[:min(len(stays), maxDamped)]
}

// movesOf says whose fault moves are where all members read that.
func movesOf(view *state.State, decisions []placement.Decision) []state.Move {
	moves := placement.Moves(decisions)
	for i := range moves {
		moves[i].Fault = moves[i].Fault && view.InUse() >= state.FaultVersion
	}
	return moves
}

// losses returns what nodes lose by decisions, by a fault of their own.
func losses(decisions []placement.Decision) []placement.Stay {
	var lost []placement.Stay
	for _, d := range decisions {
		if d.Lost != "" {
			lost = append(lost, placement.Stay{Group: d.Group, Node: d.Lost})
		}
	}
	return lost
}

// lostBy returns what the dead held.
func lostBy(view *state.State, dead []state.Tenure) []placement.Stay {
	var lost []placement.Stay
	for _, a := range view.Assignments {
		if slices.Contains(dead, state.Tenure{Node: a.Holder, Epoch: a.Epoch}) {
			lost = append(lost, placement.Stay{Group: a.Group, Node: a.Holder})
		}
	}
	return lost
}

// heirloom is how old a leader's last word may be for its successor to go on with it.
const heirloom = 10 * time.Second

// damped returns what leaders had damped by the last word of each, if that is not long ago.
func (r *reporter) damped() []placement.Stay {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []placement.Stay
	for _, a := range r.accounts {
		if bootNow().Sub(a.at) > heirloom {
			continue
		}
		for _, stay := range a.Damped {
			if !slices.Contains(all, stay) {
				all = append(all, stay)
			}
		}
	}
	return all
}
