package sim

import (
	"slices"
	"time"

	"vipd/cluster/lease"
)

// newVoter builds the voter from what the disk remembers.
func (n *node) newVoter(now lease.Instant) {
	memory := lease.Memory{Withdrawn: n.disk.remembered(), Ceiling: n.disk.durable.ceiling}
	if n.w.omit.DurableWithdrawal {
		memory.Withdrawn = nil
	}
	if n.w.omit.RestartWait {
		// As if it had been there for long, and never promised anything.
		now, memory.Ceiling = now.Add(-time.Hour), 0
	}
	if n.w.omit.Ceiling {
		memory.Ceiling = 0
	}
	n.voter = lease.NewVoter(n.name, now, memory)
}

// voterNow is the time that the voter is told.
func (n *node) voterNow() lease.Instant {
	if n.w.omit.RestartWait && !n.ready {
		return n.local().Add(-time.Hour)
	}
	return n.local()
}

// toldConfig tells the voter which configuration its log has.
func (n *node) toldConfig() {
	if !n.w.omit.ConfigRefusal {
		index, _ := n.config()
		n.stepVoter(lease.LogConfigured{Index: index})
	}
}

func (n *node) stepHolder(ev lease.HolderEvent) {
	for _, a := range n.holder.Step(n.local(), ev) {
		if _, routine := a.(lease.SendRenewal); !routine && n.w.tracing() {
			n.logf("%v", a)
		}
		switch a := a.(type) {
		case lease.SendRenewal:
			n.w.net.send(n.name, a.To, "renew", func(dst *node) { dst.renewed(a.Renewal) })
		case lease.Extend:
			if !n.w.omit.SendTime {
				n.extended(a.Until)
			}
		case lease.Lapse:
			if !n.w.omit.SendTime {
				n.lapsed()
			}
		case lease.GiveUp:
			if !n.w.omit.SendTime {
				n.retire()
			}
		}
	}
	n.arm()
}

func (n *node) stepVoter(ev lease.VoterEvent) {
	for _, a := range n.voter.Step(n.voterNow(), ev) {
		switch a.(type) {
		case lease.SendGrant, lease.Announce:
		default:
			if n.w.tracing() {
				n.logf("%v", a)
			}
		}
		n.perform(a)
	}
	n.arm()
}

func (n *node) perform(a lease.VoterAction) {
	switch a := a.(type) {
	case lease.SendGrant:
		n.w.net.send(n.name, a.Grant.Member, "grant", func(dst *node) { dst.granted(a.Grant) })
	case lease.SendRefusal:
		n.w.net.send(n.name, a.Refusal.Member, "refuse", func(dst *node) { dst.stepHolder(lease.Refused{Refusal: a.Refusal}) })
	case lease.PersistWithdrawal:
		done := func() { n.stepVoter(lease.Persisted{Member: a.Member, Epoch: a.Epoch}) }
		if n.w.omit.DurableWithdrawal {
			n.later(0, done)
			return
		}
		n.disk.write(func(d *durable) { d.withdrawn[a.Member] = max(d.withdrawn[a.Member], a.Epoch) }, done)
	case lease.PersistCeiling:
		n.disk.write(func(d *durable) { d.ceiling = max(d.ceiling, a.Lease) }, func() {
			if n.w.omit.LongPromise {
				n.disk.durable.ceiling = n.state.Profile.Lease
			}
			n.stepVoter(lease.CeilingPersisted{Lease: a.Lease})
		})
	case lease.LowerCeiling:
		n.disk.write(func(d *durable) { d.ceiling = a.Lease }, func() { n.stepVoter(lease.CeilingLowered{}) })
	case lease.Announce:
		w := a.Withdrawal
		w.LastIndex = n.last()
		w.LastTerm = n.termAt(w.LastIndex)
		for _, to := range n.w.names {
			n.w.net.send(n.name, to, "withdraw", func(dst *node) { dst.withdrew(w) })
		}
	}
}

