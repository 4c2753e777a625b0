package probe

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// Lengths of the headers and of the echo payload.
const (
	ethLen     = 14
	arpLen     = 28
	ipv4Len    = 20
	ipv6Len    = 40
	icmpLen    = 8
	payloadLen = 24
	nsLen      = 32 // neighbour solicitation with its source option
)

const (
	etherARP  = 0x0806
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd

	protoICMP   = 1
	protoICMPv6 = 58

	typeEchoRequest4 = 8
	typeEchoReply4   = 0
	typeEchoRequest6 = 128
	typeEchoReply6   = 129
	typeNS           = 135
	typeNA           = 136
)

// spares is how many addresses after the client's own are used as the senders
// of ARP requests and neighbour solicitations. Which one was used is the only
// thing in a reply that tells its request. Few, since each takes a place in the
// kernel's neighbour table, which all namespaces share.
const (
	broadcastSpares = 8
	censusSpares    = 4
	spares          = broadcastSpares + censusSpares
)

// payload travels in an echo request and comes back in the reply.
type payload struct {
	session uint32
	addr    uint16
	target  uint16 // index of the host asked, noTarget if whoever is believed
	sent    int64
	stream  Stream
}

const noTarget = 0xffff

func (p payload) put(b []byte) {
	binary.BigEndian.PutUint32(b[0:], p.session)
	binary.BigEndian.PutUint16(b[4:], p.addr)
	binary.BigEndian.PutUint16(b[6:], p.target)
	binary.BigEndian.PutUint64(b[8:], uint64(p.sent))
	b[16] = byte(p.stream)
}

func readPayload(b []byte) payload {
	return payload{
		session: binary.BigEndian.Uint32(b[0:]),
		addr:    binary.BigEndian.Uint16(b[4:]),
		target:  binary.BigEndian.Uint16(b[6:]),
		sent:    int64(binary.BigEndian.Uint64(b[8:])),
		stream:  Stream(b[16]),
	}
}

// frames holds the prepared requests for one address. A request is changed in
// place and must be sent before the next is made.
type frames struct {
	addr    netip.Addr
	group   net.HardwareAddr // where Resolve goes
	echo    []byte
	resolve []byte
	spare   [spares][]byte
	// node and solicited are the destinations of unicast and multicast
	// solicitations, nil for IPv4.
	node, solicited []byte
}

// newFrames prepares the requests from one client for one address. source and
// the addresses after it are of the same family as addr.
func newFrames(addr, source netip.Addr, mac net.HardwareAddr) *frames {
	f := &frames{addr: addr}
	for i, next := 0, source.Next(); i < spares; i, next = i+1, next.Next() {
		f.spare[i] = next.AsSlice()
	}
	if addr.Is4() {
		f.prepare4(source, mac)
	} else {
		f.prepare6(source, mac)
	}
	return f
}

func ethernet(size int, src net.HardwareAddr, etherType uint16) []byte {
	b := make([]byte, ethLen+size)
	copy(b[6:], src)
	binary.BigEndian.PutUint16(b[12:], etherType)
	return b
}

func (f *frames) prepare4(source netip.Addr, mac net.HardwareAddr) {
	f.group = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

	// RFC 826: Ethernet, IPv4, request.
	f.resolve = ethernet(arpLen, mac, etherARP)
	arp := f.resolve[ethLen:]
	copy(arp, []byte{0, 1, 8, 0, 6, 4, 0, 1})
	copy(arp[8:], mac)
	copy(arp[24:], f.addr.AsSlice())

	f.echo = ethernet(ipv4Len+icmpLen+payloadLen, mac, etherIPv4)
	ip := f.echo[ethLen:]
	ip[0] = 0x45
	binary.BigEndian.PutUint16(ip[2:], ipv4Len+icmpLen+payloadLen)
	ip[8], ip[9] = 64, protoICMP
	copy(ip[12:], source.AsSlice())
	copy(ip[16:], f.addr.AsSlice())
	binary.BigEndian.PutUint16(ip[10:], checksum(0, ip[:ipv4Len]))
	ip[ipv4Len] = typeEchoRequest4
}

func (f *frames) prepare6(source netip.Addr, mac net.HardwareAddr) {
	a := f.addr.As16()
	f.node = a[:]
	// RFC 4291 section 2.7.1 and RFC 2464 section 7.
	f.solicited = []byte{0xff, 2, 10: 0, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
	f.group = net.HardwareAddr{0x33, 0x33, 0xff, a[13], a[14], a[15]}

	// RFC 4861 section 4.3, with the source link-layer address option.
	f.resolve = ipv6Frame(mac, source, f.addr, nsLen, 255)
	ns := f.resolve[ethLen+ipv6Len:]
	ns[0] = typeNS
	copy(ns[8:], a[:])
	ns[24], ns[25] = 1, 1
	copy(ns[26:], mac)

	f.echo = ipv6Frame(mac, source, f.addr, icmpLen+payloadLen, 64)
	f.echo[ethLen+ipv6Len] = typeEchoRequest6
}

func ipv6Frame(mac net.HardwareAddr, src, dst netip.Addr, size int, hops byte) []byte {
	b := ethernet(ipv6Len+size, mac, etherIPv6)
	ip := b[ethLen:]
	ip[0] = 0x60
	binary.BigEndian.PutUint16(ip[4:], uint16(size))
	ip[6], ip[7] = protoICMPv6, hops
	copy(ip[8:], src.AsSlice())
	copy(ip[24:], dst.AsSlice())
	return b
}

// echoTo is the echo request to one MAC. Its identifier and sequence number are
// taken from seq; the reply is recognised by the payload.
func (f *frames) echoTo(mac [6]byte, seq uint32, p payload) []byte {
	copy(f.echo, mac[:])
	head := ethLen + ipv4Len
	if f.node != nil {
		head = ethLen + ipv6Len
	}
	icmp := f.echo[head:]
	icmp[2], icmp[3] = 0, 0
	binary.BigEndian.PutUint32(icmp[4:], seq)
	p.put(icmp[icmpLen:])
	f.sum(f.echo, icmp)
	return f.echo
}

// resolveTo is the ARP request or neighbour solicitation from a spare address.
// One for the group address of a link goes to everybody.
func (f *frames) resolveTo(mac [6]byte, spare int, everybody bool) []byte {
	b := f.resolve
	if everybody {
		copy(b, f.group)
	} else {
		copy(b, mac[:])
	}
	if f.node == nil {
		copy(b[ethLen+14:], f.spare[spare])
		return b
	}
	ip := b[ethLen:]
	copy(ip[8:24], f.spare[spare])
	if everybody {
		copy(ip[24:40], f.solicited)
	} else {
		copy(ip[24:40], f.node)
	}
	icmp := ip[ipv6Len:]
	icmp[2], icmp[3] = 0, 0
	f.sum(b, icmp)
	return b
}

// sum sets the ICMP checksum, whose field is zero.
func (f *frames) sum(frame, icmp []byte) {
	var pseudo uint32
	if f.node != nil {
		// RFC 8200 section 8.1.
		pseudo = add(uint32(len(icmp))+protoICMPv6, frame[ethLen+8:ethLen+40])
	}
	binary.BigEndian.PutUint16(icmp[2:], checksum(pseudo, icmp))
}

// checksum is that of RFC 1071, over an even number of bytes.
func checksum(sum uint32, b []byte) uint16 {
	sum = add(sum, b)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

func add(sum uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	return sum
}
