package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"github.com/mdlayher/packet"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vipd/cluster/state"
)

// neighbourRequests is how often a run asks for a neighbour; the first answer is enough.
const neighbourRequests = 3

// neighbour asks on an interface's network for who has an address.
type neighbour interface {
	ask() error
	// read returns whether the next message is the neighbour's answer.
	read() (bool, error)
	SetDeadline(time.Time) error
	Close() error
}

// resolver asks for an address as a neighbour does. No neighbour table is looked at, here or anywhere: what is in one
// may be of a host that is gone.
func resolver(a *state.ARPCheck, limit time.Duration, virtual func() map[netip.Addr]bool) func(context.Context) Outcome {
	return func(ctx context.Context) Outcome {
		n, err := neighbourOf(a, virtual)
		if err != nil {
			return failed(err)
		}
		defer n.Close()
		defer context.AfterFunc(ctx, func() { n.Close() })()
		return asked(neighbourRequests, 1, func(int) error { return askNeighbour(n, share(limit, neighbourRequests)) })
	}
}

func neighbourOf(a *state.ARPCheck, virtual func() map[netip.Addr]bool) (neighbour, error) {
	ip, err := netip.ParseAddr(a.Address)
	if err != nil {
		return nil, err
	}
	ifi, err := net.InterfaceByName(a.Interface)
	if err != nil {
		return nil, fmt.Errorf("it has no interface %s", a.Interface)
	}
	if ip.Is6() {
		return newSoliciting(ifi, ip, virtual)
	}
	return newAsking(ifi, ip, virtual)
}

func askNeighbour(n neighbour, wait time.Duration) error {
	if err := n.SetDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if err := n.ask(); err != nil {
		return fmt.Errorf("send: %w", reason(err))
	}
	for {
		answered, err := n.read()
		if err != nil {
			return unanswered(err, wait)
		}
		if answered {
			return nil
		}
	}
}

// reason takes the addresses of sockets off an error of the net package's: they say nothing to who reads a check.
func reason(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op.Err
	}
	if call := (*os.SyscallError)(nil); errors.As(err, &call) {
		err = call.Err
	}
	return err
}

func unanswered(err error, wait time.Duration) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer within %v", wait)
	}
	return reason(err)
}

// asking asks by ARP.
type asking struct {
	*packet.Conn
	frame []byte
	ip    netip.Addr
}

func newAsking(ifi *net.Interface, ip netip.Addr, virtual func() map[netip.Addr]bool) (*asking, error) {
	if len(ifi.HardwareAddr) != 6 {
		return nil, fmt.Errorf("%s has no hardware address, and no neighbours", ifi.Name)
	}
	from, err := senderOn(ifi, ip, virtual)
	if err != nil {
		return nil, err
	}
	p, err := arp.NewPacket(arp.OperationRequest, ifi.HardwareAddr, from, make(net.HardwareAddr, 6), ip)
	if err != nil {
		return nil, err
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	f := ethernet.Frame{Destination: ethernet.Broadcast, Source: ifi.HardwareAddr, EtherType: ethernet.EtherTypeARP, Payload: payload}
	frame, err := f.MarshalBinary()
	if err != nil {
		return nil, err
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ARP, nil)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", ifi.Name, err)
	}
	return &asking{conn, frame, ip}, nil
}

// senderOn is the address that a request says it is from: one of the interface in the network of what is asked for, or
// any, and else none, as in a probe of RFC 5227 section 2.1.1.
func senderOn(ifi *net.Interface, ip netip.Addr, virtual func() map[netip.Addr]bool) (netip.Addr, error) {
	own, err := ownOn(ifi, virtual)
	if err != nil {
		return netip.Addr{}, err
	}
	from := netip.IPv4Unspecified()
	for _, p := range own {
		switch {
		case p.Addr().Is4() && p.Contains(ip):
			return p.Addr(), nil
		case p.Addr().Is4() && from.IsUnspecified():
			from = p.Addr()
		}
	}
	return from, nil
}

// ownOn lists an interface's own addresses, without virtual ones: a request tells all neighbours where its sender is,
// and nobody but the holder, while it has a lease, may say so of a virtual address.
func ownOn(ifi *net.Interface, virtual func() map[netip.Addr]bool) ([]netip.Prefix, error) {
	list, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("list the addresses of %s: %w", ifi.Name, err)
	}
	others := virtual()
	var own []netip.Prefix
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !others[p.Addr()] {
			own = append(own, p)
		}
	}
	return own, nil
}

func (a *asking) ask() error {
	_, err := a.WriteTo(a.frame, &packet.Addr{HardwareAddr: ethernet.Broadcast})
	return err
}

func (a *asking) read() (bool, error) {
	buffer := make([]byte, 128)
	n, _, err := a.ReadFrom(buffer)
	if err != nil {
		return false, err
	}
	var f ethernet.Frame
	var p arp.Packet
	if f.UnmarshalBinary(buffer[:n]) != nil || p.UnmarshalBinary(f.Payload) != nil {
		return false, nil
	}
	return p.Operation == arp.OperationReply && p.SenderIP == a.ip, nil
}

// soliciting asks by neighbour solicitations (RFC 4861 section 7.2.2).
type soliciting struct {
	*ndp.Conn
	request *ndp.NeighborSolicitation
	group   netip.Addr
}

func newSoliciting(ifi *net.Interface, ip netip.Addr, virtual func() map[netip.Addr]bool) (*soliciting, error) {
	group, err := ndp.SolicitedNodeMulticast(ip)
	if err != nil {
		return nil, err
	}
	own, err := ownOn(ifi, virtual)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(own, func(p netip.Prefix) bool { return p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() })
	if i < 0 {
		return nil, fmt.Errorf("%s has no link-local address to ask from", ifi.Name)
	}
	conn, _, err := ndp.Listen(ifi, ndp.Addr(own[i].Addr().String()))
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", ifi.Name, reason(err))
	}
	var f ipv6.ICMPFilter
	f.SetAll(true)
	f.Accept(ipv6.ICMPTypeNeighborAdvertisement)
	if err := conn.SetICMPFilter(&f); err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen on %s: %w", ifi.Name, err)
	}
	request := &ndp.NeighborSolicitation{TargetAddress: ip}
	if len(ifi.HardwareAddr) > 0 {
		request.Options = []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: ifi.HardwareAddr}}
	}
	return &soliciting{conn, request, group}, nil
}

func (s *soliciting) ask() error { return s.WriteTo(s.request, nil, s.group) }

func (s *soliciting) read() (bool, error) {
	m, _, _, err := s.ReadFrom()
	if err != nil {
		return false, err
	}
	a, ok := m.(*ndp.NeighborAdvertisement)
	return ok && a.TargetAddress == s.request.TargetAddress, nil
}
