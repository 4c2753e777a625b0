package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// sealedText is in raft/sealed, which is there once all in raft.db is sealed: from then on nothing else counts, and
// a raft.db that is gone or empty is one that was lost.
const sealedText = "raft.db is sealed\n"

// openBolt opens raft.db after it was checked, and makes one where none can have been.
func (d *Dir) openBolt() (*sealedStore, *boltFile, error) {
	path := filepath.Join(d.file("raft"), "raft.db")
	sealed, err := d.raftSealed()
	if err != nil {
		return nil, nil, err
	}
	file, err := d.readBolt(path, sealed)
	if err != nil {
		return nil, nil, err
	}
	bolt, err := openUnchecked(path)
	if err != nil {
		return nil, nil, err
	}
	s := &sealedStore{BoltStore: bolt, path: path}
	if !sealed {
		err = s.sealAll(file)
		if err == nil {
			err = replaceFile(d.raftSealedPath(), seal([]byte(sealedText)))
		}
	}
	if err == nil {
		err = s.checkTerm(file)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open Raft's stores: %w", errors.Join(err, bolt.Close()))
	}
	return s, file, nil
}

func (d *Dir) raftSealedPath() string { return filepath.Join(d.file("raft"), "sealed") }

func (d *Dir) raftSealed() (bool, error) {
	text, err := readSealed(d.raftSealedPath())
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case string(text) != sealedText:
		return false, damaged(d.raftSealedPath(), fmt.Errorf("contains %q", text))
	}
	return true, nil
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
