package fence

import (
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// Priorities of the inet hooks; the package comment gives the reasons.
const (
	beforeDefrag = -450
	afterSNAT    = 300
)

// Hooks of the arp family, from linux/netfilter_arp.h.
const (
	arpIn  = 0
	arpOut = 1
)

// A hook is a base chain: it sends packets of guarded addresses through the paths that judge them.
type hook struct {
	name     string
	num      nftables.ChainHook
	priority nftables.ChainPriority
	paths    []path
}

// A path judges packets by one address in them. Its name is that of its chain and of its counter.
type path struct {
	name    string
	comment string
	match   []expr.Any    // selects the packets that have such an address
	address *expr.Payload // where the address is
	sets    [kinds]*nftables.Set
}

func arpHooks(t *table) []hook {
	// RFC 826 with 6-byte hardware addresses: header 8, sender 6+4, target 6+4. The kernel has checked the lengths.
	return []hook{
		{"arp_input", arpIn, 0, []path{
			{"arp_in", "ARP asking for it", nil, network(24, 4), t.v4},
		}},
		{"arp_output", arpOut, 0, []path{
			{"arp_out", "ARP sent from it", nil, network(14, 4), t.v4},
		}},
	}
}

func inetHooks(t *table) []hook {
	const solicitation, advertisement = 135, 136
	v4, v6 := family(unix.NFPROTO_IPV4), family(unix.NFPROTO_IPV6)
	return []hook{
		{"inet_in", *nftables.ChainHookPrerouting, beforeDefrag, []path{
			{"nd_in", "neighbour solicitation for it", icmpv6(solicitation), target(), t.v6},
			{"ipv4_in", "IPv4 to it", v4, network(16, 4), t.v4},
			{"ipv6_in", "IPv6 to it", v6, network(24, 16), t.v6},
		}},
		{"inet_out", *nftables.ChainHookPostrouting, afterSNAT, []path{
			{"nd_out", "neighbour advertisement of it", icmpv6(advertisement), target(), t.v6},
			{"ipv4_out", "IPv4 from it", v4, network(12, 4), t.v4},
			{"ipv6_out", "IPv6 from it", v6, network(8, 16), t.v6},
		}},
	}
}

const reg = unix.NFT_REG_1

func network(offset, length uint32) *expr.Payload {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
}

// target is the address that a neighbour solicitation or advertisement is about.
func target() *expr.Payload {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 8, Len: 16}
}

func family(proto byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{proto}},
	}
}

func icmpv6(typ byte) []expr.Any {
	return append(family(unix.NFPROTO_IPV6),
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{unix.IPPROTO_ICMPV6}},
		&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{typ}},
	)
}

func (h hook) create(c *nftables.Conn, t *table) {
	for _, p := range h.paths {
		p.create(c, t)
	}
	accept := nftables.ChainPolicyAccept
	base := c.AddChain(&nftables.Chain{
		Table: t.nft, Name: h.name, Type: nftables.ChainTypeFilter,
		Hooknum: &h.num, Priority: &h.priority, Policy: &accept,
	})
	for _, p := range h.paths {
		addRule(c, base, p.comment, p.match, p.in(guarded), verdict(expr.VerdictJump, p.name))
	}
}

// create queues the path's chain. It returns to the hook rather than accept, since one packet may have several
// addresses to judge: a solicitation sent to one held address may ask for another that is not.
func (p path) create(c *nftables.Conn, t *table) {
	c.AddObj(&nftables.NamedObj{Table: t.nft, Name: p.name, Type: nftables.ObjTypeCounter, Obj: &expr.Counter{}})
	chain := c.AddChain(&nftables.Chain{Table: t.nft, Name: p.name})
	// An extension may swap the sets while a packet is between two rules, so the first is asked again.
	for _, i := range []int{0, 1, 0} {
		addRule(c, chain, "held and the lease lives: pass",
			p.match, p.in(held), familyIn(t.use[i]), familyIn(t.lease[i]), verdict(expr.VerdictReturn, ""))
	}
	addRule(c, chain, "this host may not answer for it now",
		[]expr.Any{&expr.Objref{Type: int(nftables.ObjTypeCounter), Name: p.name}}, verdict(expr.VerdictDrop, ""))
}

func (p path) in(kind int) []expr.Any {
	return []expr.Any{p.address, &expr.Lookup{SourceRegister: reg, SetName: p.sets[kind].Name}}
}

func familyIn(s *nftables.Set) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: reg},
		&expr.Lookup{SourceRegister: reg, SetName: s.Name},
	}
}

func verdict(kind expr.VerdictKind, chain string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: kind, Chain: chain}}
}

func addRule(c *nftables.Conn, chain *nftables.Chain, comment string, parts ...[]expr.Any) {
	r := &nftables.Rule{
		Table: chain.Table, Chain: chain,
		UserData: userdata.AppendString(nil, userdata.TypeComment, comment),
	}
	for _, p := range parts {
		r.Exprs = append(r.Exprs, p...)
	}
	c.AddRule(r)
}
