package consensus

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"vipd/cluster/state"
)

// Commit is a change that is committed: a command, or a voter configuration.
type Commit struct {
	// Prev is the state's index before it, Index after it. Whoever is at Prev may apply it.
	Prev, Index uint64
	Command     []byte   // encoded; nil for a configuration
	Voters      []string // of the configuration
}

// fsm applies the log. The applied state follows Raft; the view may run ahead of it by commits that the
// leader told this node about directly. Both are made of the same committed commands in the same order,
// so the view is only ever earlier, never different.
type fsm struct {
	notify func(Commit)
	broken func(error)

	mu      sync.Mutex // orders changes of view
	applied *state.State
	view    atomic.Pointer[state.State]
	stopped bool  // after an entry that this build cannot read
	refused error // why it could not read a snapshot, if it is too old for it
}

var (
	_ raft.FSM                = (*fsm)(nil)
	_ raft.ConfigurationStore = (*fsm)(nil)
)

func newFSM(notify func(Commit), broken func(error)) *fsm {
	f := &fsm{notify: notify, broken: broken, applied: state.New()}
	f.view.Store(f.applied)
	return f
}

// Apply implements raft.FSM. Its response is a state.Result.
func (f *fsm) Apply(log *raft.Log) any {
	if f.stopped {
		return state.Result{Err: errStopped}
	}
	next, result, err := step(f.applied, log.Index, log.Data)
	if err != nil {
		f.stopped = true
		f.broken(fmt.Errorf("apply log entry %d: %w", log.Index, err))
		return state.Result{Err: errStopped}
	}
	f.advance(next, Commit{Prev: f.applied.Index, Index: log.Index, Command: log.Data})
	return result
}

// StoreConfiguration implements raft.ConfigurationStore: Raft calls it when a configuration is committed.
func (f *fsm) StoreConfiguration(index uint64, c raft.Configuration) {
	if f.stopped || index <= f.applied.Index {
		return
	}
	voters := voterNames(c)
	f.advance(f.applied.WithVoters(index, voters), Commit{Prev: f.applied.Index, Index: index, Voters: voters})
}

func (f *fsm) advance(next *state.State, c Commit) {
	f.mu.Lock()
	f.applied = next
	if next.Index > f.view.Load().Index {
		f.view.Store(next)
	}
	f.mu.Unlock()
	f.notify(c)
}

// early applies a commit that the leader told of before Raft did, and reports whether it was the next.
func (f *fsm) early(c Commit) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	view := f.view.Load()
	if view.Index != c.Prev || c.Index <= c.Prev {
		return false
	}
	if c.Command == nil {
		f.view.Store(view.WithVoters(c.Index, c.Voters))
		return true
	}
	next, _, err := step(view, c.Index, c.Command)
	if err != nil {
		return false // Raft delivers it too, and then the node says what it cannot read
	}
	f.view.Store(next)
	return true
}

func step(s *state.State, index uint64, data []byte) (*state.State, state.Result, error) {
	cmd, err := state.DecodeCommand(data)
	if err != nil {
		return nil, state.Result{}, err
	}
	next, result := s.Apply(index, cmd)
	return next, result, nil
}

func voterNames(c raft.Configuration) []string {
	var names []string
	for _, server := range c.Servers {
		if server.Suffrage == raft.Voter {
			names = append(names, string(server.ID))
		}
	}
	return names
}

// Snapshot implements raft.FSM. Raft would take the state for all that it handed over, so there is none of a
// state that lacks an entry.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if f.stopped {
		return nil, errStopped
	}
	return snapshot{f.applied}, nil
}

// Restore implements raft.FSM.
func (f *fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	s, err := state.Decode(r)
	if old := (*state.TooOldError)(nil); errors.As(err, &old) {
		f.refused = err
		f.broken(err)
	}
	if err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	f.advance(s, Commit{Index: s.Index})
	return nil
}

// snapshot is a state on its way to disk. States do not change, so there is nothing to copy.
type snapshot struct{ *state.State }

// Persist implements raft.FSMSnapshot.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.Encode(sink); err != nil {
		return fmt.Errorf("write snapshot %s: %w", sink.ID(), joinCancel(err, sink))
	}
	return sink.Close()
}

// Release implements raft.FSMSnapshot.
func (snapshot) Release() {}
