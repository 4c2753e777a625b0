package sim

import (
	"slices"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// play is who does what in a directed schedule: a holder that does not lead, the leader, and the others.
type play struct {
	w      *world
	holder *node
	leader *node
	others []*node // neither, by name
}

// scenes are the directed schedules that go with any number of nodes. Each sets its faults and returns when
// it is over.
var scenes = []func(*world) time.Duration{
	forgetfulVoter, alternatingSilence, sleepingHolder, restartingVoters, shorterProfile, shrinkingVoters, slowHolder,
}

// direct waits for a cluster with a holder that does not lead, asking for a move if there is none, and then
// plays the scene.
func direct(w *world, scene func(play)) time.Duration {
	tries := 0
	var look func()
	look = func() {
		if tries++; tries > 10 || w.calm {
			return // a cluster that does not come about plays nothing
		}
		p := play{w: w}
		for _, n := range w.nodes {
			switch {
			case !n.running || n.paused:
			case n.role == leader:
				p.leader = n
			case p.holder == nil && len(n.kernel.carried) > 0 && w.now < n.kernel.shuts:
				p.holder = n
			default:
				p.others = append(p.others, n)
			}
		}
		if p.leader == nil || p.holder == nil || len(p.others) == 0 {
			if p.leader != nil {
				moveAll(p.leader, w.nodes[(int(p.leader.name[0]-'a')+1)%len(w.nodes)])
			}
			w.after(150*time.Millisecond, look)
			return
		}
		w.logf("%s holds, %s leads", p.holder.name, p.leader.name)
		scene(p)
	}
	w.at(warmUp+w.between(0, 100*time.Millisecond), look)
	return 4 * time.Second
}

// moveAll asks the leader to move every group to a node.
func moveAll(by, to *node) {
	me := by.state.Nodes[to.name]
	if !me.Live() {
		return
	}
	move := state.Move{To: to.name, Epoch: me.Epoch, Reason: "asked", Pin: true}
	for name, a := range by.state.Assignments {
		move.Groups = append(move.Groups, state.Expected{Group: name, Serial: a.Serial})
	}
	slices.SortFunc(move.Groups, func(a, b state.Expected) int { return int(a.Serial) - int(b.Serial) })
	by.propose(state.Command{Assign: &state.Assign{Moves: []state.Move{move}}})
}

// deaf keeps a node from learning what was decided: it gets renewals and grants, but nothing of the log.
func (p play) deaf(n *node, more func(from, to, kind string) bool) {
	if p.w.calm {
		return
	}
	p.w.net.drop = func(from, to, kind string) bool {
		if to == n.name && (kind == "append" || kind == "committed" || kind == "released") {
			return true
		}
		return more != nil && more(from, to, kind)
	}
}

func (p play) restart(n *node, after time.Duration) {
	n.crash(true)
	p.w.after(after, func() { p.w.start(n) })
}

// A holder is unheard by two voters in turn. The first withdraws, says so, restarts, and hears it again.
func forgetfulVoter(w *world) time.Duration {
	return direct(w, func(p play) {
		first, said := p.others[0], false
		from := w.now
		p.deaf(p.holder, func(from_, to, kind string) bool {
			if kind != "renew" || from_ != p.holder.name {
				return false
			}
			return to == first.name && !said || to == p.leader.name && w.now > from+50*time.Millisecond
		})
		epoch := p.holder.epoch
		var watch func()
		watch = func() {
			if p.leader.tally.Quorum([]string{first.name}, p.holder.name, epoch) {
				said = true
				p.restart(first, time.Millisecond)
				return
			}
			w.after(time.Millisecond, watch)
		}
		watch()
	})
}

// Two voters of five do not hear the holder and withdraw it. Then they hear it again, and a third does not.
func alternatingSilence(w *world) time.Duration {
	return direct(w, func(p play) {
		if len(p.others) < 3 {
			return
		}
		silence := func(names ...string) {
			p.deaf(p.holder, func(from, to, kind string) bool {
				return kind == "renew" && from == p.holder.name && slices.Contains(names, to)
			})
		}
		silence(p.others[0].name, p.others[1].name)
		w.after(timingOf(p.leader.state.Profile).Promise()+60*time.Millisecond, func() { silence(p.others[2].name) })
	})
}

// A holder is paused for longer than its lease, with grants waiting for it.
func sleepingHolder(w *world) time.Duration {
	return direct(w, func(p play) {
		p.deaf(p.holder, nil)
		p.holder.pause(p.holder.state.Profile.Lease + w.between(20*time.Millisecond, 200*time.Millisecond))
	})
}

// All voters but the holder and the leader restart at once, and no longer hear the holder.
func restartingVoters(w *world) time.Duration {
	return direct(w, func(p play) {
		p.deaf(p.holder, func(from, to, kind string) bool { return kind == "renew" && from == p.holder.name })
		for _, n := range p.others {
			p.restart(n, w.between(time.Millisecond, 5*time.Millisecond))
		}
	})
}

// The profile becomes a shorter one, which the holder does not learn, and then the voters restart.
func shorterProfile(w *world) time.Duration {
	return direct(w, func(p play) {
		p.deaf(p.holder, nil)
		p.leader.propose(state.Command{SetProfile: &state.SetProfile{Profile: profiles[0]}})
		w.after(50*time.Millisecond, func() {
			p.deaf(p.holder, func(from, to, kind string) bool { return kind == "renew" && from == p.holder.name })
			for _, n := range p.others {
				p.restart(n, w.between(time.Millisecond, 5*time.Millisecond))
			}
		})
	})
}

// Two of five voters, the leader one of them, no longer hear the holder and withdraw it. Then the voters
// become three, these two among them. The holder and one more voter learn nothing of it.
func shrinkingVoters(w *world) time.Duration {
	return direct(w, func(p play) {
		if len(p.others) < 3 {
			return
		}
		unaware, third, second := p.others[0], p.others[1], p.others[2]
		p.deaf(p.holder, func(from, to, kind string) bool {
			if kind == "renew" && from == p.holder.name {
				return to == p.leader.name || to == second.name
			}
			return to == unaware.name && (kind == "append" || kind == "committed")
		})
		w.after(timingOf(p.leader.state.Profile).Promise()+w.between(20*time.Millisecond, 60*time.Millisecond), func() {
			w.wanted = []string{third.name, second.name, p.leader.name}
			slices.Sort(w.wanted)
		})
	})
}

// The holder has the slowest clock, everyone else the fastest, and nobody hears the holder any more.
func slowHolder(w *world) time.Duration {
	for _, n := range w.nodes {
		n.clock.ppm = 10000
	}
	slow := w.pick()
	slow.clock.ppm = 0
	return direct(w, func(p play) {
		moveAll(p.leader, slow)
		w.after(150*time.Millisecond, func() {
			p.deaf(slow, func(from, to, kind string) bool { return kind == "renew" && from == slow.name })
		})
	})
}

// A voter did not hear a holder for a while and withdrew it; then the other voter dies.
func withdrawnThenAlone(w *world) time.Duration {
	return direct(w, func(p play) {
		w.net.drop = func(from, to, kind string) bool {
			return kind == "renew" && from == p.holder.name && to == p.leader.name
		}
		w.after(timingOf(p.leader.state.Profile).Promise()+50*time.Millisecond, func() {
			w.net.drop = nil
			p.others[0].crash(true)
		})
		w.after(3*time.Second, func() { w.failure = w.settled() })
	})
}

// Of five voters one is dead, and a holder reaches only one of the other three. Those three are a majority.
func cutOffHolder(w *world) time.Duration {
	return direct(w, func(p play) {
		p.others[0].crash(true)
		for _, n := range []*node{p.leader, p.others[1]} {
			w.net.cut(p.holder.name, n.name)
			w.net.cut(n.name, p.holder.name)
		}
		w.after(3*time.Second, func() { w.failure = w.settled() })
	})
}

// The holder's host dies, and someone plays its last renewal again and again.
func replayedRenewals(w *world) time.Duration {
	return direct(w, func(p play) {
		r := lease.Renewal{Member: p.holder.name, Epoch: p.holder.epoch, Seq: 1, Lease: 250 * time.Millisecond, Voters: p.holder.state.Voters.Index}
		p.holder.crash(true)
		var again func()
		again = func() {
			for _, n := range append(p.others, p.leader) {
				n.deliver(func() { n.renewed(r) })
			}
			w.after(20*time.Millisecond, again)
		}
		again()
		w.after(3*time.Second, func() { w.failure = w.settled() })
	})
}
