package vrrp

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
)

// family4 is a raw IPv4 socket. The kernel writes the IP header.
type family4 struct{ *ipv4.PacketConn }

func newFamily4(pc net.PacketConn) family4 { return family4{ipv4.NewPacketConn(pc)} }

func (f family4) setup(ifi *net.Interface, ttl int) error {
	for _, option := range []struct {
		what string
		err  error
	}{
		{"set the TOS", f.SetTOS(tos)},
		{"set the TTL", f.SetTTL(ttl)},
		{"set the multicast TTL", f.SetMulticastTTL(TTL)},
		{"switch multicast loopback off", f.SetMulticastLoopback(false)},
		{"set the multicast interface", f.SetMulticastInterface(ifi)},
		{"ask for control messages", f.SetControlMessage(ipv4.FlagTTL|ipv4.FlagDst|ipv4.FlagInterface, true)},
	} {
		if option.err != nil {
			return fmt.Errorf("%s: %w", option.what, option.err)
		}
	}
	return nil
}

func (f family4) join(ifi *net.Interface, group netip.Addr) error {
	return f.JoinGroup(ifi, &net.IPAddr{IP: group.AsSlice()})
}

func (f family4) send(payload []byte, src, dst netip.Addr, index int) error {
	_, err := f.WriteTo(payload, &ipv4.ControlMessage{Src: src.AsSlice(), IfIndex: index}, &net.IPAddr{IP: dst.AsSlice()})
	return err
}

func (f family4) receive(b []byte) (int, Packet, error) {
	n, cm, src, err := f.ReadFrom(b)
	if err != nil {
		return 0, Packet{}, err
	}
	p := Packet{Src: addrOf(src)}
	if cm != nil {
		p.Dst, p.TTL = fromIP(cm.Dst), uint8(cm.TTL)
	}
	return n, p, nil
}
