package probe

import (
	"encoding/binary"
	"net/netip"
)

// sighting is a received frame that says something about an address.
type sighting struct {
	kind sightingKind
	addr netip.Addr
	// mac is the frame's sender, claimed the MAC it says the address has.
	mac, claimed [6]byte
	// to is the receiver's address in a resolve reply: a spare one.
	to   netip.Addr
	echo payload
}

type sightingKind uint8

const (
	nothing sightingKind = iota
	echoReply
	resolveReply
	announcement
)

// parse never fails: what is none of the kinds is nothing.
func parse(b []byte) sighting {
	if len(b) < ethLen {
		return sighting{}
	}
	s := sighting{mac: [6]byte(b[6:12])}
	s.claimed = s.mac
	body := b[ethLen:]
	switch binary.BigEndian.Uint16(b[12:]) {
	case etherARP:
		return s.arp(body)
	case etherIPv4:
		return s.ipv4(body)
	case etherIPv6:
		return s.ipv6(body)
	}
	return sighting{}
}

func (s sighting) arp(b []byte) sighting {
	if len(b) < arpLen || [6]byte(b[:6]) != [6]byte{0, 1, 8, 0, 6, 4} {
		return sighting{}
	}
	op := binary.BigEndian.Uint16(b[6:])
	s.claimed = [6]byte(b[8:14])
	s.addr = netip.AddrFrom4([4]byte(b[14:18]))
	s.to = netip.AddrFrom4([4]byte(b[24:28]))
	switch {
	case s.addr == s.to && (op == 1 || op == 2):
		// RFC 5227 section 3: gratuitous, as a request or as a reply.
		s.kind = announcement
	case op == 2:
		s.kind = resolveReply
	}
	return s
}

func (s sighting) ipv4(b []byte) sighting {
	if len(b) < ipv4Len || b[0] != 0x45 || b[9] != protoICMP {
		return sighting{}
	}
	icmp := b[ipv4Len:]
	if len(icmp) < icmpLen+payloadLen || icmp[0] != typeEchoReply4 {
		return sighting{}
	}
	s.kind = echoReply
	s.addr = netip.AddrFrom4([4]byte(b[12:16]))
	s.echo = readPayload(icmp[icmpLen:])
	return s
}

func (s sighting) ipv6(b []byte) sighting {
	if len(b) < ipv6Len+icmpLen || b[6] != protoICMPv6 {
		return sighting{}
	}
	icmp := b[ipv6Len:]
	switch {
	case icmp[0] == typeEchoReply6 && len(icmp) >= icmpLen+payloadLen:
		s.kind = echoReply
		s.addr = netip.AddrFrom16([16]byte(b[8:24]))
		s.echo = readPayload(icmp[icmpLen:])
	case icmp[0] == typeNA && len(icmp) >= 24:
		s.addr = netip.AddrFrom16([16]byte(icmp[8:24]))
		s.to = netip.AddrFrom16([16]byte(b[24:40]))
		s.kind = resolveReply
		// RFC 4861 section 4.4: the solicited flag is clear in an unsolicited one.
		if icmp[4]&0x40 == 0 {
			s.kind = announcement
		}
		// The target link-layer address option.
		if len(icmp) >= 32 && icmp[24] == 2 && icmp[25] == 1 {
			s.claimed = [6]byte(icmp[26:32])
		}
	}
	return s
}
