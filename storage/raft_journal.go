package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// journaledStore has all of Raft's log and state in memory, where it is read. (hashicorp/raft warns of its store in
// memory, since that forgets; this one does not.) A write goes to the journal, and to raft.db in bulk: when an area of the
// journal is full, beside the writes to the other area, and at the end.
type journaledStore struct {
	*raft.InmemStore
	bolt *sealedStore

	write   sync.Mutex // serialises writers; guards what follows
	journal *journal
	held    []op       // go with the next op
	batch   *batch     // what the journal's area amounts to, and held
	flushed chan error // receives once what became of the flush under way; nil if there is none
}

// load reads what raft.db has, but for what is before a gap.
func (s *journaledStore) load(file *boltFile) error {
	for _, key := range file.conf {
		value, err := s.bolt.Get([]byte(key))
		if err != nil {
			return err
		}
		if err := s.InmemStore.Set([]byte(key), value); err != nil {
			return err
		}
	}
	for i := range uint64(file.logs) {
		l := new(raft.Log)
		if err := s.bolt.GetLog(file.first+i, l); err != nil {
			return err
		}
		if err := s.InmemStore.StoreLog(l); err != nil {
			return err
		}
	}
	return nil
}

// replay carries out what a journal holds that was not closed, and writes it to raft.db.
func (s *journaledStore) replay(ops []op) error {
	for _, o := range ops {
		if err := s.apply(o); err != nil {
			return err
		}
	}
	return s.flushNow()
}

// takeBatch returns what has to go to raft.db, and begins anew.
func (s *journaledStore) takeBatch() (*batch, error) {
	b := s.batch
	var err1, err2 error
	b.first, err1 = s.FirstIndex()
	b.last, err2 = s.LastIndex()
	s.batch = newBatch()
	return b, errors.Join(err1, err2)
}

func (s *journaledStore) flushNow() error {
	b, err := s.takeBatch()
	if err != nil {
		return err
	}
	return b.writeTo(s.bolt)
}

// do writes an op so that it survives, and then lets it be read.
func (s *journaledStore) do(o op) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.flushError(); err != nil {
		return err
	}
	ops := append(s.held, o)
	if o.waits() {
		s.held = ops
		return s.apply(o)
	}
	s.held = nil
	payload := marshalOps(ops)
	if !fits(payload) {
		return s.doWithout(o)
	}
	if s.journal.full(payload) {
		if err := s.rotate(); err != nil {
			return err
		}
	}
	if err := s.journal.append(payload); err != nil {
		return err
	}
	return s.apply(o)
}

// waits reports whether an op need not survive before the next one: Raft writes for which term it votes, and then for
// whom, and only then votes.
func (o op) waits() bool { return bytes.Equal(o.key, keyVoteTerm) }

func (s *journaledStore) apply(o op) error {
	s.batch.add(o)
	return o.apply(s.InmemStore)
}

// doWithout writes what no area has room for to raft.db itself, after all that came before.
func (s *journaledStore) doWithout(o op) error {
	if err := s.rotate(); err != nil {
		return err
	}
	if err := s.awaitFlush(); err != nil {
		return err
	}
	if err := s.apply(o); err != nil {
		return err
	}
	return s.flushNow()
}

// rotate goes on in the journal's other area, and has the content of this one written to raft.db meanwhile. If the other
// one is not free yet, it waits.
func (s *journaledStore) rotate() error {
	if err := s.awaitFlush(); err != nil {
		return err
	}
	b, err := s.takeBatch()
	if err != nil {
		return err
	}
	left := s.journal.rotate()
	generation := s.journal.generation + 1
	done := make(chan error, 1)
	s.flushed = done
	go func() {
		err := b.writeTo(s.bolt)
		if err == nil {
			err = s.journal.reset(left, generation)
		}
		done <- err
	}()
	return nil
}

func (s *journaledStore) awaitFlush() error {
	if s.flushed == nil {
		return nil
	}
	err := <-s.flushed
	return s.noteFlush(err)
}

// flushError returns the error of a flush that ended, without waiting for one that did not.
func (s *journaledStore) flushError() error {
	select {
	case err := <-s.flushed:
		return s.noteFlush(err)
	default:
		return nil
	}
}

func (s *journaledStore) noteFlush(err error) error {
	s.flushed = nil
	if err != nil {
		return fmt.Errorf("write the journal's content to raft.db: %w", err)
	}
	return nil
}

// finish brings everything into raft.db, where also an older vipd finds it, and does away with the journal.
func (s *journaledStore) finish(d *Dir) error {
	s.write.Lock()
	defer s.write.Unlock()
	if err := s.awaitFlush(); err != nil {
		return err
	}
	if err := s.flushNow(); err != nil {
		return err
	}
	if err := d.markRaft(sealedText); err != nil {
		return err
	}
	return os.Remove(d.journalPath())
}

// abandon closes the files. The next start brings into raft.db what the journal has.
func (s *journaledStore) abandon() error {
	s.write.Lock()
	defer s.write.Unlock()
	err := s.awaitFlush()
	if s.journal != nil {
		err = errors.Join(err, s.journal.file.Close())
	}
	return errors.Join(err, s.bolt.Close())
}

// logEnd is the part of a log that has no gap up to its end. What is before a gap was there when a snapshot of later
// entries came from a peer; stale is the first of it, or 0.
type logEnd struct {
	first, last, stale uint64
}

func (s *journaledStore) end() (e logEnd, err error) {
	first, err1 := s.FirstIndex()
	last, err2 := s.LastIndex()
	if err := errors.Join(err1, err2); err != nil || last == 0 {
		return e, err
	}
	e = logEnd{first: last, last: last}
	for e.first > first {
		var l raft.Log
		switch err := s.GetLog(e.first-1, &l); {
		case errors.Is(err, raft.ErrLogNotFound):
			e.stale = first
			return e, nil
		case err != nil:
			return e, err
		}
		e.first--
	}
	return e, nil
}

// StoreLog implements raft.LogStore.
func (s *journaledStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (s *journaledStore) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	return s.do(op{logs: logs})
}

// DeleteRange implements raft.LogStore.
func (s *journaledStore) DeleteRange(first, last uint64) error {
	return s.do(op{first: first, last: last})
}

// Set implements raft.StableStore.
func (s *journaledStore) Set(key, value []byte) error {
	return s.do(op{key: bytes.Clone(key), value: bytes.Clone(value)})
}

// SetUint64 implements raft.StableStore.
func (s *journaledStore) SetUint64(key []byte, value uint64) error {
	return s.Set(key, marshalNumber(value))
}

// Get implements raft.StableStore. Error: raftboltdb.ErrKeyNotFound.
func (s *journaledStore) Get(key []byte) ([]byte, error) {
	value, err := s.InmemStore.Get(key)
	if err != nil {
		return nil, raftboltdb.ErrKeyNotFound // it has no other
	}
	return value, nil
}

// GetUint64 implements raft.StableStore. Error: raftboltdb.ErrKeyNotFound.
func (s *journaledStore) GetUint64(key []byte) (uint64, error) {
	value, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	return parseNumber(key, value)
}
