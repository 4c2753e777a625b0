package storage

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// journal is where a write of Raft's goes first: bbolt needs two syncs and new pages for each, where a record in a file
// that has its size already needs one. It is for one writer; only reset may run beside the others.
type journal struct {
	path       string
	file       *os.File
	area       int    // that records go to
	generation uint64 // of that area
	sequence   uint64 // of the record that was written last
	used       int    // bytes of the area
}

// createJournal replaces the journal's file by one that holds nothing.
func createJournal(path string) (*journal, error) {
	f, err := replaceOpen(path, marshalJournal())
	if err != nil {
		return nil, err
	}
	return &journal{path: path, file: f, generation: 1, used: sectors(len(journalName))}, nil
}

// readJournal returns what a journal's file holds. Error: ErrDamaged.
func readJournal(path string) ([]op, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, damaged(path, err)
	case err != nil:
		return nil, fmt.Errorf("read Raft's journal: %w", err)
	}
	ops, err := parseJournal(data)
	if err != nil {
		return nil, damaged(path, err)
	}
	return ops, nil
}

// fits reports whether any area has room for such a payload.
func fits(payload []byte) bool { return sectors(len(journalName))+sectors(len(payload)) <= areaSize }

// full reports whether the area has no room for one more such record.
func (j *journal) full(payload []byte) bool { return j.used+sectors(len(payload)) > areaSize }

// append writes a record, which is on the disk when it returns nil. An error leaves the file in doubt. No record begins
// before the one in front of it is on the disk, so one that is not whole is the last.
func (j *journal) append(payload []byte) error {
	b := marshalRecord(j.generation, j.sequence+1, payload)
	for duplicate := range 2 {
		if _, err := j.file.WriteAt(b, int64((2*j.area+duplicate)*areaSize+j.used)); err != nil {
			return fmt.Errorf("write %s: %w", j.path, err)
		}
	}
	if err := j.sync(); err != nil {
		return err
	}
	j.sequence++
	j.used += len(b)
	return nil
}

// rotate has records go to the other area, which has to be reset. It returns the area left.
func (j *journal) rotate() (left int) {
	left = j.area
	j.area, j.generation, j.sequence, j.used = 1-left, j.generation+1, 0, sectors(len(journalName))
	return left
}

// reset makes an area one of a new generation, in which nothing is. The copies change one after the other: there is a
// good one at each moment.
func (j *journal) reset(area int, generation uint64) error {
	b := marshalRecord(generation, 0, []byte(journalName))
	for duplicate := range 2 {
		if _, err := j.file.WriteAt(b, int64((2*area+duplicate)*areaSize)); err != nil {
			return fmt.Errorf("write %s: %w", j.path, err)
		}
		if err := j.sync(); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) sync() error {
	if err := unix.Fdatasync(int(j.file.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", j.path, err)
	}
	return nil
}
