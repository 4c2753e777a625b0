package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/state"
)

// leaderRetry is the pause before the leader is looked for again.
const leaderRetry = 20 * time.Millisecond

// atLeader does something on the leader: here if this node leads, else by a call. It tries until ctx ends
// while there is no leader, or the one that was asked does not lead any more.
func (m *member) atLeader(ctx context.Context, here func(context.Context) error, call func(ctx context.Context, address string) error) error {
	var last error
	for {
		err := m.tryLeader(ctx, here, call)
		var refused *callError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused) && !errors.Is(err, consensus.ErrNotLeader):
			return err
		case !errors.As(err, &refused) && !errors.Is(err, consensus.ErrNotLeader) && ctx.Err() == nil && m.raft.Leads():
			return err
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no leader took it: %w", errors.Join(last, ctx.Err()))
		case <-time.After(leaderRetry):
		}
	}
}

func (m *member) tryLeader(ctx context.Context, here func(context.Context) error, call func(context.Context, string) error) error {
	leads := m.raft.Leads()
	name, address := m.raft.Leader()
	if leads {
		name = m.self.node
	}
	attempt, end := m.whileLeads(ctx, name)
	defer end()
	var err error
	switch {
	case leads:
		err = here(attempt)
	case name != "" && name != m.self.node:
		err = call(attempt, address)
	default:
		address = m.someVoter()
		if address == "" || m.stores.Hanging() == 0 {
			return fmt.Errorf("%w, and none is known", consensus.ErrNotLeader)
		}
		// Raft here waits for the disk and does not hear who leads now.
		err = call(attempt, address)
	}
	if err != nil && attempt.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: it was %s when it was asked: %w", consensus.ErrNotLeader, name, err)
	}
	return err
}

// whileLeads returns a context that ends when the node named is known not to lead any more. A leader whose
// disk hangs, or that is suspended, gives no answer, and others have been elected long since when it does.
func (m *member) whileLeads(ctx context.Context, leader string) (context.Context, context.CancelFunc) {
	attempt, end := context.WithCancel(ctx)
	go func() {
		defer end()
		for {
			changed := m.changes.wait()
			name, _ := m.raft.Leader()
			if name != leader && name != "" || leader == m.self.node && !m.raft.Leads() {
				return
			}
			select {
			case <-attempt.Done():
				return
			case <-changed:
			}
		}
	}()
	return attempt, end
}

// someVoter returns the address of a random voter other than this node; "" if there is none.
func (m *member) someVoter() string {
	view := m.View()
	others := slices.DeleteFunc(slices.Clone(view.Voters.Names), func(name string) bool {
		return name == m.self.node || view.Nodes[name] == nil
	})
	if len(others) == 0 {
		return ""
	}
	return view.Nodes[others[rand.N(len(others))]].Address
}

// proposal is a command on its way to the leader.
type proposal struct {
	Command state.Command `json:"command"`
	Reads   int           `json:"reads,omitempty"` // of a node that joins: the newest version of commands that it reads
	// ID is the same in all copies, and Term the one whose leader a copy is for; see receipt. Earlier versions have neither.
	ID   string `json:"id,omitempty"`
	Term uint64 `json:"term,omitempty"`
}

// outcome is state.Result as it travels.
type outcome struct {
	Error *callError `json:"error,omitempty"`
	Epoch uint64     `json:"epoch,omitempty"`
	Moved int        `json:"moved,omitempty"`
	Index uint64     `json:"index"` // of the leader's state afterwards
}

// propose has a command committed, wherever the leader is. The error is about the attempt; whether the
// command was refused says the Result. A command that got lost on the way is tried again, so only those that do no harm
// when they come twice while the caller waits may be proposed; all of state's are of that kind. None comes afterwards,
// see receipt.
//
// A leader of an earlier version would drop what it does not know, so this node looks who can read the command before.
func (m *member) propose(ctx context.Context, cmd state.Command) (state.Result, error) {
	return m.proposeFor(ctx, proposal{Command: cmd})
}

func (m *member) proposeFor(ctx context.Context, p proposal) (state.Result, error) {
	var out outcome
	if err := m.awaitReadable(ctx, p.Command.Needs()); err != nil {
		return state.Result{}, err
	}
	p = p.named()
	err := m.atLeader(ctx,
		func(ctx context.Context) (err error) {
			out, err = m.proposeHere(ctx, p)
			return err
		},
		func(ctx context.Context, address string) error {
			return m.proposeTo(ctx, address, p, &out)
		})
	if err != nil {
		return state.Result{}, err
	}
	result := state.Result{Epoch: out.Epoch, Moved: out.Moved}
	if out.Error != nil {
		result.Err = out.Error
	}
	return result, m.waitIndex(ctx, out.Index)
}

func (m *member) proposeHere(ctx context.Context, p proposal) (outcome, error) {
	if p.Command.SetPause != nil || p.Command.SetTicket != nil {
		p.Command.At = time.Now() // the end of a pause or token is told by the leader's clock, so its begin is too
	}
	if err := m.awaitReadable(ctx, p.Command.Needs()); err != nil {
		return outcome{}, err
	}
	if join := p.Command.Join; join != nil {
		if err := m.admit(join.Node.Name, p.Reads); err != nil {
			return outcome{}, err
		}
	}
	if term := m.raft.Term(); p.Term != 0 && p.Term != term {
		return outcome{}, &termError{term}
	}
	result, err := m.raft.Propose(ctx, p.Command)
	if err != nil {
		return outcome{}, err
	}
	return outcome{Error: newCallError(result.Err), Epoch: result.Epoch, Moved: result.Moved, Index: m.raft.View().Index}, nil
}

// waitIndex waits until this node's view has reached an index.
func (m *member) waitIndex(ctx context.Context, index uint64) error {
	return m.waitFor(ctx, func(s *state.State) bool { return s.Index >= index })
}

// waitFor waits until the view is as wanted.
func (m *member) waitFor(ctx context.Context, wanted func(*state.State) bool) error {
	for {
		changed := m.changes.wait()
		if wanted(m.raft.View()) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the cluster's state: %w", context.Cause(ctx))
		case <-changed:
		}
	}
}
