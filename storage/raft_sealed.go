package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// sealedStore adds a checksum to each entry of the log, and to each value, and looks at it when one is read. An
// older vipd, which knows nothing of it, reads both all the same.
type sealedStore struct {
	*raftboltdb.BoltStore
	path string
}

// Raft's keys in the stable store.
var (
	keyTerm      = []byte("CurrentTerm")
	keyVoteTerm  = []byte("LastVoteTerm")
	keyCandidate = []byte("LastVoteCand")
)

func known(key []byte) bool {
	return slices.ContainsFunc([][]byte{keyTerm, keyVoteTerm, keyCandidate, canaryKey}, func(k []byte) bool { return bytes.Equal(k, key) })
}

// sealMark begins what is added to an entry or value; neither a node's name nor a number goes on with it.
var sealMark = []byte{0, 'c', 'r', 'c'}

const sealSize = 8

func appendSeal(to []byte, sum uint32) []byte {
	return binary.BigEndian.AppendUint32(append(to, sealMark...), sum)
}

// sumEntry covers all of an entry that means anything.
func sumEntry(l *raft.Log) uint32 {
	head := binary.BigEndian.AppendUint64(nil, l.Index)
	head = binary.BigEndian.AppendUint64(head, l.Term)
	head = append(head, byte(l.Type))
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, l.Data)
}

func sealEntry(l *raft.Log) *raft.Log {
	sealed := *l
	sealed.Extensions = appendSeal(nil, sumEntry(l))
	return &sealed
}

func sealValue(key, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	return appendSeal(slices.Clone(value), sum)
}

// openValue returns what sealValue sealed for a key.
func openValue(key, sealed []byte) ([]byte, bool) {
	if len(sealed) < sealSize {
		return nil, false
	}
	value := sealed[:len(sealed)-sealSize]
	return value, bytes.Equal(sealValue(key, value), sealed)
}

// StoreLog implements raft.LogStore.
func (s *sealedStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (s *sealedStore) StoreLogs(logs []*raft.Log) error {
	sealed := make([]*raft.Log, len(logs))
	for i, l := range logs {
		sealed[i] = sealEntry(l)
	}
	return s.BoltStore.StoreLogs(sealed)
}

// GetLog implements raft.LogStore. Error: ErrDamaged.
func (s *sealedStore) GetLog(index uint64, l *raft.Log) error {
	var read raft.Log
	switch err := s.BoltStore.GetLog(index, &read); {
	case errors.Is(err, raft.ErrLogNotFound):
		return err
	case err != nil:
		return damaged(s.path, fmt.Errorf("entry %d: %w", index, err))
	case read.Index != index || !bytes.Equal(read.Extensions, appendSeal(nil, sumEntry(&read))):
		return damaged(s.path, fmt.Errorf("the checksum of entry %d does not match", index))
	}
	read.Extensions = nil
	*l = read
	return nil
}

// Set implements raft.StableStore.
func (s *sealedStore) Set(key, value []byte) error {
	return s.BoltStore.Set(key, sealValue(key, value))
}

// SetUint64 implements raft.StableStore.
func (s *sealedStore) SetUint64(key []byte, value uint64) error {
	return s.Set(key, marshalNumber(value))
}

// Get implements raft.StableStore. Errors: raftboltdb.ErrKeyNotFound, ErrDamaged.
func (s *sealedStore) Get(key []byte) ([]byte, error) {
	sealed, err := s.BoltStore.Get(key)
	if err != nil {
		return nil, err
	}
	value, whole := openValue(key, sealed)
	if !whole {
		return nil, damaged(s.path, fmt.Errorf("the checksum of %q does not match", key))
	}
	return value, nil
}

// GetUint64 implements raft.StableStore.
func (s *sealedStore) GetUint64(key []byte) (uint64, error) {
	value, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	number, err := parseNumber(key, value)
	if err != nil {
		return 0, damaged(s.path, err)
	}
	return number, nil
}

// marshalNumber makes a value of a number, as raft-boltdb does.
func marshalNumber(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

func parseNumber(key, value []byte) (uint64, error) {
	if len(value) != 8 {
		return 0, fmt.Errorf("%q is no number", key)
	}
	return binary.BigEndian.Uint64(value), nil
}

// sealAll seals what an older vipd wrote. It may be cut off and begun again.
func (s *sealedStore) sealAll(f *boltFile) error {
	for _, key := range f.conf {
		value, err := s.BoltStore.Get([]byte(key))
		if err != nil {
			return err
		}
		if _, whole := openValue([]byte(key), value); whole {
			continue
		}
		if err := s.Set([]byte(key), value); err != nil {
			return err
		}
	}
	var logs []*raft.Log
	for i := range uint64(f.logs) {
		l := new(raft.Log)
		if err := s.BoltStore.GetLog(f.first+i, l); err != nil {
			return err
		}
		logs = append(logs, l)
	}
	return s.StoreLogs(logs)
}
