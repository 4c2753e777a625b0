package doctor

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// packet is the first one of a peer that asks for something.
type packet struct {
	what     string
	protocol byte
	port     uint16
	ipv6     bool
	link     *net.Interface // that it comes in on; nil: not known
}

// verdict is what becomes of a packet, as far as can be told.
type verdict int

const (
	passes  verdict = iota // it goes on to what comes next
	accepts                // or may do so
	drops
)

// firewall asks nftables, which iptables of today writes to as well, what would become of the packets of other nodes. It
// speaks only where that is certain: a rule that it does not understand may let the packet through.
func (h Host) firewall(context.Context) []Finding {
	found := h.legacy()
	conn, err := nftables.New()
	if err != nil || !h.File.Listen.IsValid() {
		return found
	}
	return append(found, dropping(conn, h.packets())...)
}

// dropping are the packets that are certainly not let in.
func dropping(conn *nftables.Conn, packets []packet) (found []Finding) {
	chains, err := conn.ListChains()
	if err != nil {
		return nil // the look at the kernel says why
	}
	for _, c := range chains {
		if c.Hooknum == nil || *c.Hooknum != *nftables.ChainHookInput || c.Table.Family == nftables.TableFamilyARP {
			continue
		}
		rules, err := conn.GetRules(c.Table, c)
		if err != nil {
			continue
		}
		sets := setsOf(conn, c.Table)
		for _, p := range packets {
			if !speaksOf(c.Table.Family, p.ipv6) || decide(c, rules, sets, p) != drops {
				continue
			}
			found = append(found, Finding{
				Problem, "firewall", fmt.Sprintf("chain %s of table %s drops %s", c.Name, c.Table.Name, p.what),
				fmt.Sprintf("nft insert rule %s %s %s %s accept", familyWord(c.Table.Family), c.Table.Name, c.Name, p.match()),
			})
		}
	}
	return found
}

// legacy says that there are rules which nftables does not show.
func (h Host) legacy() []Finding {
	var found []Finding
	for _, name := range []string{"ip_tables_names", "ip6_tables_names"} {
		text, err := os.ReadFile(filepath.Join(h.Root, "proc/net", name))
		if err == nil && strings.Contains(string(text), "filter") {
			command := strings.TrimSuffix(name, "_tables_names") + "tables-legacy"
			found = append(found, Finding{Note, "firewall", "the old iptables has a filter table, whose rules are not looked at", command + " -S INPUT"})
		}
	}
	return found
}

// packets are those that other nodes and routers send to this one.
func (h Host) packets() []packet {
	ipv6, link := h.File.Listen.Is6(), h.linkOf(h.File.Listen.Addr)
	all := []packet{
		{what: fmt.Sprintf("the other nodes' datagrams to UDP port %d", h.File.GossipPort), protocol: unix.IPPROTO_UDP, port: uint16(h.File.GossipPort), ipv6: ipv6, link: link},
		{what: fmt.Sprintf("the other nodes' connections to TCP port %d", h.File.GossipPort), protocol: unix.IPPROTO_TCP, port: uint16(h.File.GossipPort), ipv6: ipv6, link: link},
		{what: fmt.Sprintf("the other nodes' connections to TCP port %d", h.File.ClusterPort), protocol: unix.IPPROTO_TCP, port: uint16(h.File.ClusterPort), ipv6: ipv6, link: link},
	}
	if h.Spec != nil {
		for _, g := range h.Spec.Groups {
			if g.VRRP != nil && len(g.Addresses) > 0 {
				all = append(all, packet{what: "the adverts of other VRRP routers", protocol: 112, ipv6: g.Addresses[0].Prefix.Addr().Is6()})
				break
			}
		}
	}
	return all
}

// linkOf is the interface that has an address; nil: none, or it cannot be seen.
func (h Host) linkOf(ip netip.Addr) *net.Interface {
	links, _ := net.Interfaces()
	for _, l := range links {
		addrs, _ := l.Addrs()
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == ip {
				return &l
			}
		}
	}
	return nil
}

// match is the packet in the words of nft(8).
func (p packet) match() string {
	switch p.protocol {
	case unix.IPPROTO_UDP:
		return fmt.Sprintf("udp dport %d", p.port)
	case unix.IPPROTO_TCP:
		return fmt.Sprintf("tcp dport %d", p.port)
	}
	return fmt.Sprintf("meta l4proto %d", p.protocol)
}

func speaksOf(family nftables.TableFamily, ipv6 bool) bool {
	return family == nftables.TableFamilyINet || family == nftables.TableFamilyIPv6 && ipv6 || family == nftables.TableFamilyIPv4 && !ipv6
}

func familyWord(family nftables.TableFamily) string {
	switch family {
	case nftables.TableFamilyIPv4:
		return "ip"
	case nftables.TableFamilyIPv6:
		return "ip6"
	}
	return "inet"
}

