package storage

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Votes is what a voter must never forget. It has a file of its own, so that a withdrawal does not wait
// for Raft's writes. Writing may take as long as the disk does; reading never waits for the disk.
type Votes struct {
	dir  *Dir
	path string

	write sync.Mutex // serialises writers; guards file, slots, used
	file  *os.File
	slots int
	used  int

	mu     sync.Mutex // guards memory, failed
	memory memory
	failed error
}

// Votes opens the voter's memory. Errors: ErrDamaged, ErrInUse.
//
// What is read is first written to a new file: the process before this one may have died between writing
// and syncing, or after a sync that failed, and then reading shows what the disk does not have.
func (d *Dir) Votes() (*Votes, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.votes != nil {
		return nil, fmt.Errorf("open votes: %w already", ErrInUse)
	}
	v := &Votes{dir: d, path: d.file("votes")}
	data, err := os.ReadFile(v.path)
	if err != nil {
		return nil, fmt.Errorf("open votes: %w", err)
	}
	if v.memory, err = parseVotes(data); err != nil {
		return nil, fmt.Errorf("open votes: %w", damaged(v.path, err))
	}
	if err := v.compact(); err != nil {
		return nil, advise(fmt.Errorf("open votes: %w", err), d.path)
	}
	d.votes = v
	return v, nil
}

// createVotes makes a memory of nothing. An existing one stays.
func createVotes(path string) error {
	if ok, err := exists(path); err != nil || ok {
		return err
	}
	im, _ := marshalVotes(memory{})
	return replaceFile(path, im)
}

// Close ends the use of v.
func (v *Votes) Close() error {
	v.write.Lock()
	defer v.write.Unlock()
	v.fail(os.ErrClosed)
	err := v.file.Close()
	v.dir.mu.Lock()
	defer v.dir.mu.Unlock()
	if v.dir.votes == v {
		v.dir.votes = nil
	}
	return err
}

// Withdrawn returns a copy of the newest withdrawn epoch of each member that ever had one.
func (v *Votes) Withdrawn() map[string]uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.memory.withdrawn)
}

// Ceiling returns the longest lease that is granted, or whose promise may not have lapsed.
func (v *Votes) Ceiling() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.memory.ceiling
}

// Withdraw records that this voter never again grants a lease to the member's epoch or an older one.
// It is on the disk when Withdraw returns nil. After an error it may be or not, and unless the error was
// a lack of space for a larger file, every further write fails: what the page cache holds after a failed
// sync is not what the disk holds.
func (v *Votes) Withdraw(member string, epoch uint64) error {
	if err := checkMember(member); err != nil {
		return fmt.Errorf("withdraw from %q: %w", member, err)
	}
	known := func(m memory) bool {
		newest, ok := m.withdrawn[member]
		return ok && newest >= epoch
	}
	if err := v.append(record{kindWithdrawal, epoch, member}, known); err != nil {
		return fmt.Errorf("withdraw from %s, epoch %d: %w", member, epoch, err)
	}
	return nil
}

// RaiseCeiling records that leases of this length are granted from now on. It never lowers the ceiling.
// Durability and errors are those of Withdraw.
func (v *Votes) RaiseCeiling(lease time.Duration) error {
	return v.setCeiling("raise", lease, func(m memory) bool { return m.ceiling >= lease })
}

// LowerCeiling records that no promise for a longer lease than this is under way, and that none is made before
// RaiseCeiling. It never raises the ceiling; and it must not run beside RaiseCeiling, for the last one counts.
// Durability and errors are those of Withdraw.
func (v *Votes) LowerCeiling(lease time.Duration) error {
	return v.setCeiling("lower", lease, func(m memory) bool { return m.ceiling <= lease })
}

func (v *Votes) setCeiling(verb string, lease time.Duration, known func(memory) bool) error {
	if err := v.append(record{kind: kindCeiling, value: uint64(max(lease, 0))}, known); err != nil {
		return fmt.Errorf("%s lease ceiling to %v: %w", verb, lease, err)
	}
	return nil
}

// Err returns the error that made v useless for writing; nil while there is none.
func (v *Votes) Err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.failed
}

// append writes a record unless what it says is known.
func (v *Votes) append(r record, known func(memory) bool) error {
	v.write.Lock()
	defer v.write.Unlock()
	if err := v.Err(); err != nil {
		return fmt.Errorf("%s takes no more writes: %w", v.path, err)
	}
	v.mu.Lock()
	done := known(v.memory)
	v.mu.Unlock()
	if done {
		return nil
	}
	if v.used == v.slots {
		if err := v.compact(); err != nil {
			return err
		}
	}
	if err := v.writeSlot(r); err != nil {
		err = advise(fmt.Errorf("write %s: %w", v.path, err), v.dir.path)
		v.fail(err)
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.memory.apply(r)
}

func (v *Votes) writeSlot(r record) error {
	b := marshalSlot(r, v.used)
	for duplicate := range 2 {
		if _, err := v.file.WriteAt(b, int64(duplicate*v.slots+v.used)*slotSize); err != nil {
			return err
		}
	}
	if err := unix.Fdatasync(int(v.file.Fd())); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	v.used++
	return nil
}

// compact replaces the file by a new one with room for more. Until the new one has the file's name,
// an error leaves the old one as good as it was.
func (v *Votes) compact() error {
	v.mu.Lock()
	im, used := marshalVotes(v.memory)
	v.mu.Unlock()
	f, err := writeTemporary(v.path, im)
	if err != nil {
		return fmt.Errorf("write a new %s: %w", v.path, err)
	}
	err = os.Rename(f.Name(), v.path)
	if err == nil {
		err = syncDir(filepath.Dir(v.path))
	}
	if err != nil {
		v.fail(err)
		return fmt.Errorf("replace %s: %w", v.path, errors.Join(err, f.Close()))
	}
	if v.file != nil {
		v.file.Close() // all of it is in the new file
	}
	v.file, v.slots, v.used = f, im.slots(), used
	return nil
}

func (v *Votes) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failed == nil {
		v.failed = err
	}
}
