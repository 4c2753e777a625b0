package announce

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
)

var (
	allNodes    = netip.MustParseAddr("ff02::1")
	allNodesMAC = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1} // RFC 2464 section 7
)

// source is the interface that an address is announced on.
type source struct {
	mac    net.HardwareAddr
	router bool // it forwards IPv6
}

// frame returns the Ethernet frame that announces an address for the given time, counted from 0.
func (s source) frame(ip netip.Addr, round int) ([]byte, error) {
	if ip.Is4() {
		return s.arp(ip, round)
	}
	return s.advertisement(ip)
}

// arp returns the request as keepalived sends it, or in odd rounds the reply of RFC 5944 section 4.6.
func (s source) arp(ip netip.Addr, round int) ([]byte, error) {
	operation, target := arp.OperationRequest, ethernet.Broadcast
	if round%2 == 1 {
		operation, target = arp.OperationReply, s.mac
	}
	p, err := arp.NewPacket(operation, s.mac, ip, target, ip)
	if err != nil {
		return nil, fmt.Errorf("make an ARP packet: %w", err)
	}
	payload, err := p.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("make an ARP packet: %w", err)
	}
	return s.ethernet(ethernet.Broadcast, ethernet.EtherTypeARP, payload)
}

// advertisement returns the unsolicited advertisement that overrides what neighbours have cached.
func (s source) advertisement(ip netip.Addr) ([]byte, error) {
	message, err := ndp.MarshalMessageChecksum(&ndp.NeighborAdvertisement{
		// Without it the neighbours would no longer take this host for a router (RFC 4861 section 7.2.5).
		Router:        s.router,
		Override:      true,
		TargetAddress: ip,
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: s.mac}},
	}, ip, allNodes)
	if err != nil {
		return nil, fmt.Errorf("make a neighbour advertisement: %w", err)
	}
	return s.ethernet(allNodesMAC, ethernet.EtherTypeIPv6, append(ipv6Header(ip, allNodes, len(message)), message...))
}

// ipv6Header returns the header of an ICMPv6 message (RFC 8200 section 3) with the hop limit that neighbour
// discovery demands (RFC 4861 section 7.1.2).
func ipv6Header(from, to netip.Addr, length int) []byte {
	const icmpv6, hopLimit = 58, 255
	header := binary.BigEndian.AppendUint32(nil, 6<<28)
	header = binary.BigEndian.AppendUint16(header, uint16(length))
	header = append(header, icmpv6, hopLimit)
	header = append(header, from.AsSlice()...)
	return append(header, to.AsSlice()...)
}

func (s source) ethernet(to net.HardwareAddr, kind ethernet.EtherType, payload []byte) ([]byte, error) {
	f := ethernet.Frame{Destination: to, Source: s.mac, EtherType: kind, Payload: payload}
	b, err := f.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("make an Ethernet frame: %w", err)
	}
	return b, nil
}
