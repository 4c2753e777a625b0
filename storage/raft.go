package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
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
	bolt   *raftboltdb.BoltStore
	writes *stoppingStore
	canary chan struct{} // capacity 1: a TimedWrite is under way
}

// OpenRaft opens Raft's stores, and creates them if there are none. Error: ErrInUse.
func (d *Dir) OpenRaft(logger hclog.Logger) (*Raft, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.raft != nil {
		return nil, fmt.Errorf("open Raft's stores: %w already", ErrInUse)
	}
	dir := d.file("raft")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open Raft's stores: %w", err)
	}
	r, err := openRaft(dir, logger)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(syncDir(dir), syncDir(d.path)); err != nil {
		return nil, fmt.Errorf("open Raft's stores: %w", errors.Join(err, r.bolt.Close()))
	}
	r.dir, d.raft = d, r
	return r, nil
}

func openRaft(dir string, logger hclog.Logger) (*Raft, error) {
	path := filepath.Join(dir, "raft.db")
	bolt, err := raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &bbolt.Options{
		Timeout:        boltLockTimeout,
		NoFreelistSync: true, // the free list is found again when the file is opened
		FreelistType:   bbolt.FreelistMapType,
	}})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w; if the file is damaged: %s", path, err, remedy)
	}
	writes := newStoppingStore(bolt)
	logs, err := raft.NewLogCache(cachedLogs, writes)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cache Raft's log: %w", err), bolt.Close())
	}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, keptSnapshots, logger)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open snapshots in %s: %w", dir, err), bolt.Close())
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
