package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// openJournaled opens raft.db, adds to it what a journal holds that was not closed, and begins a new journal.
func (d *Dir) openJournaled() (*journaledStore, error) {
	mark, err := d.raftMark()
	if err != nil {
		return nil, err
	}
	bolt, file, err := d.openBolt(mark)
	if err != nil {
		return nil, err
	}
	s := &journaledStore{InmemStore: raft.NewInmemStore(), bolt: bolt, batch: newBatch()}
	if err := d.fillJournaled(s, file, mark); err != nil {
		return nil, fmt.Errorf("open Raft's stores: %w", errors.Join(err, s.abandon()))
	}
	return s, nil
}

func (d *Dir) fillJournaled(s *journaledStore, file *boltFile, mark string) error {
	if err := s.load(file); err != nil {
		return err
	}
	if mark == journaledText {
		ops, err := readJournal(d.journalPath())
		if err != nil {
			return err
		}
		if err := s.replay(ops); err != nil {
			return err
		}
	}
	if err := s.checkTerm(d.journalPath()); err != nil {
		return err
	}
	var err error
	if s.journal, err = createJournal(d.journalPath()); err != nil {
		return err
	}
	return d.markRaft(journaledText)
}

// checkTerm compares the term with the log's end: Raft writes a term before the first entry of it.
func (s *journaledStore) checkTerm(path string) error {
	last, err := s.LastIndex()
	if err != nil || last == 0 {
		return err
	}
	term, err := s.GetUint64(keyTerm)
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return err
	}
	var l raft.Log
	if err := s.GetLog(last, &l); err != nil {
		return err
	}
	if l.Term > term {
		return damaged(path, fmt.Errorf("there is an entry of term %d, and term %d is known of", l.Term, term))
	}
	return nil
}

// openBolt opens raft.db after it was checked, and makes one where none can have been.
func (d *Dir) openBolt(mark string) (*sealedStore, *boltFile, error) {
	path := filepath.Join(d.file("raft"), "raft.db")
	file, err := d.readBolt(path, mark != "")
	if err != nil {
		return nil, nil, err
	}
	bolt, err := openUnchecked(path)
	if err != nil {
		return nil, nil, err
	}
	s := &sealedStore{BoltStore: bolt, path: path}
	if mark == "" {
		err = s.sealAll(file)
		if err == nil {
			err = d.markRaft(sealedText)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open Raft's stores: %w", errors.Join(err, bolt.Close()))
	}
	return s, file, nil
}

// readBolt checks the file that is there. A node gets its identity after raft.db was made, so one that has either of
// the two marks has had the file.
func (d *Dir) readBolt(path string, sealed bool) (*boltFile, error) {
	joined, err := exists(d.file("identity"))
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	gone := errors.Is(err, os.ErrNotExist)
	switch {
	case gone && (sealed || joined):
		return nil, damaged(path, err)
	case gone:
		return &boltFile{}, nil
	case err != nil:
		return nil, fmt.Errorf("read Raft's log: %w", err)
	}
	file, err := checkBolt(data)
	if err == nil && len(file.conf) == 0 && file.logs == 0 && file.txid <= 1 && sealed {
		err = errors.New("nothing was ever written to it")
	}
	if err != nil {
		return nil, damaged(path, err)
	}
	return file, nil
}

// openUnchecked has bbolt open a file. What it panics with is an error like any other.
func openUnchecked(path string) (store *raftboltdb.BoltStore, err error) {
	defer func() {
		if p := recover(); p != nil {
			store, err = nil, damaged(path, fmt.Errorf("%v", p))
		}
	}()
	store, err = raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: &bbolt.Options{
		Timeout:        boltLockTimeout,
		NoFreelistSync: true, // the free list is found again when the file is opened
		FreelistType:   bbolt.FreelistMapType,
	}})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return store, nil
}
