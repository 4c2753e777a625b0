package fence

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// Leave ends the use of the Fence and leaves the tables as they are, for [Adopt]: an open gate stays open until the
// lease that was set.
func (f *Fence) Leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disconnect()
}

// Adopt takes over the tables of a predecessor that has ended as they are: what is held stays held, under the lease
// that the predecessor set, without a gap. Nothing is changed.
//
// ErrShut means that the gate has shut meanwhile, ErrGone that the tables are missing or not what this build makes. In
// both cases, and after any other error, [Open] is the way on.
func Adopt(opts Options) (*Fence, error) {
	f := newFence(opts)
	if err := f.adopt(); err != nil {
		f.disconnect()
		return nil, fmt.Errorf("adopt fence %s: %w", f.name, err)
	}
	return f, nil
}

func (f *Fence) adopt() error {
	var err error
	if f.shape, err = f.newShape(); err != nil {
		return err
	}
	if err := f.verifyShape(); err != nil {
		return err
	}
	if err := f.adoptAddresses(); err != nil {
		return err
	}
	f.slot, err = f.openSlot()
	return err
}

// newShape finds out what tables made by this build look like, by making some that guard nothing.
func (f *Fence) newShape() (shape, error) {
	// A connection of its own, because the kernel echoes rules.
	once := &conn{netns: f.writer.netns}
	defer once.close()
	sample := &Fence{name: f.name + "-sample", tables: newTables(f.name + "-sample"), reader: f.reader}
	err := once.commit(func(c *nftables.Conn) error {
		for _, t := range sample.tables {
			t.drop(c)
			if err := t.create(c, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make tables to compare with: %w", err)
	}
	s, err := sample.readShape()
	return s, errors.Join(err, f.drop(sample.tables))
}

// adoptAddresses reads what is guarded and held. Both tables must agree.
func (f *Fence) adoptAddresses() error {
	var all [kinds][]netip.Addr
	for kind := range all {
		var err error
		if all[kind], err = f.members(kind); err != nil {
			return err
		}
		err = f.read(func(c *nftables.Conn) error {
			inARP, err := f.tables[arpTable].members(c, kind)
			if err == nil && !slices.Equal(inARP, f.tables[arpTable].carries(all[kind])) {
				err = fmt.Errorf("the two tables have different addresses: %w", ErrGone)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, a := range all[guarded] {
		f.addrs[a] = false
	}
	for _, a := range all[held] {
		if _, ok := f.addrs[a]; !ok {
			return fmt.Errorf("%s is held and not guarded: %w", a, ErrGone)
		}
		f.addrs[a] = true
	}
	return nil
}

// openSlot returns the lease set in use. It is an error unless the same one is in use in both tables, for all their
// protocol families, and alive: the kernel does not list what has expired.
func (f *Fence) openSlot() (int, error) {
	slot := noSlot
	err := f.read(func(c *nftables.Conn) error {
		for _, t := range f.tables {
			used, err := t.openSlot(c)
			switch {
			case err != nil:
				return err
			case slot != noSlot && slot != used:
				return fmt.Errorf("the two tables use different lease sets: %w", ErrGone)
			}
			slot = used
		}
		return nil
	})
	return slot, err
}

func (t *table) openSlot(c *nftables.Conn) (int, error) {
	slot := noSlot
	for i, set := range t.use {
		switch n, err := t.familiesIn(c, set); {
		case err != nil:
			return noSlot, err
		case n == 0:
		case slot != noSlot || n != len(t.protos):
			return noSlot, fmt.Errorf("no single lease set is in use: %w", ErrGone)
		default:
			slot = i
		}
	}
	if slot == noSlot {
		return noSlot, ErrShut
	}
	switch n, err := t.familiesIn(c, t.lease[slot]); {
	case err != nil:
		return noSlot, err
	case n != len(t.protos):
		return noSlot, ErrShut
	}
	return slot, nil
}

// familiesIn counts the protocol families in a set.
func (t *table) familiesIn(c *nftables.Conn, set *nftables.Set) (int, error) {
	elems, err := c.GetSetElements(set)
	if errors.Is(err, unix.ENOENT) {
		return 0, ErrGone
	}
	if err != nil {
		return 0, fmt.Errorf("read set %s: %w", set.Name, err)
	}
	return len(elems), nil
}

// Held reads from the kernel, in order, which addresses this host may answer for while the gate is open.
func (f *Fence) Held() ([]netip.Addr, error) { return f.members(held) }
