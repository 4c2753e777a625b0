package cluster

import (
	"context"
	"maps"
	"slices"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/cluster/wire"
)

// pause waits; it reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// View is the newest state known to be committed; an empty one before Raft runs.
func (m *member) View() *state.State {
	if raft := m.early.Load(); raft != nil {
		return raft.View()
	}
	return state.New()
}

// NewestConfig, LogEnd and CaughtUp are Raft's, for the keeper.
func (m *member) NewestConfig() uint64         { return m.raft.NewestConfig() }
func (m *member) LogEnd() (term, index uint64) { return m.raft.LogEnd() }
func (m *member) CaughtUp() bool               { return m.raft.CaughtUp() }

// receive takes in datagrams. What cannot be read is as good as lost.
func (m *member) receive(datagrams [][]byte) {
	var toKeeper []wire.Message
	for _, data := range datagrams {
		message, err := wire.Parse(data)
		if err != nil {
			m.log.Debug("passed over a datagram", "error", err)
			continue
		}
		switch message := message.(type) {
		case wire.Released:
			m.tenant.hear(message)
		case wire.Committed:
			m.learn(message)
		case wire.Campaign:
			m.askedToCampaign(message)
		case wire.Report:
			toKeeper = append(toKeeper, message)
			m.reporter.hear(message)
		default:
			toKeeper = append(toKeeper, message)
		}
	}
	if len(toKeeper) == 0 {
		return
	}
	m.keeper.deliver(toKeeper...)
	if m.ears.take(m.View(), bootNow(), toKeeper) {
		kick(m.reporter.wake)
	}
}

// send sends to a member, best effort.
func (m *member) send(to string, message wire.Message) {
	n := m.View().Nodes[to]
	if n == nil || m.gossip == nil {
		return
	}
	if err := m.gossip.Send(n.Gossip, wire.Marshal(message)); err != nil {
		m.log.Debug("send a datagram", "to", to, "error", err)
	}
}

// broadcast sends to all other members.
func (m *member) broadcast(message wire.Message) { m.tell(message, nil) }

// tell sends to all other members, to some of them first.
func (m *member) tell(message wire.Message, first []string) {
	if m.gossip == nil {
		return
	}
	data := wire.Marshal(message)
	if len(data) > wire.MaxDatagram {
		return // Raft, or the next report, tells of it
	}
	nodes := m.View().Nodes
	others := slices.DeleteFunc(slices.Collect(maps.Keys(nodes)), func(name string) bool { return slices.Contains(first, name) })
	for _, name := range slices.Concat(first, others) {
		n := nodes[name]
		if name == m.self.node || n == nil {
			continue
		}
		if err := m.gossip.Send(n.Gossip, data); err != nil {
			m.log.Debug("send a datagram", "to", name, "error", err)
		}
	}
}

// committed is called by Raft for each commit. The leader tells the others at once: Raft itself would
// with its next append.
func (m *member) committed(c consensus.Commit) {
	if raft := m.early.Load(); raft != nil && c.Prev != 0 && raft.Leads() {
		m.broadcast(wire.Committed{Prev: c.Prev, Index: c.Index, Command: c.Command, Voters: c.Voters})
	}
	m.stateChanged()
}

// learn takes in what the leader says was committed.
func (m *member) learn(c wire.Committed) {
	raft := m.early.Load()
	if raft != nil && raft.Learn(consensus.Commit{Prev: c.Prev, Index: c.Index, Command: c.Command, Voters: c.Voters}) {
		m.stateChanged()
	}
}

// stateChanged wakes those on the way of a failover, and all others who follow the view when they are done.
func (m *member) stateChanged() {
	kick(m.tenant.wake)
	kick(m.keeper.refresh)
	kick(m.conductor.wake)
	kick(m.elector.wake)
	m.afterwards.soon()
}

func (m *member) wakeFollowers() {
	kick(m.clerk.wake)
	kick(m.steward.wake)
	kick(m.reporter.wake)
	kick(m.chronicler.wake)
	kick(m.rotator.wake)
	m.changes.raise()
}

func (m *member) healthChanged() {
	kick(m.conductor.wake)
	kick(m.steward.wake)
	kick(m.hearingChanged)
	if m.View().Trust.Rotation != nil {
		kick(m.rotator.wake)
	}
	kick(m.chronicler.wake)
	m.changes.raise()
}

func (m *member) heardWithdrawal(w lease.Withdrawal) {
	m.conductor.withdraw(w)
	m.elector.note(m.View())
	kick(m.elector.wake)
}

// letGo tells those who wait for these debts, the next holders first, and has them written off.
func (m *member) letGo(r wire.Released) {
	m.tell(r, heirs(m.View(), r.Serials))
	m.clerk.settle(state.Tenure{Node: r.Node, Epoch: r.Epoch}, r.Serials)
	m.afterwards.soon()
}

// heirs returns the nodes that the groups of debts were given to.
func heirs(view *state.State, serials []uint64) []string {
	var nodes []string
	for _, serial := range serials {
		d := view.Debts[serial]
		if d == nil || view.Assignments[d.Group] == nil {
			continue
		}
		if to := view.Assignments[d.Group].Holder; to != "" && !slices.Contains(nodes, to) {
			nodes = append(nodes, to)
		}
	}
	return nodes
}

// giveUpEpoch has an epoch retired that will have no lease again, so that this node can get another.
func (m *member) giveUpEpoch(epoch uint64) {
	m.clerk.retire(state.Tenure{Node: m.self.node, Epoch: epoch})
}

func (m *member) sendCampaign(to string) { m.send(to, wire.Campaign{Leader: m.self.node}) }

// askedToCampaign follows the wish of a leader to be replaced, if it still leads.
func (m *member) askedToCampaign(c wire.Campaign) {
	raft := m.early.Load()
	if raft == nil {
		return
	}
	if leader, _ := raft.Leader(); leader == c.Leader {
		select {
		case m.elector.asked <- c.Leader:
		default:
		}
	}
}

// applied returns how far a member's state is, by its own account.
func (m *member) applied(node string) uint64 {
	a, _ := m.reporter.of(node)
	return a.Applied
}

// found returns the command that makes the cluster. It is in the log from the beginning, but for a daemon of an earlier
// version that was killed between its first vote and its first command.
func (m *member) found() state.Command {
	return state.Command{Init: &state.Init{Cluster: m.identity.ClusterID, Profile: state.LAN, Node: m.asNode()}}
}

// asNode is this node as the cluster should know it.
func (m *member) asNode() state.Node {
	m.mu.Lock()
	n := asNode(m.options, m.self.instance)
	m.mu.Unlock()
	n.Witness = m.desired == state.Witness
	if !n.Witness {
		n.Wanted = m.desired
	}
	return n
}

func asNode(o Options, instance string) state.Node {
	return state.Node{Name: o.Name, Instance: instance, Gossip: o.gossipAddress(), Address: o.clusterAddress(), Labels: o.Labels}
}
