package cluster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/electorate"
	"vipd/cluster/lease"
	"vipd/cluster/state"
)

const (
	stewardRetry = 100 * time.Millisecond
	// settleTime is how long a member that lost its epoch has to have one again before it is promoted.
	settleTime = 10 * time.Second
)

// steward makes Raft's configuration follow the replicated members, on the leader: new members become
// learners, removed members go, and who votes is as package electorate says. Changes of the voters keep the pause that
// the lease needs between them.
type steward struct {
	self string
	log  *slog.Logger
	raft *consensus.Node
	// applied returns how far a member's state is, by its own account.
	applied func(node string) uint64
	ceiling func() time.Duration // the longest lease that anyone may still count by
	// usable is the newest version of commands that all members read.
	usable func(*state.State) int
	// stepAside has another voter lead.
	stepAside func()
	slept     func() time.Duration // for how long the machine was suspended since the last call
	wake      chan struct{}

	epochs map[string]uint64        // of each member, as seen last
	lost   map[string]lease.Instant // when a member was last seen to have lost its epoch
	absent map[string]lease.Instant // since when this leader has seen a member without an epoch

	gate    lease.ChangeGate
	leading bool
	seen    uint64        // index of the newest committed configuration known to the gate
	current bool          // since its election this leader had everything in view that was committed before
	counted time.Duration // the longest lease that anyone may count by, by the newest state known to the gate
}

// Run keeps the configuration while this node leads, until ctx ends.
func (s *steward) Run(ctx context.Context) error {
	lookRound(ctx, s.wake, func() time.Duration { return s.step(ctx) })
	return nil
}

func (s *steward) step(ctx context.Context) time.Duration {
	view := s.raft.View()
	if !s.track(view) || view.Cluster == "" {
		return untilBeat()
	}
	if view.Uses < state.CommandVersion {
		if version := s.usable(view); version > view.Uses && version >= state.RaiseVersion {
			s.raise(ctx, version)
		}
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
		s.epochs, s.lost, s.absent = map[string]uint64{}, map[string]lease.Instant{}, map[string]lease.Instant{}
		s.gate.Elected(now)
	case !leads && s.leading:
		s.gate.Deposed()
	}
	s.leading = leads
	if leads {
		s.observe(view, now)
	}
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

// observe notes which members have an epoch.
func (s *steward) observe(view *state.State, now lease.Instant) {
	for name, n := range view.Nodes {
		had := s.epochs[name]
		if n.Start != "" && !n.Live() || had != 0 && had != n.Epoch {
			s.lost[name] = now
		}
		if _, known := s.absent[name]; n.Live() {
			delete(s.absent, name)
		} else if !known {
			s.absent[name] = now
		}
		s.epochs[name] = n.Epoch
	}
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
		if c.Role == state.Voter {
			if !electorate.SafeWithout(s.members(view, servers), c.Name) || !s.open(view) {
				return nil, stewardRetry
			}
			if c.Name == s.self {
				s.makeWay()
				return nil, stewardRetry
			}
		}
		s.log.Info("removing a member from the configuration", "node", c.Name, "role", c.Role)
		return func() error { return s.raft.RemoveServer(c.Name) }, 0
	}
	for name, n := range view.Nodes {
		i := at(name)
		switch {
		case i < 0 && n.Leaving && n.Live():
			// It goes when its lease is over.
		case i < 0 && n.Leaving:
			return func() error { return s.remove(ctx, name) }, 0
		case i < 0:
			s.log.Info("adding a learner", "node", name, "address", n.Address)
			return func() error { return s.raft.AddLearner(name, n.Address) }, 0
		}
	}
	return s.elect(view, servers)
}

// remove takes a member that left Raft's configuration out of the state.
func (s *steward) remove(ctx context.Context, name string) error {
	result, err := s.raft.Propose(ctx, state.Command{At: time.Now(), Remove: &state.Remove{Node: name}})
	return errors.Join(err, result.Err)
}

// raise has it written down that all members read a version, for the time when one of them cannot be asked.
func (s *steward) raise(ctx context.Context, version int) {
	result, err := s.raft.Propose(ctx, state.Command{At: time.Now(), Raise: &state.Raise{Version: version}})
	if err = errors.Join(err, result.Err); err != nil && !errors.Is(err, consensus.ErrNotLeader) {
		s.log.Warn("write down what all members read", "error", err)
	}
}

// elect makes the change of the voters that is due.
func (s *steward) elect(view *state.State, servers []consensus.Server) (func() error, time.Duration) {
	change := electorate.Next(s.members(view, servers), view.Voting.Limit)
	if change == (electorate.Change{}) {
		return nil, untilBeat()
	}
	if !s.open(view) {
		return nil, stewardRetry
	}
	switch {
	case change.StepAside:
		s.makeWay()
		return nil, stewardRetry
	case change.Demote != "":
		s.log.Info("making a voter a learner", "node", change.Demote, "reason", change.Why)
		return func() error { return s.raft.DemoteVoter(change.Demote) }, 0
	}
	s.log.Info("promoting a learner to voter", "node", change.Promote, "reason", change.Why)
	return func() error { return s.raft.AddVoter(change.Promote, view.Nodes[change.Promote].Address) }, 0
}

// members are those of Raft's configuration, as this leader sees them.
func (s *steward) members(view *state.State, servers []consensus.Server) []electorate.Member {
	now := bootNow()
	var members []electorate.Member
	for _, c := range servers {
		n := view.Nodes[c.Name]
		m := electorate.Member{Name: c.Name, Votes: c.Role == state.Voter, Leads: c.Name == s.self, Live: n.Live()}
		if n != nil {
			m.Role = n.WantedRole()
		}
		lost, ever := s.lost[c.Name]
		m.Fit = m.Live && s.applied(c.Name) >= view.Voters.Index && (!ever || now.Sub(lost) >= settleTime)
		since, gone := s.absent[c.Name]
		m.Dead = gone && now.Sub(since) >= view.Voting.Patience()
		members = append(members, m)
	}
	return members
}

// makeWay has another voter lead, since a leader does not take itself out of the voters.
func (s *steward) makeWay() {
	s.log.Info("passing the leadership on, to stop voting")
	s.stepAside()
}

// open reports whether the voters may change now. Before the first time the view is made sure to have
// everything committed, for there may be a long lease in it.
func (s *steward) open(view *state.State) bool {
	if s.slept() != 0 {
		s.gate.Committed(bootNow()) // how much of the wait was over is not known well
	}
	open := s.gate.Open(bootNow(), max(view.CountedBy(), s.ceiling()), view.Profile.Margin)
	if open && !s.current {
		s.current = s.raft.Barrier(barrierLimit) == nil
		return false
	}
	return open
}
