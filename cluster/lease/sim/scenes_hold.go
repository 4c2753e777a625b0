package sim

import (
	"slices"
	"time"

	"vipd/cluster/state"
)

// A holder gets a long lease and is paused; then the voters restart, and hear nothing of it.
func pausedHold(w *world) time.Duration {
	return direct(w, func(p play) {
		p.holder.hold(1500 * time.Millisecond)
		w.after(200*time.Millisecond, func() {
			p.deaf(p.holder, func(from, to, kind string) bool { return kind == "renew" && from == p.holder.name })
			p.holder.pause(time.Second)
			for _, n := range p.others {
				p.restart(n, w.between(time.Millisecond, 5*time.Millisecond))
			}
		})
	})
}

// Two of five voters, the leader one of them, withdraw a holder that they do not hear. It gets a long lease by
// the other three. Then the voters become three, these two among them, step by step; the holder and one more
// voter learn nothing of it.
func shrinkingHold(w *world) time.Duration {
	return shrinkDuring(w, 1500*time.Millisecond, 150*time.Millisecond)
}

// The same, and the first step comes just before the long lease is written off.
func shrinkingHoldAtItsEnd(w *world) time.Duration {
	return shrinkDuring(w, 1300*time.Millisecond, 400*time.Millisecond)
}

func shrinkDuring(w *world, long, wait time.Duration) time.Duration {
	return direct(w, func(p play) {
		if len(p.others) < 3 {
			return
		}
		unaware, third, second := p.others[0], p.others[1], p.others[2]
		unheard := func(from, to, kind string) bool {
			return kind == "renew" && from == p.holder.name && (to == p.leader.name || to == second.name)
		}
		w.net.drop = unheard
		w.after(timingOf(p.leader.state.Profile).Promise()+w.between(20*time.Millisecond, 60*time.Millisecond), func() {
			p.holder.hold(long)
			w.after(wait, func() {
				p.deaf(p.holder, func(from, to, kind string) bool {
					if kind == "vote?" {
						return true // the deaf would depose the leader
					}
					return unheard(from, to, kind) || to == unaware.name && (kind == "append" || kind == "committed")
				})
				w.wanted = []string{third.name, second.name, p.leader.name}
				slices.Sort(w.wanted)
				p.writeOff()
			})
		})
	})
}

// writeOff brings a deaf holder's word to the leader that its long lease is over, as soon as it says so.
func (p play) writeOff() {
	h := p.holder
	if h.long.until != 0 || h.until.Sub(h.local()) > h.state.Profile.Lease {
		p.w.after(time.Millisecond, p.writeOff)
		return
	}
	over := state.Command{LongLease: &state.LongLease{Tenure: state.Tenure{Node: h.name, Epoch: h.epoch}}}
	p.leader.deliver(func() {
		if p.leader.role == leader {
			p.leader.append(entry{cmd: &over})
		}
	})
}

// A holder has a long lease, lets go of everything by order, and is stopped for a restart. The next process gets
// an append that was on its way since before that order.
func lateAppend(w *world) time.Duration {
	return direct(w, func(p play) {
		h, l := p.holder, p.leader
		h.hold(1500 * time.Millisecond)
		w.after(200*time.Millisecond, func() {
			term, log, commit := l.term, l.log[:len(l.log):len(l.log)], l.commit
			moveAll(l, p.others[0])
			w.after(60*time.Millisecond, func() {
				h.stopHeld()
				p.deaf(h, nil)
				var late func()
				late = func() {
					if h.running && h.heir != nil {
						h.deliver(func() { h.appended(l.name, term, 0, 0, log, commit) })
						return
					}
					w.after(time.Millisecond, late)
				}
				late()
			})
		})
	})
}
