package storage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// store is both of the stores that one file holds.
type store interface {
	raft.LogStore
	raft.StableStore
}

// stoppingStore writes until a write fails and never after. hashicorp/raft would try again, and after
// a failed sync a second one may succeed without the data being on the disk.
type stoppingStore struct {
	store
	dir     string
	pending *pending
	failed  chan struct{} // closed once err is set

	mu  sync.Mutex
	err error
}

func newStoppingStore(s store, dir string) *stoppingStore {
	return &stoppingStore{store: s, dir: dir, pending: newPending(), failed: make(chan struct{})}
}

func (s *stoppingStore) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *stoppingStore) do(what string, write func() error) error {
	if err := s.failure(); err != nil {
		return fmt.Errorf("%s: Raft's store takes no more writes: %w", what, err)
	}
	end := s.pending.begin()
	err := write()
	end()
	if err == nil {
		return nil
	}
	err = advise(fmt.Errorf("%s: %w", what, err), s.dir)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		close(s.failed)
	}
	return err
}

// StoreLog implements raft.LogStore.
func (s *stoppingStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (s *stoppingStore) StoreLogs(logs []*raft.Log) error {
	return s.do("store Raft log", func() error { return s.store.StoreLogs(logs) })
}

// DeleteRange implements raft.LogStore.
func (s *stoppingStore) DeleteRange(first, last uint64) error {
	return s.do("delete Raft log", func() error { return s.store.DeleteRange(first, last) })
}

// Set implements raft.StableStore.
func (s *stoppingStore) Set(key, value []byte) error {
	return s.do("store Raft state", func() error { return s.store.Set(key, value) })
}

// SetUint64 implements raft.StableStore.
func (s *stoppingStore) SetUint64(key []byte, value uint64) error {
	return s.do("store Raft state", func() error { return s.store.SetUint64(key, value) })
}

var canaryKey = []byte("vipd canary")

// TimedWrite makes one small durable write to the file that Raft writes to, and returns how long it took.
// When ctx ends first, as it does on a disk that hangs, the write goes on by itself, since nothing can
// stop it; until it is done, further calls wait for it and start none of their own.
func (r *Raft) TimedWrite(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	select {
	case r.canary <- struct{}{}:
	case <-ctx.Done():
		return time.Since(start), fmt.Errorf("timed write: an earlier one has not returned: %w", ctx.Err())
	}
	done := make(chan error, 1)
	go func() {
		done <- r.writes.SetUint64(canaryKey, uint64(start.UnixNano()))
		<-r.canary
	}()
	select {
	case err := <-done:
		return time.Since(start), err
	case <-ctx.Done():
		return time.Since(start), fmt.Errorf("timed write: %w", ctx.Err())
	}
}
