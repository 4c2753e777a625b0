package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
)

// Packet is a received IP packet of protocol 112.
type Packet struct {
	Src, Dst netip.Addr
	TTL      uint8 // hop limit in IPv6
	Payload  []byte
}

// VRID is the virtual router that the packet says it is for, before anything is verified: enough to find
// the Machine that shall judge it. It is zero for what is too short to say.
func (p Packet) VRID() uint8 {
	if len(p.Payload) < 2 {
		return 0
	}
	return p.Payload[1]
}

// accept decodes a packet that counts for the virtual router. Otherwise the error wraps the Reason why it
// is dropped. An address list that differs is left to the caller, since such a packet counts (keepalived
// since 2.3.3; dropping it made two masters).
func (c *Config) accept(p Packet) (Advertisement, error) {
	if err := c.acceptHeader(p); err != nil {
		return Advertisement{}, err
	}
	if id := p.VRID(); id != c.VRID && id != 0 {
		return Advertisement{}, fmt.Errorf("%w: %d", WrongVRID, id)
	}
	if len(p.Payload) > 0 {
		// Before the checksum, whose form depends on the version.
		if v := p.Payload[0] >> 4; v != c.Version {
			return Advertisement{}, fmt.Errorf("%w: %d, configured is %d", BadVersion, v, c.Version)
		}
	}
	a, err := Parse(p.Payload, Wire{Src: p.Src.WithZone(""), Dst: p.Dst.WithZone(""), Checksum: c.Checksum})
	if err != nil {
		return Advertisement{}, err
	}
	return a, c.acceptContent(a)
}

// acceptHeader judges the IP header.
func (c *Config) acceptHeader(p Packet) error {
	src, dst := p.Src.WithZone(""), p.Dst.WithZone("")
	switch {
	case src.Is6() != c.Source.Is6() || dst.Is6() != src.Is6():
		return fmt.Errorf("%w: from %v to %v", BadFamily, src, dst)
	case src == c.Source.WithZone(""):
		return OwnPacket
	case len(c.Peers) == 0 && !dst.IsMulticast():
		return fmt.Errorf("%w: to %v", WantMulticast, dst)
	case len(c.Peers) > 0 && dst.IsMulticast():
		return fmt.Errorf("%w: to %v", WantUnicast, dst)
	case len(c.Peers) == 0 && p.TTL != TTL: // RFC 9568 section 5.1.1.3
		return fmt.Errorf("%w: %d", BadTTL, p.TTL)
	case len(c.Peers) > 0 && (p.TTL < c.MinTTL || c.MaxTTL != 0 && p.TTL > c.MaxTTL):
		return fmt.Errorf("%w: %d is not between %d and %d", BadTTL, p.TTL, c.MinTTL, c.MaxTTL)
	case c.CheckPeers && !slices.ContainsFunc(c.Peers, func(peer netip.Addr) bool { return peer.WithZone("") == src }):
		return fmt.Errorf("%w: %v", UnknownPeer, src)
	}
	return nil
}

// acceptContent compares the advert with our configuration.
func (c *Config) acceptContent(a Advertisement) error {
	switch {
	case a.Auth.Type != c.Auth.Type:
		return fmt.Errorf("%w: %v, configured is %v", BadAuthType, a.Auth.Type, c.Auth.Type)
	case !c.authOK(a.Auth):
		return AuthMismatch
	case a.Version == V2 && a.Interval != c.Interval:
		// RFC 3768 section 7.1. Version 3 adopts the master's interval instead.
		return fmt.Errorf("%w: %v, configured is %v", IntervalMismatch, a.Interval, c.Interval)
	}
	return nil
}
