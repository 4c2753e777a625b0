package main

import "time"

// upgrades has the nodes upgraded one by one, in the first third of the time, so that the rest is played on what is new;
// in between one of the upgraded goes back, and once more when all are upgraded. Other faults are drawn around them.
func (p *planner) upgrades(length time.Duration) {
	nodes := p.rand.Perm(len(p.cast.Nodes))
	each := max(length/3/time.Duration(len(nodes)+1), 4*second) // one is back before the next one's turn
	at := 2 * breath
	back := 1 + p.rand.IntN(len(nodes)-2) // after which turn
	for turn, i := range nodes {
		p.turn("upgrade", p.cast.Nodes[i], at, length)
		at += each
		if turn == back {
			p.turn("downgrade", p.cast.Nodes[nodes[p.rand.IntN(turn+1)]], at, length)
			at += each
		}
	}
	p.turn("downgrade", p.cast.Nodes[nodes[p.rand.IntN(len(nodes))]], at+each, length)
	// After a kill it is refused anyway; the last one is to be refused for what the cluster uses.
	if last := &p.faults[len(p.faults)-1]; last.Kind == "downgrade" {
		last.Value = int(afterStop)
	}
}

// turn is one node's; those that do not fit into the time are left out.
func (p *planner) turn(name, node string, at, length time.Duration) {
	k := kindNamed(name)
	f := Fault{Kind: name, Target: node, At: at.Round(time.Millisecond)}
	lasts := k.least + time.Duration(p.rand.Int64N(int64(k.most-k.least)+1))
	f.Until = f.At + lasts.Round(time.Millisecond)
	f.Value = 1 + p.rand.IntN(k.values)
	if f.Until <= length && !p.collides(k, f) {
		p.faults = append(p.faults, f)
	}
}
