package fence

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// perTransaction bounds the addresses of one transaction, so that it fits the netlink send buffer of a process that may
// not enlarge it.
const perTransaction = 1000

// Hold guards addresses and lets this host answer for them while the gate is open. Call it before they are added to an
// interface. Beyond 1000 addresses it takes several transactions; after an error some may be held and some not.
func (f *Fence) Hold(addrs []netip.Addr) error {
	return f.change("hold", addrs, func(b *batch, t *table, part keys) {
		t.add(b, guarded, part)
		t.add(b, held, part)
	}, func(a netip.Addr) { f.addrs[a] = true })
}

// Bar stops this host from answering for addresses, at once, and goes on guarding them. Call it before they are removed
// from an interface, or for addresses that were found on one and must not be used.
func (f *Fence) Bar(addrs []netip.Addr) error {
	return f.change("bar", addrs, func(b *batch, t *table, part keys) {
		t.add(b, guarded, part)
		t.remove(b, held, part)
	}, func(a netip.Addr) { f.addrs[a] = false })
}

// Release ends the guard of addresses. Call it once they were read back as gone from this host.
func (f *Fence) Release(addrs []netip.Addr) error {
	return f.change("release", addrs, func(b *batch, t *table, part keys) {
		t.remove(b, held, part)
		t.remove(b, guarded, part)
	}, func(a netip.Addr) { delete(f.addrs, a) })
}

func (f *Fence) change(verb string, addrs []netip.Addr, queue func(*batch, *table, keys), note func(netip.Addr)) error {
	addrs, err := normal(addrs)
	if err != nil {
		return fmt.Errorf("%s addresses: %w", verb, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for part := range slices.Chunk(addrs, perTransaction) {
		k := keysOf(part)
		err := f.writer.commit(func(b *batch) {
			for _, t := range f.tables {
				queue(b, t, k)
			}
		})
		if err != nil {
			return fmt.Errorf("%s %d addresses from %s in %s: %w", verb, len(part), part[0], f.name, f.blame(err))
		}
		for _, a := range part {
			note(a)
		}
	}
	return nil
}

// normal drops zones, which the sets have no room for, and duplicates; IPv4 in IPv6 becomes IPv4.
func normal(addrs []netip.Addr) ([]netip.Addr, error) {
	out := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
			return nil, fmt.Errorf("%v is not an address a host can have", a)
		}
		out = append(out, a.Unmap().WithZone(""))
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out), nil
}

// Guarded reads the guarded addresses from the kernel, in order. After [Open] these are what a predecessor left.
func (f *Fence) Guarded() ([]netip.Addr, error) {
	return f.members(guarded)
}

// members reads one of the address sets. The arp table repeats what the inet table says.
func (f *Fence) members(kind int) ([]netip.Addr, error) {
	var addrs []netip.Addr
	err := f.read(func(c *nftables.Conn) (err error) {
		addrs, err = f.tables[inetTable].members(c, kind)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read addresses of %s: %w", f.name, f.blame(err))
	}
	return addrs, nil
}

// leftovers reads what a predecessor's tables guard, from either table in case one of them is lost. Whatever else it
// finds under the name is of no use.
func (f *Fence) leftovers() ([]netip.Addr, error) {
	var all []netip.Addr
	for _, t := range f.tables {
		err := f.read(func(c *nftables.Conn) error {
			if _, err := c.ListTableOfFamily(f.name, t.nft.Family); err != nil {
				return err
			}
			sets, err := c.GetSets(t.nft)
			if err != nil {
				return err
			}
			for _, s := range sets {
				if s.Name != t.v4[guarded].Name && (t.v6[guarded] == nil || s.Name != t.v6[guarded].Name) {
					continue
				}
				addrs, err := readSet(c, s)
				if err != nil {
					return err
				}
				all = append(all, addrs...)
			}
			return nil
		})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return nil, err
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all), nil
}

func (f *Fence) nothingHeld() error {
	addrs, err := f.members(held)
	if err != nil {
		return err
	}
	if len(addrs) > 0 {
		return fmt.Errorf("%d %w, the first is %s", len(addrs), ErrHeld, addrs[0])
	}
	return nil
}
