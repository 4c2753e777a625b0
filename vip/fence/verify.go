package fence

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// A shape lists everything in the tables that stays the same while the fence lives: sets, chains and rules.
type shape []string

// Verify checks that both tables are as this Fence made them and guard what it guards, and returns ErrGone if not. It
// only reads, and does so in proportion to the number of addresses.
func (f *Fence) Verify() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.verifyShape(); err != nil {
		return err
	}
	all := slices.SortedFunc(maps.Keys(f.addrs), netip.Addr.Compare)
	may := slices.DeleteFunc(slices.Clone(all), func(a netip.Addr) bool { return !f.addrs[a] })
	return f.read(func(c *nftables.Conn) error {
		for _, t := range f.tables {
			for kind, want := range [kinds][]netip.Addr{guarded: all, held: may} {
				got, err := t.members(c, kind)
				if err != nil {
					return fmt.Errorf("verify %s: %w", f.name, err)
				}
				if !slices.Equal(got, t.carries(want)) {
					return fmt.Errorf("verify %s: set %s has %d addresses that differ from the %d expected: %w",
						f.name, t.v4[kind].Name, len(got), len(want), ErrGone)
				}
			}
		}
		return nil
	})
}

// carries returns those of the addresses that the table has a set for.
func (t *table) carries(addrs []netip.Addr) []netip.Addr {
	if t.v6[guarded] != nil {
		return addrs
	}
	return slices.DeleteFunc(slices.Clone(addrs), netip.Addr.Is6)
}

func (f *Fence) verifyShape() error {
	got, err := f.readShape()
	if err != nil {
		return fmt.Errorf("verify %s: %w", f.name, err)
	}
	for i := range max(len(got), len(f.shape)) {
		switch {
		case i >= len(got):
			return fmt.Errorf("verify %s: %q is missing: %w", f.name, f.shape[i], ErrGone)
		case i >= len(f.shape):
			return fmt.Errorf("verify %s: %q was added: %w", f.name, got[i], ErrGone)
		case got[i] != f.shape[i]:
			return fmt.Errorf("verify %s: found %q instead of %q: %w", f.name, got[i], f.shape[i], ErrGone)
		}
	}
	return nil
}

// blame explains a failed write: ErrGone, if the tables are no longer what was to be written to.
func (f *Fence) blame(err error) error {
	if gone := f.verifyShape(); errors.Is(gone, ErrGone) {
		return errors.Join(gone, err)
	}
	return err
}

func (f *Fence) readShape() (shape, error) {
	var s shape
	err := f.read(func(c *nftables.Conn) error {
		for _, t := range f.tables {
			part, err := t.readShape(c)
			if err != nil {
				return err
			}
			s = append(s, part...)
		}
		return nil
	})
	return s, err
}

func (t *table) readShape(c *nftables.Conn) (shape, error) {
	found, err := c.ListTableOfFamily(t.nft.Name, t.nft.Family)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read table: %w", err)
	}
	// Among the flags is "dormant", which takes the hooks away.
	s := shape{fmt.Sprintf("table family %d flags %d", found.Family, found.Flags)}
	sets, err := c.GetSets(t.nft)
	if err != nil {
		return nil, fmt.Errorf("list sets: %w", err)
	}
	for _, set := range sets {
		s = append(s, fmt.Sprintf("set %s of %s, timeouts %t", set.Name, set.KeyType.Name, set.HasTimeout))
	}
	slices.Sort(s[1:])
	chains, err := c.ListChainsOfTableFamily(t.nft.Family)
	if err != nil {
		return nil, fmt.Errorf("list chains: %w", err)
	}
	for _, chain := range chains {
		if chain.Table.Name != t.nft.Name {
			continue
		}
		part, err := t.readChain(c, chain)
		if err != nil {
			return nil, err
		}
		s = append(s, part...)
	}
	return s, nil
}

func (t *table) readChain(c *nftables.Conn, chain *nftables.Chain) (shape, error) {
	line := "chain " + chain.Name
	if chain.Hooknum != nil {
		line += fmt.Sprintf(" hook %d priority %d policy %d", *chain.Hooknum, *chain.Priority, *chain.Policy)
	}
	s := shape{line}
	rules, err := c.GetRules(t.nft, chain)
	if err != nil {
		return nil, fmt.Errorf("read rules of %s: %w", chain.Name, err)
	}
	for _, r := range rules {
		line := "rule in " + chain.Name + ":"
		for _, e := range r.Exprs {
			line += fmt.Sprintf(" %T%+v", e, e)
		}
		s = append(s, line)
	}
	return s, nil
}
