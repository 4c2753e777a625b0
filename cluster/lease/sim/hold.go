package sim

import (
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// ceilingTime is what the voters get to write down how long a lease they are asked for.
const ceilingTime = 20 * time.Millisecond

// longLease is a restart-hold: the lease is to last until an instant, once the state knows of that.
type longLease struct {
	until     lease.Instant // 0: none is wanted
	asked     bool          // renewals ask for it
	announced lease.Instant // since when the state knows of it
}

// left is what a daemon that stopped under a restart-hold left on its disk for the next start.
type left struct {
	epoch uint64
	start string
	index uint64 // of the state that it acted on
	until lease.Instant
}

// hold asks for a lease of d. The daemon that stops meanwhile leaves it to the next start.
func (n *node) hold(d time.Duration) {
	me := n.state.Nodes[n.name]
	if n.epoch == 0 || !n.leased || n.stopping || n.heir != nil || n.long.until != 0 || !me.Live() || d <= n.state.Profile.Lease {
		return
	}
	if n.w.tracing() {
		n.logf("holds for %v", d)
	}
	n.long.until = n.local().Add(d)
	if !n.w.omit.LongAnnounced {
		n.announceLong(d)
	}
}

func (n *node) announceLong(d time.Duration) {
	n.propose(state.Command{LongLease: &state.LongLease{Tenure: state.Tenure{Node: n.name, Epoch: n.epoch}, Lease: d}})
}

// attendLong gets a long lease announced that is wanted, and written off when it is over.
func (n *node) attendLong() {
	me := n.state.Nodes[n.name]
	if n.epoch == 0 || me.Epoch != n.epoch || n.heir != nil {
		return
	}
	left := n.long.until.Sub(n.local())
	switch {
	case n.long.until != 0 && me.LongLease < left && !n.w.omit.LongAnnounced:
		n.announceLong(left)
	case n.long.until == 0 && me.LongLease != 0 && n.until.Sub(n.local()) <= n.state.Profile.Lease:
		n.announceLong(0)
	}
}

// retimeLong asks for what is left of a long lease, as long as that is longer than the profile's.
func (n *node) retimeLong() {
	if n.long == (longLease{}) {
		return
	}
	now, timing := n.local(), timingOf(n.state.Profile)
	left := n.long.until.Sub(now)
	switch me := n.state.Nodes[n.name]; {
	case left <= timing.Lease:
		n.long = longLease{}
	case me.LongLease < left && !n.w.omit.LongAnnounced:
		n.long.asked, n.long.announced = false, 0
		return
	case n.long.announced == 0:
		n.long.announced = now
		return
	case now.Sub(n.long.announced) < ceilingTime && !n.long.asked:
		return
	default:
		n.long.asked, timing.Lease = true, left
	}
	n.stepHolder(lease.Retimed{Timing: timing})
}

// stopHeld ends the daemon under a hold, if it has the long lease, and starts it again.
func (n *node) stopHeld() {
	if n.stopping || n.epoch == 0 || n.heir != nil || !n.leased || !n.long.asked || n.until.Add(10*time.Millisecond).Before(n.long.until) {
		return
	}
	n.stopping = true
	n.stepHolder(lease.Resign{})
	n.exitHeld()
}

func (n *node) exitHeld() {
	if len(n.jobs) > 0 || n.reconciling {
		n.later(time.Millisecond, n.exitHeld)
		return
	}
	if n.leased && n.local().Before(n.until) {
		n.disk.hold = &left{epoch: n.epoch, start: n.start, index: n.state.Index, until: n.until}
		if n.w.tracing() {
			n.logf("stops and leaves its lease of epoch %d", n.epoch)
		}
	}
	n.crash(false)
	n.w.after(n.w.between(0, 500*time.Millisecond), func() { n.w.start(n) })
}

// inherit takes what the process before left, once; nil if there is nothing to go on with.
func (n *node) inherit() *left {
	hold := n.disk.hold
	n.disk.hold = nil
	if hold == nil || hold.until.Sub(n.local()) < 50*time.Millisecond {
		return nil
	}
	n.start = hold.start
	n.taken, n.leased, n.until = hold, true, hold.until
	if n.w.tracing() {
		n.logf("goes on with the lease of epoch %d until %d", hold.epoch, hold.until)
	}
	return hold
}

// judge decides what becomes of an inheritance once the state is not older than it; until then nothing of the
// state concerns this node. It reports whether the state may be acted on.
func (n *node) judge(s *state.State) bool {
	n.outlived()
	if n.heir == nil {
		return true
	}
	if s.Index < n.heir.index && !n.w.omit.HeirIndex {
		return false
	}
	if me := s.Nodes[n.name]; me.Epoch != n.heir.epoch || me.Start != n.start {
		n.forsake()
	}
	n.heir = nil
	return true
}

// leaseOf returns the end of the lease that was left to an epoch; 0: none.
func (n *node) leaseOf(epoch uint64) lease.Instant {
	if n.taken == nil || n.taken.epoch != epoch {
		return 0
	}
	return n.taken.until
}

// outlived gives up an inheritance whose lease is over.
func (n *node) outlived() {
	if n.heir != nil && !n.local().Before(n.heir.until) {
		n.forsake()
	}
}

func (n *node) forsake() {
	if n.w.tracing() {
		n.logf("gives up what it inherited")
	}
	n.heir = nil
	n.lapsed()
}

// holdAndRestart plays a whole hold on a node.
func (n *node) holdAndRestart(d time.Duration) {
	n.deliver(func() { n.hold(d) })
	n.w.after(n.w.between(50*time.Millisecond, 300*time.Millisecond), func() { n.deliver(n.stopHeld) })
}
