package vrrp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// Parse decodes a message, the payload of an IP packet that travelled as w says. The error wraps a Reason;
// the advertisement is then zero.
//
// The length must be exact (RFC 9568 section 5.2), except that an IPv4 packet shorter than Ethernet's
// smallest frame may have been padded by a sender that counted the padding as payload.
func Parse(b []byte, w Wire) (Advertisement, error) {
	if len(b) < headerLen {
		return Advertisement{}, fmt.Errorf("%w: %d bytes", BadLength, len(b))
	}
	version, kind := b[0]>>4, b[0]&0x0f
	if version != V2 && version != V3 {
		return Advertisement{}, fmt.Errorf("%w: %d", BadVersion, version)
	}
	if kind != typeAdvertisement {
		return Advertisement{}, fmt.Errorf("%w: %d", BadType, kind)
	}
	want := headerLen + int(b[3])*w.addressLen() + w.authLen(version)
	if len(b) != want && !padded(len(b), want, w) {
		return Advertisement{}, fmt.Errorf("%w: %d bytes where %d addresses make %d", BadLength, len(b), b[3], want)
	}
	b = b[:want]
	if !checksumOK(b, w, version) {
		return Advertisement{}, BadChecksum
	}
	a := Advertisement{Version: version, VRID: b[1], Priority: b[2]}
	if a.VRID == 0 {
		return Advertisement{}, BadVRID
	}
	a.parseAddresses(b[headerLen:], int(b[3]), w)
	if err := a.parseVersion(b, w); err != nil {
		return Advertisement{}, err
	}
	return a, nil
}

// Ethernet's smallest payload, and IPv4's header without options.
const (
	minEthernetPayload = 46
	ipv4HeaderLen      = 20
)

// padded reports whether the bytes beyond want are Ethernet padding.
func padded(got, want int, w Wire) bool {
	return !w.is6() && got > want && ipv4HeaderLen+got <= minEthernetPayload
}

func (a *Advertisement) parseAddresses(b []byte, n int, w Wire) {
	size := w.addressLen()
	for i := range n {
		ip, _ := netip.AddrFromSlice(b[i*size : (i+1)*size]) // the length is 4 or 16
		a.Addresses = append(a.Addresses, ip)
	}
}

// parseVersion decodes what differs between the versions: authentication and interval.
func (a *Advertisement) parseVersion(b []byte, w Wire) error {
	if a.Version == V3 {
		// The four high bits are reserved and ignored (RFC 9568 section 5.2.6).
		a.Interval = time.Duration(binary.BigEndian.Uint16(b[4:])&0x0fff) * 10 * time.Millisecond
	} else {
		a.Interval = time.Duration(b[5]) * time.Second
		if err := a.parseAuth(b, w); err != nil {
			return err
		}
	}
	if a.Interval == 0 {
		return BadInterval
	}
	return nil
}

func (a *Advertisement) parseAuth(b []byte, w Wire) error {
	switch t := AuthType(b[4]); {
	case t != AuthNone && t != AuthPass:
		return fmt.Errorf("%w: %d", BadAuthType, b[4])
	case w.authLen(V2) == 0:
		// Over IPv6 there is no field, so a type has nothing to refer to.
		return nil
	case t == AuthPass:
		a.Auth.Type = t
		copy(a.Auth.Data[:], b[len(b)-8:])
	}
	return nil // without authentication the data are ignored (RFC 3768 section 5.3.10)
}
