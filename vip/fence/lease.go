package fence

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// minTimeout is one jiffy of the slowest kernel (HZ=100). Kernels older than about 2024 take one that
	// rounds to no jiffy at all for "never expires", so nothing shorter is ever written.
	minTimeout = 10 * time.Millisecond
	// maxTimeout keeps a mistaken end from leaving the gate open for good.
	maxTimeout = time.Minute

	// firstSlack is taken off the timeout for the time that writing takes; some 30 µs are usual. If it was not enough, the
	// next attempt allows for slackGrowth times as much.
	firstSlack  = 2 * time.Millisecond
	slackGrowth = 4
	maxAttempts = 4
)

// Raise opens the gate until the given instant of [Options].Now. It refuses with ErrHeld while addresses are held: they
// were allowed under an older lease, which says nothing about this one. It returns ErrShut if less than 12 ms are left.
func (f *Fence) Raise(until int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.nothingHeld(); err != nil {
		return fmt.Errorf("raise gate of %s: %w", f.name, err)
	}
	if err := f.shut(); err != nil {
		return err
	}
	if err := f.arm(0, until); err != nil {
		return fmt.Errorf("raise gate of %s: %w", f.name, err)
	}
	err := f.writer.commit(func(b *batch) {
		for _, t := range f.tables {
			b.add(t.use[0], t.protos, 0)
		}
	})
	if err != nil {
		return fmt.Errorf("raise gate of %s: %w", f.name, f.blame(err))
	}
	f.slot = 0
	return nil
}

// Extend lets an open gate stay open until the given instant, which may also be earlier than the one before. Its cost
// does not depend on the number of addresses.
//
// ErrShut means that the gate shut before the extension arrived, or that less than 12 ms are left, in which case it was
// shut. ErrStalled means that nothing changed.
func (f *Fence) Extend(until int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.slot == noSlot {
		return fmt.Errorf("extend lease of %s: %w", f.name, ErrShut)
	}
	old, next := f.slot, 1-f.slot
	if err := f.arm(next, until); err != nil {
		if errors.Is(err, ErrShut) {
			err = errors.Join(err, f.shut())
		}
		return fmt.Errorf("extend lease of %s: %w", f.name, err)
	}
	err := f.writer.commit(func(b *batch) {
		for _, t := range f.tables {
			// The kernel refuses to delete what has expired, and with it the whole transaction.
			b.remove(t.lease[old], t.protos)
			b.flush(t.use[old])
			b.add(t.use[next], t.protos, 0)
		}
	})
	if errors.Is(err, unix.ENOENT) {
		if err = f.shut(); err == nil {
			err = ErrShut
		}
		return fmt.Errorf("extend lease of %s: %w", f.name, err)
	}
	if err != nil {
		return fmt.Errorf("extend lease of %s: %w", f.name, err)
	}
	f.slot = next
	return nil
}

// Shut closes the gate at once.
func (f *Fence) Shut() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shut()
}

func (f *Fence) shut() error {
	err := f.writer.commit(func(b *batch) {
		for _, t := range f.tables {
			for i := range t.lease {
				b.flush(t.use[i])
				b.flush(t.lease[i])
			}
		}
	})
	if err != nil {
		return fmt.Errorf("shut gate of %s: %w", f.name, f.blame(err))
	}
	f.slot = noSlot
	return nil
}

// arm writes an element that is certain to expire by until into a lease set that is not in use.
func (f *Fence) arm(slot int, until int64) error {
	slack := firstSlack
	for range maxAttempts {
		start := f.now()
		left := time.Duration(until - start)
		timeout := left - slack
		switch {
		case left < minTimeout+firstSlack:
			return fmt.Errorf("%v left: %w", left, ErrShut)
		case left > maxTimeout:
			return fmt.Errorf("a lease of %v is longer than %v", left, maxTimeout)
		case timeout < minTimeout:
			return ErrStalled
		}
		if err := f.write(slot, timeout); err != nil {
			return f.blame(err)
		}
		// The element was added before now and lives for timeout at most.
		took := time.Duration(f.now() - start)
		if took >= 0 && took <= slack {
			return nil
		}
		f.stalled++
		f.log.Debug("held up while writing the lease", "table", f.name, "for", took)
		slack *= slackGrowth
	}
	return ErrStalled
}

func (f *Fence) write(slot int, timeout time.Duration) error {
	return f.writer.commit(func(b *batch) {
		for _, t := range f.tables {
			b.flush(t.lease[slot])
			b.add(t.lease[slot], t.protos, timeout)
		}
	})
}
