package vrrp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Checksum is how version 3's checksum is formed over IPv4, which implementations disagree about. Version 2
// never has a pseudo-header; IPv6 always has one.
type Checksum uint8

const (
	// PseudoHeader covers source, destination, protocol and length too: keepalived's reading of RFC 5798
	// section 5.2.8.
	PseudoHeader Checksum = iota
	// MessageOnly is RFC 9568 section 5.2.8, and what Cisco's and Juniper's routers send.
	MessageOnly
	// Either accepts both forms and sends PseudoHeader.
	Either
)

// String is the form's name.
func (c Checksum) String() string {
	switch c {
	case PseudoHeader:
		return "pseudo-header"
	case MessageOnly:
		return "message only"
	case Either:
		return "either"
	}
	return fmt.Sprintf("Checksum(%d)", uint8(c))
}

const headerLen = 8 // up to the first address, in both versions

// checksumOffset is where the checksum is in both versions.
const checksumOffset = 6

// checksum is the Internet checksum (RFC 1071) over msg, whose checksum field counts as it stands, and the
// pseudo-header if there is one.
func checksum(msg []byte, w Wire, pseudo bool) uint16 {
	var sum uint32
	if pseudo {
		sum = sumBytes(sum, addressBytes(w.Src))
		sum = sumBytes(sum, addressBytes(w.Dst))
		sum += Protocol + uint32(len(msg))
	}
	sum = sumBytes(sum, msg)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// sumBytes adds the 16-bit words of b. An advert's length is a multiple of four; an odd byte would count as
// the high half of a word.
func sumBytes(sum uint32, b []byte) uint32 {
	for len(b) >= 2 {
		sum += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

func addressBytes(a netip.Addr) []byte { return a.AsSlice() }

// pseudoForm reports whether the checksum covers a pseudo-header when sending.
func (w Wire) pseudoForm(version uint8) bool {
	if version == V2 {
		// RFC 3768 section 5.3.8 has none. IPv6 (RFC 8200 section 8.1) cannot do without one, and
		// keepalived leaves it to the kernel, which includes it.
		return w.is6()
	}
	return w.is6() || w.Checksum != MessageOnly
}

// checksumOK verifies a received message, whose checksum field is in place: the sum over all is then zero.
func checksumOK(msg []byte, w Wire, version uint8) bool {
	if checksum(msg, w, w.pseudoForm(version)) == 0 {
		return true
	}
	return version == V3 && !w.is6() && w.Checksum == Either && checksum(msg, w, false) == 0
}
