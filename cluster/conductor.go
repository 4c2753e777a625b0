package cluster

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/lease"
	"vipd/cluster/placement"
	"vipd/cluster/state"
)

// Intervals of the conductor.
const (
	barrierLimit  = time.Second
	retryProposal = 20 * time.Millisecond // after a proposal that failed
)

// conductor is the leader's part of a node: it declares silent starts dead, and gives groups to nodes.
// On a node that does not lead it does nothing.
type conductor struct {
	log    *slog.Logger
	raft   *consensus.Node
	health func(*state.State) placement.Health
	found  func() state.Command // makes the cluster that this node was told to make
	wake   chan struct{}

	mu    sync.Mutex
	tally lease.Tally

	flaps placement.Flaps

	leading bool
	better  placement.Better
	lost    []placement.Stay // by what was proposed last, if it comes about

	// damped returns what another leader had damped by its last word, and flapping is called when this one's own
	// word of it changes; nil: nobody says or is told.
	damped   func() []placement.Stay
	flapping func()
}

// Run conducts while this node leads, until ctx ends.
func (c *conductor) Run(ctx context.Context) error {
	lookRound(ctx, c.wake, func() time.Duration { return c.step(ctx) })
	return nil
}

// withdraw notes a voter's withdrawal.
func (c *conductor) withdraw(w lease.Withdrawal) {
	c.mu.Lock()
	c.tally.Add(w)
	c.mu.Unlock()
	kick(c.wake)
}

// step does what the leader has to do now, and returns when to look again at the latest.
func (c *conductor) step(ctx context.Context) time.Duration {
	if !c.lead() {
		return untilBeat()
	}
	view := c.raft.View()
	cmd, next := c.decide(view)
	if cmd == nil {
		return next
	}
	result, err := c.raft.Propose(ctx, *cmd)
	switch {
	case err != nil:
		if !errors.Is(err, consensus.ErrNotLeader) {
			c.log.Warn("propose", "command", cmd.Name(), "error", err)
		}
		return retryProposal
	case result.Err != nil:
		c.log.Warn("refused", "command", cmd.Name(), "error", result.Err)
		return retryProposal
	case result.Moved > 0:
		c.raft.Nudge()
	}
	c.remember()
	return 0 // one change may call for the next
}

// lead reports whether this node leads and knows everything committed before it did.
func (c *conductor) lead() bool {
	if !c.raft.Leads() {
		if c.leading {
			c.leading, c.better = false, nil
			c.forgetFlaps()
		}
		return false
	}
	if !c.leading {
		if err := c.raft.Barrier(barrierLimit); err != nil {
			return false
		}
		c.leading = true
		c.inheritFlaps(c.raft.View())
	}
	return true
}

// decide returns the one command that is due, or nil.
func (c *conductor) decide(view *state.State) (*state.Command, time.Duration) {
	now := time.Now()
	c.lost = nil
	if view.Cluster == "" {
		cmd := c.found()
		cmd.At = now
		return &cmd, 0
	}
	if dead := c.dead(view); len(dead) > 0 {
		c.log.Info("a majority withdrew the lease", "nodes", dead)
		expire := state.Expire{Dead: dead}
		after, _ := view.Apply(view.Index, state.Command{At: now, Expire: &expire})
		moves := c.plan(after, c.judged(after)).Decisions
		expire.Moves, c.lost = movesOf(view, moves), append(lostBy(view, dead), losses(moves)...)
		return &state.Command{At: now, Expire: &expire}, 0
	}
	if view.Paused.Over(now) {
		c.log.Info("the pause of automatic moves is over", "reason", view.Paused.Reason)
		return &state.Command{At: now, SetPause: &state.SetPause{}}, 0
	}
	health := c.judged(view)
	ends := c.lookAtFlaps(view, health)
	plan := c.plan(view, health)
	c.better = plan.Better
	if len(plan.Decisions) > 0 {
		c.lost = losses(plan.Decisions)
		return &state.Command{At: now, Assign: &state.Assign{Moves: movesOf(view, plan.Decisions)}}, 0
	}
	wait := untilBeat()
	for _, next := range []time.Duration{plan.Next, ends} {
		if next > 0 {
			wait = min(wait, next-time.Duration(bootNow()))
		}
	}
	return nil, wait
}

func (c *conductor) plan(view *state.State, health placement.Health) placement.Plan {
	return placement.Decide(view, health, time.Duration(bootNow()), c.better)
}

// dead returns the starts that a majority of the voters of the newest configuration withdrew.
func (c *conductor) dead(view *state.State) []state.Tenure {
	voters, err := voterNames(c.raft)
	if err != nil {
		return nil
	}
	live := view.LiveEpochs()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.Forget(live)
	var dead []state.Tenure
	for _, node := range slices.Sorted(maps.Keys(live)) {
		if c.tally.Quorum(voters, node, live[node]) {
			dead = append(dead, state.Tenure{Node: node, Epoch: live[node]})
		}
	}
	return dead
}

// successor returns who should stand for election because a majority withdrew the leader's lease, and whether all
// others can know no better; "" when no majority did.
func (c *conductor) successor(voters []string, leader string, epoch uint64) (name string, certain bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch == 0 || !c.tally.Quorum(voters, leader, epoch) {
		return "", false
	}
	return c.tally.Candidate(voters, leader, epoch), c.tally.Unanimous(voters, leader, epoch)
}

// voterNames returns the voters of Raft's newest configuration, committed or not.
func voterNames(raft *consensus.Node) ([]string, error) {
	servers, err := raft.Servers()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range servers {
		if s.Role == state.Voter {
			names = append(names, s.Name)
		}
	}
	return names, nil
}
