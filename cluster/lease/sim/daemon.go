package sim

import (
	"net/netip"
	"slices"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// applySoon applies what is committed after a moment, sometimes a long one.
func (n *node) applySoon() {
	if n.applying {
		return
	}
	n.applying = true
	delay := n.w.between(0, 300*time.Microsecond)
	if n.w.chance(n.w.lag) {
		delay = n.w.between(0, 300*time.Millisecond)
	}
	n.later(delay, func() {
		n.applying = false
		for n.applied < n.commit {
			n.applied++
			n.apply(n.applied, n.log[n.applied-1])
		}
		n.react()
	})
}

// apply takes one committed entry into the state, if it is not there already.
func (n *node) apply(index uint64, e entry) {
	before := n.state
	switch {
	case index <= before.Index:
		return
	case e.voters != nil:
		n.state = before.WithVoters(index, e.voters)
		n.change.Committed(n.local())
		if n.role == leader && !slices.Contains(e.voters, n.name) {
			n.follow(n.term, "")
		}
	case e.cmd != nil:
		n.state, _ = before.Apply(index, *e.cmd)
		n.countLeases()
	default:
		return
	}
	if n.role == leader && e.cmd != nil {
		prev, cmd := before.Index, e.cmd
		for _, to := range n.w.names {
			if to != n.name {
				n.w.net.send(n.name, to, "committed", func(dst *node) { dst.heardOf(index, prev, cmd) })
			}
		}
	}
}

// heardOf applies a command before Raft brings it, if it is the next one.
func (n *node) heardOf(index, prev uint64, cmd *state.Command) {
	if n.state.Index == prev && prev != 0 {
		if n.w.tracing() {
			n.logf("applies %s before Raft brings it", cmd.Name())
		}
		n.apply(index, entry{cmd: cmd})
		n.react()
	}
}

func timingOf(p state.Profile) lease.Timing {
	return lease.Timing{Renew: p.Renew, Lease: p.Lease, Margin: p.Margin}
}

// react tells the machines what the state says and does what follows from it.
func (n *node) react() {
	s := n.state
	if s.Index == 0 {
		return
	}
	agreed := timingOf(s.Profile)
	voters := lease.VotersCommitted{Index: s.Voters.Index, Names: s.Voters.Names}
	live := s.LiveEpochs()
	n.stepHolder(lease.Retimed{Timing: agreed})
	n.stepHolder(voters)
	n.reactToEpoch(s)
	n.retimeLong()
	if n.w.omit.Slack {
		agreed.Margin = 0
	}
	n.stepVoter(lease.Retimed{Timing: agreed})
	n.stepVoter(lease.Counted{Longest: s.CountedBy()})
	n.stepVoter(voters)
	n.stepVoter(lease.StateApplied{Live: live})
	if !n.ready && n.applied >= n.atStart {
		n.stepVoter(lease.Ready{})
		n.ready = true
		n.stepVoter(lease.Tick{})
	}
	n.tally.Forget(live)
	n.reconcile()
	n.lead()
}

// countLeases lets the gate know when the longest lease is over: a long one is written off when as much is left
// of it as a usual one has.
func (n *node) countLeases() {
	counted := n.state.CountedBy()
	if counted < n.longest && !n.w.omit.LongEnd {
		n.change.Committed(n.local())
	}
	n.longest = counted
}

func (n *node) reactToEpoch(s *state.State) {
	if !n.judge(s) {
		return
	}
	me := s.Nodes[n.name]
	if n.epoch != 0 && me.Epoch != n.epoch {
		n.stepHolder(lease.Dead{Epoch: n.epoch})
		n.epoch, n.retiring, n.long = 0, 0, longLease{}
		n.holderReset()
		n.newStart()
	}
	if n.epoch == 0 && me.Live() && me.Start == n.start && !n.stopping {
		n.epoch = me.Epoch
		n.arrived = map[string]lease.Instant{}
		n.stepHolder(lease.Registered{Epoch: n.epoch, Until: n.leaseOf(n.epoch)})
	}
}

// holderReset begins anew with a holder that has not resigned.
func (n *node) holderReset() {
	n.lapsed()
	n.holder = lease.NewHolder(n.name)
	n.stepHolder(lease.Retimed{Timing: timingOf(n.state.Profile)})
	n.stepHolder(lease.VotersCommitted{Index: n.state.Voters.Index, Names: n.state.Voters.Names})
}

// extended opens the gate until the end of the lease.
func (n *node) extended(until lease.Instant) {
	fresh := !n.leased
	n.leased, n.until = true, until
	n.job(func() {
		if n.leased && n.until == until {
			n.kernel.open(until)
		}
	})
	if fresh {
		n.reconcile()
	}
}

// lapsed shuts the gate first and then lets go.
func (n *node) lapsed() {
	n.leased = false
	n.job(func() {
		if !n.leased {
			n.kernel.shut()
		}
	})
	n.reconcile()
}

// retire gives up an epoch that can get no lease, or that a stop ends.
func (n *node) retire() {
	n.retiring = n.holder.Epoch()
	if n.w.tracing() {
		n.logf("gives up epoch %d", n.retiring)
	}
	n.stepHolder(lease.Resign{})
	n.lapsed()
}

// stop ends the daemon cleanly: it lets go, retires its epoch, exits when the state says so, and is
// started again.
func (n *node) stop() {
	if n.stopping {
		return
	}
	if n.w.tracing() {
		n.logf("stops")
	}
	n.stopping = true
	if n.epoch != 0 && n.retiring == 0 {
		n.retire()
	}
	n.exitWhenRetired()
}

func (n *node) exitWhenRetired() {
	if n.epoch == 0 && len(n.jobs) == 0 {
		n.crash(false)
		n.w.after(n.w.between(0, 300*time.Millisecond), func() { n.w.start(n) })
		return
	}
	n.later(10*time.Millisecond, n.exitWhenRetired)
}

// desired returns what the node may answer for now.
func (n *node) desired() []netip.Addr {
	if !n.leased || n.epoch == 0 || n.retiring != 0 || !n.local().Before(n.until) {
		return nil
	}
	var ips []netip.Addr
	for _, h := range n.tenancy().Held {
		for _, a := range h.Addresses {
			ips = append(ips, a.Prefix.Addr())
		}
	}
	return ips
}

func (n *node) tenancy() state.Tenancy {
	return n.state.TenancyOf(n.name, n.epoch, func(serial uint64) bool {
		return n.released[serial] || n.w.omit.Debts
	})
}

// reconcile brings the kernel's addresses to what the node may hold: it lets go, says so, then takes. What
// is to be done is decided before it is done, as it must be, and one pass ends before the next begins.
func (n *node) reconcile() {
	if n.heir != nil {
		return
	}
	if n.reconciling {
		n.dirty = true
		return
	}
	n.reconciling, n.dirty = true, false
	desired := n.desired()
	gone := slices.DeleteFunc(n.kernel.addresses(), func(ip netip.Addr) bool { return slices.Contains(desired, ip) })
	n.job(func() {
		n.kernel.remove(gone)
		n.release()
		desired := n.desired()
		n.job(func() {
			n.kernel.add(desired)
			if n.w.tracing() && len(n.kernel.carried) > 0 {
				n.logf("carries %v", n.kernel.addresses())
			}
			n.reconciling = false
			if n.dirty {
				n.reconcile()
			}
		})
	})
}

// release says which debts are settled: those of whose addresses the kernel has none, but for what the node
// may hold again.
func (n *node) release() {
	if n.epoch == 0 {
		return
	}
	desired := n.desired()
	kept := func(ip netip.Addr) bool { return n.kernel.carried[ip] && !slices.Contains(desired, ip) }
	var serials []uint64
	for _, d := range n.tenancy().Owed {
		if !slices.ContainsFunc(d.Addresses, kept) {
			serials = append(serials, d.Serial)
		}
	}
	if len(serials) == 0 {
		return
	}
	for _, to := range n.w.names {
		n.w.net.send(n.name, to, "released", func(dst *node) { dst.heardReleased(serials) })
	}
	n.propose(state.Command{Settle: &state.Settle{Tenure: state.Tenure{Node: n.name, Epoch: n.epoch}, Serials: serials}})
}

func (n *node) heardReleased(serials []uint64) {
	if n.w.tracing() {
		n.logf("hears that debts %v are settled", serials)
	}
	for _, s := range serials {
		n.released[s] = true
	}
	n.reconcile()
}
