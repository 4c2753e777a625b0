package vrrp

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Protocol numbers and the addresses adverts go to (RFC 9568 section 5.1).
const (
	Protocol = 112 // IP protocol number
	TTL      = 255 // of every multicast advert; a receiver drops any other
)

// The multicast groups (RFC 9568 sections 5.1.1.2 and 5.1.2.2).
var (
	Group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	Group6 = netip.MustParseAddr("ff02::12")
)

// Versions of the protocol.
const (
	V2 = 2 // RFC 3768
	V3 = 3 // RFC 5798, RFC 9568
)

// Priorities with a meaning of their own (RFC 9568 section 5.2.4).
const (
	PriorityStop  = 0   // the sender stops being master
	PriorityOwner = 255 // the sender owns the addresses
)

// The longest intervals that the packets can carry.
const (
	MaxInterval2 = 255 * time.Second            // RFC 3768 section 5.3.7: 8 bits of seconds
	MaxInterval3 = 4095 * 10 * time.Millisecond // RFC 9568 section 5.2.7: 12 bits of centiseconds
)

// AuthType is version 2's authentication type (RFC 3768 section 5.3.6 and, historically, RFC 2338).
type AuthType uint8

// The authentication types. AH (2) is not supported: its packets are not protocol 112.
const (
	AuthNone AuthType = 0
	AuthPass AuthType = 1
)

// String is keepalived's name of the type.
func (t AuthType) String() string {
	switch t {
	case AuthNone:
		return "NONE"
	case AuthPass:
		return "PASS"
	}
	return fmt.Sprintf("AuthType(%d)", uint8(t))
}

// Auth is version 2's authentication field. Over IPv4 its eight bytes are always in the packet; over IPv6
// never, and version 3 has none.
type Auth struct {
	Type AuthType
	Data [8]byte // zero for AuthNone
}

// Password is plain-text authentication. Only the first eight bytes count, as in keepalived.
func Password(s string) Auth {
	a := Auth{Type: AuthPass}
	copy(a.Data[:], s)
	return a
}

// Advertisement is the protocol's only message. Lengths and checksums are derived when it is marshalled.
type Advertisement struct {
	Version  uint8 // V2 or V3
	VRID     uint8 // 1 to 255
	Priority uint8
	// Interval is in whole seconds in version 2 (1 s to MaxInterval2), in centiseconds in version 3
	// (10 ms to MaxInterval3).
	Interval time.Duration
	// Addresses are all of one family, in the sender's order. keepalived may send none.
	Addresses []netip.Addr
	Auth      Auth // version 2 over IPv4 only
}

// String shows everything but the password.
func (a Advertisement) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v%d vrid %d prio %d every %v", a.Version, a.VRID, a.Priority, a.Interval)
	if a.Auth.Type != AuthNone {
		fmt.Fprintf(&b, " auth %v", a.Auth.Type)
	}
	for _, ip := range a.Addresses {
		fmt.Fprintf(&b, " %v", ip)
	}
	return b.String()
}

// Wire is what an advertisement's length and checksum depend on besides its content.
type Wire struct {
	Src, Dst netip.Addr // of the IP header, without zones
	Checksum Checksum   // of version 3 over IPv4
}

// is6 reports whether the packet travels over IPv6.
func (w Wire) is6() bool { return w.Dst.Is6() }

// addressLen is the length of an address in the packet.
func (w Wire) addressLen() int {
	if w.is6() {
		return 16
	}
	return 4
}

// authLen is the length of version 2's authentication field. keepalived sends none over IPv6.
func (w Wire) authLen(version uint8) int {
	if version == V2 && !w.is6() {
		return 8
	}
	return 0
}
