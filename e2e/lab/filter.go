package lab

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// applyFilter replaces the switch's packet filter, in one transaction, by what
// the lab's one-way cuts, partition and blocks ask for. l.mu is held.
func (l *Lab) applyFilter() error {
	c, err := nftables.New(nftables.WithNetNSFd(int(l.Switch.handle)))
	if err != nil {
		return fmt.Errorf("filter on the switch: %w", err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyBridge, Name: "lab"}
	c.AddTable(table)
	c.DelTable(table)
	c.AddTable(table)
	// Prerouting comes before the bridge learns where an address is: a frame
	// lost on the cable must teach the switch nothing.
	lost := c.AddChain(&nftables.Chain{
		Table: table, Name: "lost", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityFilter,
	})
	forward := c.AddChain(&nftables.Chain{
		Table: table, Name: "forward", Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
	})
	add := func(chain *nftables.Chain, exprs ...expr.Any) {
		exprs = append(exprs, &expr.Verdict{Kind: expr.VerdictDrop})
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: exprs})
	}
	for p, d := range l.oneWay {
		for _, link := range p.links() {
			if d.out {
				add(lost, matchLink(expr.MetaKeyIIF, link)...)
			}
			if d.in {
				add(forward, matchLink(expr.MetaKeyOIF, link)...)
			}
			if d.lost > 0 {
				add(lost, append(matchLink(expr.MetaKeyIIF, link), sometimes(d.lost)...)...)
				add(forward, append(matchLink(expr.MetaKeyOIF, link), sometimes(d.lost)...)...)
			}
		}
	}
	for _, pairs := range []map[hostPair]bool{l.split, l.blocked} {
		for pair := range pairs {
			for _, m := range matchPair(pair) {
				add(forward, m...)
			}
		}
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("filter on the switch: %w", err)
	}
	return nil
}

func matchLink(key expr.MetaKey, link netlink.Link) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: key, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(uint32(link.Attrs().Index))},
	}
}

// sometimes matches so many of a thousand frames.
func sometimes(perMille uint32) []expr.Any {
	return []expr.Any{
		&expr.Numgen{Register: 1, Modulus: 1000, Type: unix.NFT_NG_RANDOM},
		// The generator's number is in the host's order, so the comparison is made on the network's.
		&expr.Byteorder{SourceRegister: 1, DestRegister: 1, Op: expr.ByteorderHton, Len: 4, Size: 4},
		&expr.Cmp{Op: expr.CmpOpLt, Register: 1, Data: binaryutil.BigEndian.PutUint32(perMille)},
	}
}

// matchPair matches what goes from one host to the other, one rule for each way through the bridges.
func matchPair(pair hostPair) (rules [][]expr.Any) {
	between := func(from, to *Port) {
		for _, in := range from.links() {
			for _, out := range to.links() {
				rules = append(rules, append(matchLink(expr.MetaKeyIIF, in), matchLink(expr.MetaKeyOIF, out)...))
			}
		}
	}
	between(pair.from.Port, pair.to.Port)
	if pair.from.Second != nil && pair.to.Second != nil {
		between(pair.from.Second, pair.to.Second)
	}
	return rules
}
