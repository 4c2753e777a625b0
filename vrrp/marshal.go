package vrrp

import (
	"encoding/binary"
	"fmt"
	"time"
)

// typeAdvertisement is the only message type (RFC 9568 section 5.2.2).
const typeAdvertisement = 1

// Marshal encodes the advertisement with the checksum that w asks for.
func (a Advertisement) Marshal(w Wire) ([]byte, error) {
	if err := a.check(w); err != nil {
		return nil, fmt.Errorf("marshal %v: %w", a, err)
	}
	b := make([]byte, 0, headerLen+len(a.Addresses)*w.addressLen()+w.authLen(a.Version))
	b = append(b, a.Version<<4|typeAdvertisement, a.VRID, a.Priority, uint8(len(a.Addresses)))
	if a.Version == V2 {
		b = append(b, uint8(a.Auth.Type), uint8(a.Interval/time.Second))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(a.Interval/(10*time.Millisecond)))
	}
	b = append(b, 0, 0)
	for _, ip := range a.Addresses {
		b = append(b, ip.AsSlice()...)
	}
	if w.authLen(a.Version) > 0 {
		b = append(b, a.Auth.Data[:]...)
	}
	binary.BigEndian.PutUint16(b[checksumOffset:], checksum(b, w, w.pseudoForm(a.Version)))
	return b, nil
}

// check reports what the packet could not carry.
func (a Advertisement) check(w Wire) error {
	switch {
	case a.Version != V2 && a.Version != V3:
		return fmt.Errorf("version %d: %w", a.Version, BadVersion)
	case a.VRID == 0:
		return BadVRID
	case !w.Src.IsValid() || !w.Dst.IsValid() || w.Src.Is6() != w.is6():
		return fmt.Errorf("from %v to %v: %w", w.Src, w.Dst, BadFamily)
	case len(a.Addresses) > 255:
		return fmt.Errorf("%d addresses, 255 fit: %w", len(a.Addresses), BadLength)
	case a.Auth != Auth{} && w.authLen(a.Version) == 0:
		return fmt.Errorf("only version 2 over IPv4 has authentication: %w", BadAuthType)
	}
	for _, ip := range a.Addresses {
		if ip.Is6() != w.is6() {
			return fmt.Errorf("address %v: %w", ip, BadFamily)
		}
	}
	return checkInterval(a.Version, a.Interval)
}

// checkInterval reports an interval that the version's packets cannot carry.
func checkInterval(version uint8, d time.Duration) error {
	unit, limit := 10*time.Millisecond, MaxInterval3
	if version == V2 {
		unit, limit = time.Second, MaxInterval2
	}
	if d < unit || d > limit || d%unit != 0 {
		return fmt.Errorf("%v is not between %v and %v in steps of %v: %w", d, unit, limit, unit, BadInterval)
	}
	return nil
}