// setsOf are the elements of a table's sets of single values, by name.
func setsOf(conn *nftables.Conn, table *nftables.Table) map[string][][]byte {
	sets := map[string][][]byte{}
	all, _ := conn.GetSets(table)
	for _, s := range all {
		elements, err := conn.GetSetElements(s)
		if err != nil || s.Interval || s.IsMap {
			continue
		}
		sets[s.Name] = [][]byte{}
		for _, e := range elements {
			sets[s.Name] = append(sets[s.Name], e.Key)
		}
	}
	return sets
}

// decide returns what a chain does with a packet.
func decide(c *nftables.Chain, rules []*nftables.Rule, sets map[string][][]byte, p packet) verdict {
	for _, r := range rules {
		if v := p.meets(r.Exprs, sets); v != passes {
			return v
		}
	}
	if c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop {
		return drops
	}
	return accepts
}

// meets returns what one rule does with the packet. What is not understood may be met, and then only counts if it could let
// the packet through.
func (p packet) meets(exprs []expr.Any, sets map[string][][]byte) verdict {
	registers := map[uint32][]byte{}
	certain := true
	for _, e := range exprs {
		switch e := e.(type) {
		case *expr.Counter, *expr.Log:
		case *expr.Meta, *expr.Ct, *expr.Payload:
			p.load(e, registers)
		case *expr.Bitwise:
			registers[e.DestRegister] = masked(registers[e.SourceRegister], e)
		case *expr.Cmp:
			value := registers[e.Register]
			switch {
			case value == nil || e.Op != expr.CmpOpEq && e.Op != expr.CmpOpNeq:
				certain = false
			case bytes.Equal(value, e.Data) != (e.Op == expr.CmpOpEq):
				return passes
			}
		case *expr.Lookup:
			elements, known := sets[e.SetName]
			value := registers[e.SourceRegister]
			switch {
			case value == nil || !known || e.IsDestRegSet:
				certain = false
			case !among(elements, value) != e.Invert:
				return passes
			}
		case *expr.Reject:
			return certainly(drops, certain)
		case *expr.Verdict:
			switch e.Kind {
			case expr.VerdictDrop:
				return certainly(drops, certain)
			case expr.VerdictContinue:
			default:
				return accepts // or a chain that may do so
			}
		default:
			certain = false
		}
	}
	return passes
}

func certainly(v verdict, certain bool) verdict {
	if certain {
		return v
	}
	return passes
}

func among(elements [][]byte, value []byte) bool {
	for _, e := range elements {
		if bytes.HasPrefix(e, value) && len(bytes.TrimRight(e[len(value):], "\x00")) == 0 {
			return true
		}
	}
	return false
}

func masked(value []byte, e *expr.Bitwise) []byte {
	if value == nil || len(e.Mask) != len(value) || len(e.Xor) != len(value) {
		return nil
	}
	out := make([]byte, len(value))
	for i := range value {
		out[i] = value[i]&e.Mask[i] ^ e.Xor[i]
	}
	return out
}

// stateNew is NF_CT_STATE_BIT(IP_CT_NEW), which a first packet has.
const stateNew = 1 << 3

// load puts what is known of the packet into a register, and nil for what is not.
func (p packet) load(e expr.Any, registers map[uint32][]byte) {
	switch e := e.(type) {
	case *expr.Ct:
		registers[e.Register] = nil
		if e.Key == expr.CtKeySTATE {
			registers[e.Register] = binary.NativeEndian.AppendUint32(nil, stateNew)
		}
	case *expr.Payload:
		registers[e.DestRegister] = nil
		ports := p.protocol == unix.IPPROTO_TCP || p.protocol == unix.IPPROTO_UDP
		if e.Base == expr.PayloadBaseTransportHeader && e.Offset == 2 && e.Len == 2 && ports {
			registers[e.DestRegister] = binary.BigEndian.AppendUint16(nil, p.port)
		}
		if e.Base == expr.PayloadBaseNetworkHeader && e.Offset == 9 && e.Len == 1 && !p.ipv6 {
			registers[e.DestRegister] = []byte{p.protocol}
		}
	case *expr.Meta:
		registers[e.Register] = nil
		switch {
		case e.Key == expr.MetaKeyL4PROTO:
			registers[e.Register] = []byte{p.protocol}
		case e.Key == expr.MetaKeyNFPROTO && p.ipv6:
			registers[e.Register] = []byte{unix.NFPROTO_IPV6}
		case e.Key == expr.MetaKeyNFPROTO:
			registers[e.Register] = []byte{unix.NFPROTO_IPV4}
		case e.Key == expr.MetaKeyIIF && p.link != nil:
			registers[e.Register] = binary.NativeEndian.AppendUint32(nil, uint32(p.link.Index))
		case e.Key == expr.MetaKeyIIFNAME && p.link != nil:
			registers[e.Register] = append([]byte(p.link.Name), make([]byte, unix.IFNAMSIZ-len(p.link.Name))...)
		}
	}
}
