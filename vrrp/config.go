package vrrp

import (
	"crypto/subtle"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Config is one virtual router as this host sees it. To change anything but the priority, stop the Machine
// silently, make another and let it Inherit or Start.
type Config struct {
	Version  uint8 // V2 or V3
	VRID     uint8 // 1 to 255
	Priority uint8 // 1 to 255; PriorityOwner starts as MASTER and never waits
	Interval time.Duration
	// Addresses are advertised, all of one family. Peers compare the list with theirs, in any order.
	Addresses []netip.Addr
	Auth      Auth     // version 2 over IPv4
	Checksum  Checksum // version 3 over IPv4
	// Source is the address our adverts come from. It decides the family, and ties between masters.
	Source netip.Addr

	// Peers, if any, get the adverts one by one instead of Group.
	Peers []netip.Addr
	// Group is the multicast group; Group4 or Group6 when it is not valid.
	Group netip.Addr
	// CheckPeers drops unicast adverts from others than Peers, which keepalived does only on request.
	CheckPeers bool
	// MinTTL and MaxTTL bound the TTL of unicast adverts; MaxTTL zero is 255. Multicast adverts must have 255.
	MinTTL, MaxTTL uint8

	// NoPreempt leaves a master of lower priority alone. An owner preempts regardless (RFC 9568 section 6.1).
	NoPreempt bool
	// PreemptDelay is how long a master of lower priority is left alone, counted from its first advert.
	PreemptDelay time.Duration
	// DownAdverts is how many adverts may be missed; zero is 3, the RFCs' number.
	DownAdverts int
	// LowerPrioNoAdvert keeps a master from answering adverts of lower priority at once.
	LowerPrioNoAdvert bool
	// HigherPrioSendAdvert makes a master send one more advert before it yields to a higher one.
	HigherPrioSendAdvert bool
}

// defaultDownAdverts is the 3 in Active_Down_Interval (RFC 9568 section 6.1).
const defaultDownAdverts = 3

// group is the multicast group in use.
func (c *Config) group() netip.Addr {
	switch {
	case c.Group.IsValid():
		return c.Group
	case c.Source.Is6():
		return Group6
	}
	return Group4
}

// Destinations are where each advert goes: the peers, or the group.
func (c *Config) Destinations() []netip.Addr {
	if len(c.Peers) > 0 {
		return c.Peers
	}
	return []netip.Addr{c.group()}
}

// Validate reports why no virtual router can run like this, or nil.
func (c *Config) Validate() error {
	if c.Priority == 0 {
		return fmt.Errorf("virtual router %d: priority 0 is for adverts of a router that stops", c.VRID)
	}
	if c.Group.IsValid() && !c.Group.IsMulticast() {
		return fmt.Errorf("virtual router %d: %v is not a multicast group", c.VRID, c.Group)
	}
	if c.DownAdverts < 0 || c.PreemptDelay < 0 {
		return fmt.Errorf("virtual router %d: neither missed adverts nor delays can be negative", c.VRID)
	}
	for _, dst := range c.Destinations() {
		if err := c.advertisement(c.Priority).check(c.wire(dst)); err != nil {
			return fmt.Errorf("virtual router %d: %w", c.VRID, err)
		}
	}
	return nil
}

func (c *Config) wire(dst netip.Addr) Wire {
	return Wire{Src: c.Source.WithZone(""), Dst: dst.WithZone(""), Checksum: c.Checksum}
}

func (c *Config) advertisement(priority uint8) Advertisement {
	return Advertisement{Version: c.Version, VRID: c.VRID, Priority: priority, Interval: c.Interval,
		Addresses: c.Addresses, Auth: c.Auth}
}

// authOK compares in constant time, so that a password cannot be guessed byte by byte. Without
// authentication the data mean nothing (RFC 3768 section 5.3.10).
func (c *Config) authOK(got Auth) bool {
	return c.Auth.Type == AuthNone || subtle.ConstantTimeCompare(c.Auth.Data[:], got.Data[:]) == 1
}

// sameAddresses compares the lists as sets.
func (c *Config) sameAddresses(got []netip.Addr) bool {
	if len(got) != len(c.Addresses) {
		return false
	}
	for _, ip := range c.Addresses {
		if !slices.Contains(got, ip.WithZone("")) {
			return false
		}
	}
	return true
}
