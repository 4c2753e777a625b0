package storage

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const (
	cachedLogs      = 512
	keptSnapshots   = 2
	boltLockTimeout = time.Second
)

// Raft is where hashicorp/raft keeps its log, its term and vote, and its snapshots.
type Raft struct {
	Logs      raft.LogStore
	Stable    raft.StableStore
	Snapshots raft.SnapshotStore

	dir    *Dir
	bolt   *sealedStore
	writes *stoppingStore
	canary chan struct{} // capacity 1: a TimedWrite is under way
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
		return nil, fmt.Errorf("open Raft's stores: %w", errors.Join(err, r.bolt.Close()))
	}
	r.dir, d.raft = d, r
	return r, nil
}

func (d *Dir) openRaft(logger hclog.Logger) (*Raft, error) {
	dir := d.file("raft")
	bolt, file, err := d.openBolt()
	if err != nil {
		return nil, err
	}
	snapshots, err := openSnapshots(dir, logger)
	if err == nil {
		err = snapshots.fit(file)
	}
	if err == nil && file.stale != 0 {
		err = bolt.DeleteRange(file.stale, file.first-1)
	}
	if err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	writes := newStoppingStore(bolt, d.path)
	logs, err := raft.NewLogCache(cachedLogs, writes)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cache Raft's log: %w", err), bolt.Close())
	}
	return &Raft{
		Logs: logs, Stable: writes, Snapshots: snapshots,
		bolt: bolt, writes: writes, canary: make(chan struct{}, 1),
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

// Close closes the stores, after Raft has been shut down. It waits for a write that is under way.
func (r *Raft) Close() error {
	err := r.bolt.Close()
	r.dir.mu.Lock()
	defer r.dir.mu.Unlock()
	if r.dir.raft == r {
		r.dir.raft = nil
	}
	if err != nil {
		return fmt.Errorf("close Raft's stores: %w", err)
	}
	return nil
}
