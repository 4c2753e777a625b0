package vrrp

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv6"
)

// family6 is a raw IPv6 socket. The checksum is Marshal's and Parse's; the kernel is not asked for one.
type family6 struct{ *ipv6.PacketConn }

func newFamily6(pc net.PacketConn) family6 { return family6{ipv6.NewPacketConn(pc)} }

func (f family6) setup(ifi *net.Interface, ttl int) error {
	for _, option := range []struct {
		what string
		err  error
	}{
		{"set the traffic class", f.SetTrafficClass(tos)},
		{"set the hop limit", f.SetHopLimit(ttl)},
		{"set the multicast hop limit", f.SetMulticastHopLimit(TTL)},
		{"switch multicast loopback off", f.SetMulticastLoopback(false)},
		{"set the multicast interface", f.SetMulticastInterface(ifi)},
		{"ask for control messages", f.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagDst|ipv6.FlagInterface, true)},
	} {
		if option.err != nil {
			return fmt.Errorf("%s: %w", option.what, option.err)
		}
	}
	return nil
}

func (f family6) join(ifi *net.Interface, group netip.Addr) error {
	return f.JoinGroup(ifi, &net.IPAddr{IP: group.AsSlice()})
}

func (f family6) send(payload []byte, src, dst netip.Addr, index int) error {
	_, err := f.WriteTo(payload, &ipv6.ControlMessage{Src: src.AsSlice(), IfIndex: index}, &net.IPAddr{IP: dst.AsSlice()})
	return err
}

func (f family6) receive(b []byte) (int, Packet, error) {
	n, cm, src, err := f.ReadFrom(b)
	if err != nil {
		return 0, Packet{}, err
	}
	p := Packet{Src: addrOf(src)}
	if cm != nil {
		p.Dst, p.TTL = fromIP(cm.Dst), uint8(cm.HopLimit)
	}
	return n, p, nil
}