// renewed gives a renewal to the voter, unless a rule that is left out makes something else of it or of
// the answer.
func (n *node) renewed(r lease.Renewal) {
	said := r
	if n.w.omit.SeqCheck {
		r.Seq = uint64(n.w.now)
	}
	if n.w.omit.Slack {
		r.Lease -= r.Lease / 100
	}
	if r.Member != n.name {
		defer n.stepHolder(lease.Accompany{})
	}
	if said == r && !n.w.omit.EpochCheck {
		n.stepVoter(lease.Renewed{Renewal: r})
		return
	}
	grant := lease.SendGrant{Grant: lease.Grant{Member: said.Member, Epoch: said.Epoch, Seq: said.Seq, Voter: n.name}}
	for _, a := range n.voter.Step(n.voterNow(), lease.Renewed{Renewal: r}) {
		switch answer := a.(type) {
		case lease.SendGrant:
			a = grant
		case lease.SendRefusal:
			reason := answer.Refusal.Reason
			if n.w.omit.EpochCheck && (reason == lease.Withdrawn || reason == lease.UnknownEpoch) {
				a = grant
			}
		}
		n.perform(a)
	}
	n.arm()
}

func (n *node) granted(g lease.Grant) {
	n.stepHolder(lease.Granted{Grant: g})
	if !n.w.omit.SendTime || g.Epoch != n.holder.Epoch() || g.Epoch == 0 {
		return
	}
	n.arrived[g.Voter] = n.local().Add(n.state.Profile.Lease)
	var ends []lease.Instant
	for _, v := range n.state.Voters.Names {
		ends = append(ends, n.arrived[v])
	}
	slices.Sort(ends)
	if end := ends[len(ends)-len(ends)/2-1]; n.local().Before(end) {
		n.extended(end)
	}
}

// withdrew notes a withdrawal, expires the epoch if this node leads, and sees to a new leader if the epoch
// is the leader's.
func (n *node) withdrew(w lease.Withdrawal) {
	n.tally.Add(w)
	n.lead()
	_, voters := n.config()
	if !n.tally.Quorum(voters, w.Member, w.Epoch) || !n.challenge.Stands(w.Member, w.Epoch, n.term) {
		return
	}
	if n.role == follower && w.Member == n.leader && n.against != w.Epoch {
		n.against = w.Epoch
		n.later(n.patienceAgainst(w), func() { n.replaceLeader(w) })
	}
}

// patienceAgainst is how long to wait before standing against a leader. The voter whose log is newest, of
// those heard of so far, stands almost at once: a few milliseconds let the other withdrawals arrive, so
// that not two think that of themselves. The others leave it time to win.
func (n *node) patienceAgainst(w lease.Withdrawal) time.Duration {
	_, voters := n.config()
	if n.tally.Candidate(voters, w.Member, w.Epoch) == n.name {
		return n.w.between(0, 4*time.Millisecond)
	}
	return n.w.between(20*time.Millisecond, 80*time.Millisecond)
}

// replaceLeader stands for election, again and again, until someone else leads.
func (n *node) replaceLeader(w lease.Withdrawal) {
	if n.leader != "" && n.leader != w.Member {
		return
	}
	if n.local().Sub(n.voteGiven) > 15*time.Millisecond {
		n.campaign(true)
	}
	n.later(n.w.between(20*time.Millisecond, 80*time.Millisecond), func() { n.replaceLeader(w) })
}

// arm sees to it that the machines are woken when they want to be, or a little later.
func (n *node) arm() {
	due, ok := n.holder.Deadline()
	if d, yes := n.voter.Deadline(); yes && (!ok || d.Before(due)) {
		due, ok = d, true
	}
	if !ok {
		return
	}
	at := max(n.clock.when(due), n.w.now)
	if n.wakeAt != 0 && n.wakeAt <= at {
		return
	}
	n.wakeAt = at
	n.later(at-n.w.now+n.w.between(0, 200*time.Microsecond), func() {
		if n.wakeAt == at {
			n.wakeAt = 0
			n.outlived()
			n.retimeLong()
			n.stepHolder(lease.Tick{})
			n.stepVoter(lease.Tick{})
		}
	})
}
