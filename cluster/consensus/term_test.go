package consensus

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"
)

// brokenStable stands for a disk that writes no more once it is broken.
type brokenStable struct {
	raft.StableStore
	broken atomic.Bool
	asked  atomic.Bool // for a write since
}

func (s *brokenStable) SetUint64(key []byte, value uint64) error {
	if s.broken.Load() {
		s.asked.Store(true)
		return errors.New("read-only file system")
	}
	return s.StableStore.SetUint64(key, value)
}

// A node that cannot write a new term votes no more, and can be closed like any other.
func TestTermThatCannotBeWritten(t *testing.T) {
	a, b, c := three(t)
	stable := &brokenStable{StableStore: b.options.Stable}
	b.stop()
	b.wrapStable = func(s raft.StableStore) raft.StableStore { stable.StableStore = s; return stable }
	b.start(false)
	b.follows(a)
	stable.broken.Store(true)
	term := b.Term()
	c.lead()
	eventually(t, "b is asked to write a term", stable.asked.Load)
	c.propose(registering("c"))
	if got := b.Term(); got != term {
		t.Errorf("b goes on in term %d, which it could not write", got)
	}
	if b.View().LastEpoch != 0 {
		t.Error("b takes part in a term that it could not write")
	}
	b.stop()
}
