package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

const hopeEach = 100 * time.Millisecond

// unfitStopping is what a node says of itself when it stops; by it others know later that it left.
const unfitStopping = "it is stopping"

// stop hands everything over that others can take, in this order: groups, the epoch, the leadership. Each
// step is bounded; what did not come off is left to the lease.
func (m *member) stop(life context.Context) {
	ctx, cancel := context.WithTimeout(life, stopLimit)
	defer cancel()
	m.clerk.stop()
	go m.watchHope(ctx, cancel)
	if held, _ := m.door.valid(); held {
		if err := m.handOver(ctx, func(string) {}); err != nil {
			m.log.Warn("stopped before everything was handed over", "error", err)
		}
	}
	m.soloist.end(ctx)
	close(m.keeper.resign)
	if err := m.gossip.Leave(500 * time.Millisecond); err != nil {
		m.log.Debug("leave gossip", "error", err)
	}
}

// yield ends the lease at once, without a word to the others.
func (m *member) yield() {
	m.clerk.stop()
	close(m.keeper.resign)
}

// watchHope ends a hand-over that nobody is left to agree to.
func (m *member) watchHope(ctx context.Context, end context.CancelFunc) {
	for pause(ctx, hopeEach) {
		if valid, _ := m.door.valid(); !valid && m.keeper.currentEpoch() != 0 {
			end()
		}
	}
}

// handOver lets go of all groups, retires this node's epoch, and gives the leadership away.
func (m *member) handOver(ctx context.Context, progress api.Progress) error {
	m.reporter.setUnfit(unfitStopping)
	if held := m.View().HeldBy(m.self.node); len(held) > 0 {
		progress("handing over " + strings.Join(held, ", "))
	}
	err := m.waitFor(ctx, func(s *state.State) bool {
		return len(s.HeldBy(m.self.node)) == 0 && !owes(s, m.self.node) && m.tenant.empty()
	})
	if err != nil {
		return fmt.Errorf("hand over the groups: %w", err)
	}
	if err := m.retire(ctx); err != nil {
		return err
	}
	return m.passLeadership(ctx, progress)
}

func owes(s *state.State, node string) bool {
	for _, d := range s.Debts {
		if d.Node == node {
			return true
		}
	}
	return false
}

// retire ends this node's epoch, which holds nothing any more.
func (m *member) retire(ctx context.Context) error {
	epoch := m.keeper.currentEpoch()
	if epoch == 0 {
		return nil
	}
	who := state.Tenure{Node: m.self.node, Epoch: epoch}
	result, err := m.propose(ctx, state.Command{At: time.Now(), By: m.self.node, Retire: &state.Retire{Tenure: who}})
	if errors.Is(result.Err, state.ErrEpochDead) {
		result.Err = nil // it was said before, or the voters were faster
	}
	if err := errors.Join(err, result.Err); err != nil {
		return fmt.Errorf("retire epoch %d: %w", epoch, err)
	}
	return nil
}

// passLeadership returns when another node leads; at once if there is no other voter.
func (m *member) passLeadership(ctx context.Context, progress api.Progress) error {
	if !m.raft.Leads() || len(m.View().Voters.Names) < 2 {
		return nil
	}
	progress("passing the leadership on")
	for {
		if m.raft.Leads() {
			m.giveUpLeadership()
		} else if leader, _ := m.raft.Leader(); leader != "" && leader != m.self.node {
			return nil
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("pass the leadership on: %w", ctx.Err())
		}
	}
}

// leave takes this node out of the cluster: handed over, removed from the state and from Raft.
func (m *member) leave(ctx context.Context, progress api.Progress) error {
	m.clerk.stop()
	if err := m.handOver(ctx, progress); err != nil {
		m.reporter.setUnfit("")
		m.clerk.resume()
		return err
	}
	m.joining.Store(false) // it does not ask to be let in again
	progress("leaving the cluster")
	if err := m.commit(ctx, state.Command{Leave: &state.Leave{Node: m.self.node}}); err != nil {
		return fmt.Errorf("leave the cluster: %w", err)
	}
	for {
		out, err := m.isOut(ctx)
		if out {
			return nil
		}
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("wait until Raft's configuration is without this node: %w", errors.Join(err, ctx.Err()))
		}
	}
}

// isOut asks the leader whether Raft's configuration is without this node, which Raft itself does not tell
// a node that is removed.
func (m *member) isOut(ctx context.Context) (bool, error) {
	answer := presence{Present: true}
	err := m.atLeader(ctx, func(ctx context.Context) (err error) {
		answer, err = m.isPresent(ctx, presenceCall{Node: m.self.node})
		return err
	}, func(ctx context.Context, address string) error {
		return m.calls.call(ctx, address, "presence", presenceCall{Node: m.self.node}, &answer)
	})
	return err == nil && !answer.Present, err
}
