package storage

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const (
	keptSnapshots   = 2
	boltLockTimeout = time.Second
)

// Raft is where hashicorp/raft keeps its log, its term and vote, and its snapshots.
type Raft struct {
	Logs      raft.LogStore
	Stable    raft.StableStore
	Snapshots raft.SnapshotStore

	dir       *Dir
	journaled *journaledStore
	writes    *stoppingStore
	canary    chan struct{} // capacity 1: a TimedWrite is under way
	closing   sync.Once
}

// OpenRaft opens Raft's stores, and creates them if the node has joined nothing yet. What is damaged is told by the
// name of its file, but for a snapshot that an older one and the log make up for: that is removed. Errors: ErrInUse,
// ErrDamaged.
func (d *Dir) OpenRaft(logger hclog.Logger) (*Raft, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.raft != nil {
		return nil, fmt.Errorf("open Raft's stores: %w already", ErrInUse)
	}
	dir := d.file("raft")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, advise(fmt.Errorf("open Raft's stores: %w", err), d.path)
	}
	r, err := d.openRaft(logger)
	if err != nil {
		return nil, advise(err, d.path)
	}
	if err := errors.Join(syncDir(dir), syncDir(d.path)); err != nil {
		return nil, fmt.Errorf("open Raft's stores: %w", errors.Join(err, r.journaled.abandon()))
	}
	r.dir, d.raft = d, r
	return r, nil
}

func (d *Dir) openRaft(logger hclog.Logger) (*Raft, error) {
	journaled, err := d.openJournaled()
	if err != nil {
		return nil, err
	}
	end, err := journaled.end()
	var snapshots *snapshots
	if err == nil {
		snapshots, err = openSnapshots(d.file("raft"), logger)
	}
	if err == nil {
		err = snapshots.fit(end)
	}
	if err == nil && end.stale != 0 {
		err = journaled.DeleteRange(end.stale, end.first-1)
	}
	if err != nil {
		return nil, errors.Join(err, journaled.abandon())
	}
	writes := newStoppingStore(journaled, d.path)
	return &Raft{
		Logs: writes, Stable: writes, Snapshots: snapshots,
		journaled: journaled, writes: writes, canary: make(chan struct{}, 1),
	}, nil
}

// HasState reports whether there is anything to start Raft from, rather than to bootstrap or join.
func (r *Raft) HasState() (bool, error) {
	has, err := raft.HasExistingState(r.Logs, r.Stable, r.Snapshots)
	if err != nil {
		return false, fmt.Errorf("look for Raft's state: %w", err)
	}
	return has, nil
}

// Failed is closed after the first write that failed. Nothing is written from then on: Raft must not go
// on with a store whose content is in doubt. Err says what happened. The remedy is a restart.
func (r *Raft) Failed() <-chan struct{} { return r.writes.failed }

// Err returns the error of the first write that failed, or nil.
func (r *Raft) Err() error { return r.writes.failure() }

// Close closes the stores, after Raft has been shut down. It waits for a write that is under way, and brings all into
// raft.db, unless a write failed: then the next start has to see what the disk has.
func (r *Raft) Close() error {
	var err error
	r.closing.Do(func() {
		if r.Err() == nil {
			err = r.journaled.finish(r.dir)
		}
		err = errors.Join(err, r.journaled.abandon())
		r.dir.mu.Lock()
		defer r.dir.mu.Unlock()
		r.dir.raft = nil
	})
	if err != nil {
		return fmt.Errorf("close Raft's stores: %w", err)
	}
	return nil
}
