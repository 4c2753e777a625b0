package cluster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// maxVoters is how many members vote at most. More would make commits slower and nothing safer.
const maxVoters = 5

const stewardRetry = 100 * time.Millisecond

// steward makes Raft's configuration follow the replicated members, on the leader: new members become
// learners, learners that have caught up become voters while voters are wanted, removed members go.
// Changes of the voters keep the pause that the lease needs between them.
type steward struct {
	log  *slog.Logger
	raft *consensus.Node
	// applied returns how far a member's state is, by its own account.
	applied func(node string) uint64
	ceiling func() time.Duration // the longest lease that anyone may still count by
	wake    chan struct{}

	gate    lease.ChangeGate
	leading bool
	seen    uint64        // index of the newest committed configuration known to the gate
	current bool          // since its election this leader had everything in view that was committed before
	counted time.Duration // the longest lease that anyone may count by, by the newest state known to the gate
}

// Run keeps the configuration while this node leads, until ctx ends.
func (s *steward) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		resetTimer(timer, s.step(ctx))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.wake:
		}
	}
}

func (s *steward) step(ctx context.Context) time.Duration {
	view := s.raft.View()
	if !s.track(view) || view.Cluster == "" {
		return untilBeat()
	}
	servers, err := s.raft.Servers()
	if err != nil || s.raft.NewestConfig() != view.Voters.Index {
		return stewardRetry // a change is under way
	}
	change, wait := s.next(ctx, view, servers)
	if change == nil {
		return wait
	}
	if err := change(); err != nil {
		if !errors.Is(err, consensus.ErrNotLeader) {
			s.log.Warn("change the raft configuration", "error", err)
		}
		return stewardRetry
	}
	return 0
}

// track tells the gate of elections and committed configurations; it reports whether this node leads.
func (s *steward) track(view *state.State) bool {
	now := bootNow()
	leads := s.raft.Leads()
	switch {
	case leads && !s.leading:
		s.current = false
		s.gate.Elected(now)
	case !leads && s.leading:
		s.gate.Deposed()
	}
	s.leading = leads
	if view.Voters.Index > s.seen {
		s.seen = view.Voters.Index
		s.gate.Committed(now)
	}
	// A long lease is written off when as much is left of it as a usual one has: that much still has to pass.
	if counted := view.CountedBy(); counted < s.counted {
		s.gate.Committed(now)
	}
	s.counted = view.CountedBy()
	return s.leading
}

// next returns the change that is due, or when to look again.
func (s *steward) next(ctx context.Context, view *state.State, servers []consensus.Server) (func() error, time.Duration) {
	at := func(name string) int {
		return slices.IndexFunc(servers, func(c consensus.Server) bool { return c.Name == name })
	}
	for _, c := range servers {
		if n := view.Nodes[c.Name]; n != nil && !n.Leaving {
			continue
		}
		if c.Role == state.Voter && !s.open(view) {
			return nil, stewardRetry
		}
		s.log.Info("removing a member from the configuration", "node", c.Name, "role", c.Role)
		return func() error { return s.raft.RemoveServer(c.Name) }, 0
	}
	for name, n := range view.Nodes {
		i := at(name)
		switch {
		case i < 0 && n.Leaving:
			return func() error { return s.remove(ctx, name) }, 0
		case i < 0:
			s.log.Info("adding a learner", "node", name, "address", n.Address)
			return func() error { return s.raft.AddLearner(name, n.Address) }, 0
		case servers[i].Address != n.Address && servers[i].Role == state.Voter:
			return func() error { return s.raft.AddVoter(name, n.Address) }, 0
		case servers[i].Address != n.Address:
			return func() error { return s.raft.AddLearner(name, n.Address) }, 0
		}
	}
	return s.promote(view, servers)
}

// remove takes a member that left Raft's configuration out of the state.
func (s *steward) remove(ctx context.Context, name string) error {
	result, err := s.raft.Propose(ctx, state.Command{At: time.Now(), Remove: &state.Remove{Node: name}})
	return errors.Join(err, result.Err)
}

// promote makes a learner a voter if one is wanted and has caught up.
func (s *steward) promote(view *state.State, servers []consensus.Server) (func() error, time.Duration) {
	voters := 0
	for _, c := range servers {
		if c.Role == state.Voter {
			voters++
		}
	}
	if voters >= wantedVoters(len(servers)) {
		return nil, untilBeat()
	}
	for _, c := range servers {
		n := view.Nodes[c.Name]
		if c.Role != state.Learner || !n.Live() || s.applied(c.Name) < view.Voters.Index {
			continue
		}
		if !s.open(view) {
			return nil, stewardRetry
		}
		s.log.Info("promoting a learner to voter", "node", c.Name)
		return func() error { return s.raft.AddVoter(c.Name, c.Address) }, 0
	}
	return nil, stewardRetry
}

// open reports whether the voters may change now. Before the first time the view is made sure to have
// everything committed, for there may be a long lease in it.
func (s *steward) open(view *state.State) bool {
	open := s.gate.Open(bootNow(), max(view.CountedBy(), s.ceiling()), view.Profile.Margin)
	if open && !s.current {
		s.current = s.raft.Barrier(barrierLimit) == nil
		return false
	}
	return open
}

// wantedVoters returns how many of n members should vote: an odd number, since an even one survives no
// more failures than the odd one below it. Two is the exception: each then has all that was acknowledged.
func wantedVoters(n int) int {
	if n <= 2 {
		return n
	}
	n = min(n, maxVoters)
	return n - (n+1)%2
}
