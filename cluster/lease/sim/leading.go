package sim

import (
	"slices"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/placement"
	"vipd/cluster/state"
)

// duties are what a daemon looks after from time to time.
func (n *node) duties() {
	n.later(n.w.between(30*time.Millisecond, 50*time.Millisecond), n.duties)
	switch {
	case n.role == leader:
		n.replicate()
		n.lead()
	case n.local().Sub(n.heard) > n.patience:
		n.campaign(false)
	}
	if n.state.Index == 0 {
		return
	}
	n.outlived()
	n.attendEpoch()
	n.attendLong()
	n.sayHello()
	if !n.reconciling {
		n.release()
	}
}

// sayHello lets the voters know of a node that has no epoch to renew.
func (n *node) sayHello() {
	if n.epoch != 0 {
		return
	}
	for _, to := range n.w.names {
		n.w.net.send(n.name, to, "hello", func(dst *node) { dst.stepVoter(lease.Heard{Node: n.name}) })
	}
}

// attendEpoch gets the daemon an epoch, or ends the one it gave up, when it carries nothing.
func (n *node) attendEpoch() {
	if n.heir != nil {
		return
	}
	idle := len(n.kernel.carried) == 0 && len(n.jobs) == 0
	switch {
	case !idle:
	case n.retiring != 0:
		n.propose(state.Command{Retire: &state.Retire{Tenure: state.Tenure{Node: n.name, Epoch: n.retiring}}})
	case n.epoch == 0 && !n.stopping:
		n.propose(state.Command{Register: &state.Register{Node: n.name, Instance: n.name, Start: n.start}})
	}
}

// propose gives a command to whoever leads. It may get lost; whoever cares proposes again.
func (n *node) propose(cmd state.Command) {
	if n.leader == "" {
		return
	}
	n.w.net.send(n.name, n.leader, "propose", func(dst *node) {
		if dst.role == leader {
			dst.append(entry{cmd: &cmd})
		}
	})
}

// idle reports whether this node leads and has applied all of its log, its own first entry included.
func (n *node) idle() bool {
	return n.role == leader && n.commit == n.last() && n.applied == n.commit && n.commit >= n.first
}

// lead does a leader's work: it declares dead what a majority withdrew, places groups, and changes voters.
// One thing at a time, so that each is decided on a state that includes the one before.
func (n *node) lead() {
	if !n.idle() {
		return
	}
	if dead := n.withdrawnByMajority(); len(dead) > 0 {
		after, _ := n.state.Apply(n.state.Index+1, state.Command{Expire: &state.Expire{Dead: dead}})
		if n.w.tracing() {
			n.logf("expires %v", dead)
		}
		n.append(entry{cmd: &state.Command{Expire: &state.Expire{Dead: dead, Moves: n.moves(after)}}})
		return
	}
	if moves := n.moves(n.state); len(moves) > 0 {
		n.append(entry{cmd: &state.Command{Assign: &state.Assign{Moves: moves}}})
		return
	}
	n.changeVoters()
}

func (n *node) withdrawnByMajority() []state.Tenure {
	_, voters := n.config()
	var dead []state.Tenure
	for _, name := range n.w.names {
		epoch := n.state.Nodes[name].Epoch
		if epoch == 0 {
			continue
		}
		quorum := n.tally.Quorum(voters, name, epoch)
		if n.w.omit.WithdrawalMajority {
			quorum = slices.ContainsFunc(voters, func(v string) bool { return n.tally.Quorum([]string{v}, name, epoch) })
		}
		if quorum {
			dead = append(dead, state.Tenure{Node: name, Epoch: epoch})
		}
	}
	return dead
}

func (n *node) moves(s *state.State) []state.Move {
	health := placement.Health{}
	for name, epoch := range s.LiveEpochs() {
		health[name] = placement.NodeHealth{Epoch: epoch}
	}
	return placement.Moves(placement.Decide(s, health, 0, nil).Decisions)
}

// changeVoters goes one server towards what the operator wants, when the gate is open.
func (n *node) changeVoters() {
	_, voters := n.config()
	next := oneStep(voters, n.w.wanted)
	if next == nil {
		return
	}
	longest := n.state.CountedBy()
	if n.w.omit.LongCounted {
		longest = n.state.LongestLease
	}
	if !n.w.omit.ChangeWait && !n.change.Open(n.local(), longest, n.state.Profile.Margin) {
		return
	}
	if n.w.tracing() {
		n.logf("changes voters %v to %v", voters, next)
	}
	n.append(entry{voters: next})
}

// oneStep returns voters with one server added or else removed, or nil when they are as wanted.
func oneStep(voters, wanted []string) []string {
	if wanted == nil {
		return nil
	}
	for _, name := range wanted {
		if !slices.Contains(voters, name) {
			next := append(slices.Clone(voters), name)
			slices.Sort(next)
			return next
		}
	}
	for i, name := range voters {
		if !slices.Contains(wanted, name) {
			return slices.Delete(slices.Clone(voters), i, i+1)
		}
	}
	return nil
}
