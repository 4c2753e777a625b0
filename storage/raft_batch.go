package storage

import (
	"errors"
	"maps"
	"slices"

	"github.com/hashicorp/raft"
)

// batch is what a series of ops amounts to, for raft.db.
type batch struct {
	values      map[string][]byte
	logs        map[uint64]*raft.Log
	first, last uint64 // of the whole log after the ops; 0: it is empty
}

func newBatch() *batch {
	return &batch{values: map[string][]byte{}, logs: map[uint64]*raft.Log{}}
}

func (b *batch) add(o op) {
	switch {
	case o.key != nil:
		b.values[string(o.key)] = o.value
	case o.logs != nil:
		for _, l := range o.logs {
			b.logs[l.Index] = l
		}
	default:
		maps.DeleteFunc(b.logs, func(i uint64, _ *raft.Log) bool { return o.first <= i && i <= o.last })
	}
}

// writeTo makes a store what the ops, carried out one by one, would have made it. Where it is cut off, what is there is
// what a start takes: term before entries of it, and a log without gaps. All of it can be done again.
func (b *batch) writeTo(s store) error {
	for _, key := range slices.Sorted(maps.Keys(b.values)) {
		if err := s.Set([]byte(key), b.values[key]); err != nil {
			return err
		}
	}
	if err := b.deleteFrom(s); err != nil || len(b.logs) == 0 {
		return err
	}
	logs := make([]*raft.Log, 0, len(b.logs))
	for _, i := range slices.Sorted(maps.Keys(b.logs)) {
		logs = append(logs, b.logs[i])
	}
	return s.StoreLogs(logs)
}

// deleteFrom removes the entries beside the log's first and last.
func (b *batch) deleteFrom(s store) error {
	first, err1 := s.FirstIndex()
	last, err2 := s.LastIndex()
	switch err := errors.Join(err1, err2); {
	case err != nil || last == 0:
		return err
	case b.last == 0 || b.last < first || last < b.first:
		return s.DeleteRange(first, last)
	}
	if first < b.first {
		if err := s.DeleteRange(first, b.first-1); err != nil {
			return err
		}
	}
	if b.last < last {
		return s.DeleteRange(b.last+1, last)
	}
	return nil
}

// apply carries an op out on a store.
func (o op) apply(s store) error {
	switch {
	case o.key != nil:
		return s.Set(o.key, o.value)
	case o.logs != nil:
		return s.StoreLogs(o.logs)
	}
	return s.DeleteRange(o.first, o.last)
}
