package fence

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ndp"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A prober asks the host, from the peer, who answers. It asks for the host's own address last: since the link keeps the
// order, whatever has not been answered by then is not going to be, and no test has to wait for silence.
type prober struct {
	tb    testing.TB
	lab   *lab
	arp   *arp.Client
	nd    *ndp.Conn
	echo4 *icmp.PacketConn
	echo6 *icmp.PacketConn
	seq   int
}

func (l *lab) prober(tb testing.TB) *prober {
	tb.Helper()
	p := &prober{tb: tb, lab: l}
	in(tb, l.peer, func() (err error) {
		if p.arp, err = arp.Dial(l.peerIf); err != nil {
			return err
		}
		// A name would be looked up in whatever namespace the sending thread is in.
		byIndex := *l.peerIf
		byIndex.Name = strconv.Itoa(l.peerIf.Index)
		if p.nd, _, err = ndp.Listen(&byIndex, ndp.LinkLocal); err != nil {
			return err
		}
		if p.echo4, err = icmp.ListenPacket("ip4:icmp", peerV4.String()); err != nil {
			return err
		}
		p.echo6, err = icmp.ListenPacket("ip6:ipv6-icmp", peerV6.String())
		return err
	})
	tb.Cleanup(func() {
		p.arp.Close()
		p.nd.Close()
		p.echo4.Close()
		p.echo6.Close()
	})
	return p
}

// answers lists what the host answers about the addresses, as "arp ADDR", "nd ADDR" and "echo ADDR".
func (p *prober) answers(addrs ...netip.Addr) []string {
	p.tb.Helper()
	var v4, v6 []netip.Addr
	for _, a := range addrs {
		if a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	var got []string
	if len(v4) > 0 {
		got = append(got, p.ask("arp", v4, ownV4, p.sendARP, p.readARP)...)
		got = append(got, p.ask("echo", v4, ownV4, p.sendEcho4, p.readEcho4)...)
	}
	if len(v6) > 0 {
		got = append(got, p.ask("nd", v6, ownV6, p.sendNS, p.readNA)...)
		got = append(got, p.ask("echo", v6, ownV6, p.sendEcho6, p.readEcho6)...)
	}
	slices.Sort(got)
	return got
}

func (p *prober) ask(kind string, addrs []netip.Addr, own netip.Addr, send func(netip.Addr) error,
	read func() (netip.Addr, error)) (got []string) {
	p.tb.Helper()
	p.seq++
	for _, a := range append(slices.Clone(addrs), own) {
		check(p.tb, send(a))
	}
	for {
		from, err := read()
		if err != nil {
			p.tb.Fatalf("%s: the host's own address does not answer: %v", kind, err)
		}
		if from == own {
			return got
		}
		if slices.Contains(addrs, from) {
			got = append(got, fmt.Sprintf("%s %s", kind, from))
		}
	}
}

// all is what answers returns if the host answers everything.
func all(addrs ...netip.Addr) []string {
	var want []string
	for _, a := range addrs {
		resolve := "arp "
		if a.Is6() {
			resolve = "nd "
		}
		want = append(want, resolve+a.String(), "echo "+a.String())
	}
	slices.Sort(want)
	return want
}

func (p *prober) sendARP(a netip.Addr) error { return p.arp.Request(a) }

func (p *prober) readARP() (netip.Addr, error) {
	p.arp.SetReadDeadline(time.Now().Add(patience))
	for {
		pkt, _, err := p.arp.Read()
		if err != nil {
			return netip.Addr{}, err
		}
		if pkt.Operation == arp.OperationReply {
			return pkt.SenderIP, nil
		}
	}
}

func (p *prober) sendNS(a netip.Addr) error {
	group, err := ndp.SolicitedNodeMulticast(a)
	if err != nil {
		return err
	}
	return p.nd.WriteTo(&ndp.NeighborSolicitation{
		TargetAddress: a,
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: p.lab.peerIf.HardwareAddr}},
	}, nil, group)
}

func (p *prober) readNA() (netip.Addr, error) {
	p.nd.SetReadDeadline(time.Now().Add(patience))
	for {
		msg, _, _, err := p.nd.ReadFrom()
		if err != nil {
			return netip.Addr{}, err
		}
		if na, ok := msg.(*ndp.NeighborAdvertisement); ok {
			return na.TargetAddress, nil
		}
	}
}

func (p *prober) sendEcho4(a netip.Addr) error { return p.sendEcho(p.echo4, ipv4.ICMPTypeEcho, a) }
func (p *prober) sendEcho6(a netip.Addr) error {
	return p.sendEcho(p.echo6, ipv6.ICMPTypeEchoRequest, a)
}

func (p *prober) sendEcho(c *icmp.PacketConn, typ icmp.Type, a netip.Addr) error {
	b, err := (&icmp.Message{Type: typ, Body: &icmp.Echo{ID: 7, Seq: p.seq & 0xffff}}).Marshal(nil)
	if err != nil {
		return err
	}
	_, err = c.WriteTo(b, &net.IPAddr{IP: a.AsSlice()})
	return err
}

func (p *prober) readEcho4() (netip.Addr, error) {
	return p.readEcho(p.echo4, 1, ipv4.ICMPTypeEchoReply)
}
func (p *prober) readEcho6() (netip.Addr, error) {
	return p.readEcho(p.echo6, 58, ipv6.ICMPTypeEchoReply)
}

func (p *prober) readEcho(c *icmp.PacketConn, proto int, typ icmp.Type) (netip.Addr, error) {
	c.SetReadDeadline(time.Now().Add(patience))
	for b := make([]byte, 1500); ; {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return netip.Addr{}, err
		}
		msg, err := icmp.ParseMessage(proto, b[:n])
		if err != nil || msg.Type != typ || msg.Body.(*icmp.Echo).Seq != p.seq&0xffff {
			continue
		}
		return netip.MustParseAddr(from.String()).Unmap().WithZone(""), nil
	}
}
