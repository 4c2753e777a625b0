package fence

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// Indices of [Fence].tables.
const (
	arpTable = iota
	inetTable
)

// Kinds of address sets.
const (
	guarded = iota
	held
	kinds
)

// A table is the layout of one of the two tables; it has no state.
type table struct {
	nft    *nftables.Table
	protos []byte // protocol families of the packets that its hooks see: the keys of the lease sets
	lease  [2]*nftables.Set
	use    [2]*nftables.Set
	v4, v6 [kinds]*nftables.Set // v6 is nil in the arp table
	hooks  []hook
}

func newTables(name string) []*table {
	a := newTable(name, nftables.TableFamilyARP, unix.NFPROTO_ARP)
	a.v4 = a.addressSets("", nftables.TypeIPAddr)
	a.hooks = arpHooks(a)

	i := newTable(name, nftables.TableFamilyINet, unix.NFPROTO_IPV4, unix.NFPROTO_IPV6)
	i.v4 = i.addressSets("4", nftables.TypeIPAddr)
	i.v6 = i.addressSets("6", nftables.TypeIP6Addr)
	i.hooks = inetHooks(i)
	for _, t := range []*table{a, i} {
		// Without numbers of our own the library would take them from a global variable that it does not lock.
		for n, s := range t.sets() {
			s.ID = uint32(n + 1)
		}
	}
	return []*table{arpTable: a, inetTable: i}
}

func newTable(name string, family nftables.TableFamily, protos ...byte) *table {
	t := &table{nft: &nftables.Table{Name: name, Family: family}, protos: protos}
	for i, suffix := range []string{"_a", "_b"} {
		t.lease[i] = &nftables.Set{
			Table: t.nft, Name: "lease" + suffix, KeyType: nftables.TypeNFProto, HasTimeout: true,
			Comment: "vipd renews this; once it has expired, guarded addresses are silent",
		}
		t.use[i] = &nftables.Set{
			Table: t.nft, Name: "use" + suffix, KeyType: nftables.TypeNFProto,
			Comment: "not empty: lease" + suffix + " counts",
		}
	}
	return t
}

func (t *table) addressSets(suffix string, typ nftables.SetDatatype) (sets [kinds]*nftables.Set) {
	sets[guarded] = &nftables.Set{
		Table: t.nft, Name: "guarded" + suffix, KeyType: typ,
		Comment: "virtual addresses vipd may have on this host",
	}
	sets[held] = &nftables.Set{
		Table: t.nft, Name: "held" + suffix, KeyType: typ,
		Comment: "those this host may answer for while its lease lives",
	}
	return sets
}

// create queues the whole table with the given guarded addresses.
func (t *table) create(c *nftables.Conn, left []netip.Addr) error {
	c.AddTable(t.nft)
	for _, s := range t.sets() {
		if err := c.AddSet(s, nil); err != nil {
			return fmt.Errorf("add set %s: %w", s.Name, err)
		}
	}
	if err := t.guard(c, left); err != nil {
		return err
	}
	for _, h := range t.hooks {
		h.create(c, t)
	}
	return nil
}

// guard queues addresses that a predecessor guarded.
func (t *table) guard(c *nftables.Conn, addrs []netip.Addr) (err error) {
	for part := range slices.Chunk(addrs, perTransaction) {
		t.each(guarded, keysOf(part), func(s *nftables.Set, keys []byte) {
			var elements []nftables.SetElement
			for key := range slices.Chunk(keys, int(s.KeyType.Bytes)) {
				elements = append(elements, nftables.SetElement{Key: key})
			}
			err = errors.Join(err, c.SetAddElements(s, elements))
		})
	}
	return err
}

// drop queues the removal of the whole table, whether it is there or not: deleting fails if there is nothing to delete.
func (t *table) drop(c *nftables.Conn) {
	c.AddTable(t.nft)
	c.DelTable(t.nft)
}

func (t *table) sets() []*nftables.Set {
	all := slices.Concat(t.use[:], t.lease[:], t.v4[:])
	if t.v6[guarded] != nil {
		all = append(all, t.v6[:]...)
	}
	return all
}

// keys are addresses as the sets have them, one after the other.
type keys struct{ v4, v6 []byte }

func keysOf(addrs []netip.Addr) (k keys) {
	for _, a := range addrs {
		if a.Is4() {
			k.v4 = append(k.v4, a.AsSlice()...)
		} else {
			k.v6 = append(k.v6, a.AsSlice()...)
		}
	}
	return k
}

// add queues addresses into a set of the given kind; those already in it stay.
func (t *table) add(b *batch, kind int, k keys) {
	t.each(kind, k, func(s *nftables.Set, keys []byte) { b.add(s, keys, 0) })
}

// remove takes addresses out of a set. They are added first because the kernel refuses to delete what is not there.
func (t *table) remove(b *batch, kind int, k keys) {
	t.each(kind, k, func(s *nftables.Set, keys []byte) {
		b.add(s, keys, 0)
		b.remove(s, keys)
	})
}

func (t *table) each(kind int, k keys, do func(*nftables.Set, []byte)) {
	if len(k.v4) > 0 {
		do(t.v4[kind], k.v4)
	}
	if len(k.v6) > 0 && t.v6[kind] != nil {
		do(t.v6[kind], k.v6)
	}
}

// members reads the addresses of one kind, in order.
func (t *table) members(c *nftables.Conn, kind int) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, s := range []*nftables.Set{t.v4[kind], t.v6[kind]} {
		if s == nil {
			continue
		}
		part, err := readSet(c, s)
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, part...)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs, nil
}

func readSet(c *nftables.Conn, s *nftables.Set) ([]netip.Addr, error) {
	elems, err := c.GetSetElements(s)
	if err != nil {
		return nil, fmt.Errorf("read set %s: %w", s.Name, err)
	}
	var addrs []netip.Addr
	for _, e := range elems {
		if a, ok := netip.AddrFromSlice(e.Key); ok {
			addrs = append(addrs, a)
		}
	}
	return addrs, nil
}

// maxInstance keeps table names short enough to read; nftables allows 255 bytes.
const maxInstance = 40

// tableName makes a table's name from an instance's. Names that had to be changed get a hash, so that no two instances
// share a table.
func tableName(instance string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, instance)
	clean = clean[:min(len(clean), maxInstance)]
	if clean != instance || clean == "" {
		h := fnv.New32a()
		h.Write([]byte(instance))
		clean = fmt.Sprintf("%s_%08x", clean, h.Sum32())
	}
	return "vipd-" + clean
}
