package consensus

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// termStore ends the goroutine that could not write a term. Raft would panic: it must not go on, but the rest of the
// node, told by its store, can hand over what it holds. Raft's main goroutine ends so, or that of a connection;
// Shutdown finds nothing left to wait for.
type termStore struct {
	raft.StableStore
	running atomic.Bool
}

// SetUint64 implements raft.StableStore.
func (s *termStore) SetUint64(key []byte, value uint64) error {
	err := s.StableStore.SetUint64(key, value)
	if err != nil && string(key) == "CurrentTerm" && s.running.Load() {
		runtime.Goexit()
	}
	return err
}

// newRaft makes an error of a panic: Raft writes its term before it starts.
func newRaft(c *raft.Config, f raft.FSM, logs raft.LogStore, stable *termStore, snapshots raft.SnapshotStore, t raft.Transport) (r *raft.Raft, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("%v", p)
		}
	}()
	r, err = raft.NewRaft(c, f, logs, stable, snapshots, t)
	stable.running.Store(true)
	return r, err
}
