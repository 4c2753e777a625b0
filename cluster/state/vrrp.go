package state

import (
	"net/netip"
	"slices"
	"time"
)

// VRRP says how a group shares its addresses with VRRP routers outside the cluster, to which the cluster is
// one router. Adverts go out on the group's interface. Whether it takes the addresses from a master of lower
// priority, and how long it leaves one alone, is the group's Preempt and PreemptDelay.
type VRRP struct {
	RouterID  uint8         `json:"virtual_router_id"` // 1..255
	Version   uint8         `json:"version"`           // 2 or 3
	AdvertInt time.Duration `json:"advert_int"`        // whole seconds in version 2, centiseconds in version 3
	AuthPass  string        `json:"auth_pass,omitempty"`
	// Priority is what the cluster advertises, 1..255; 0: the best that the group has on any node.
	Priority int `json:"priority,omitempty"`
	// UnicastPeers get adverts one by one; none: multicast. A node leaves its own address out.
	UnicastPeers []netip.Addr `json:"unicast_peers,omitempty"`
	// Excluded are those of the group's addresses that adverts do not list.
	Excluded []netip.Addr `json:"excluded,omitempty"`
	// ChecksumAsV2 forms version 3's checksum over IPv4 without a pseudo-header, as RFC 9568 wants it and
	// keepalived does on request.
	ChecksumAsV2 bool `json:"v3_checksum_as_v2,omitempty"`
	// VirtualMAC puts the addresses that are on the group's interface on a macvlan there, which has the
	// protocol's MAC address (RFC 9568 section 7.3).
	VirtualMAC bool `json:"virtual_mac,omitempty"`
}

// Advertised returns the addresses that the group's adverts list: all but the excluded ones, in order.
func (g *Group) Advertised() []netip.Addr {
	ips := g.IPs()
	if g.VRRP == nil {
		return ips
	}
	return slices.DeleteFunc(ips, func(ip netip.Addr) bool { return slices.Contains(g.VRRP.Excluded, ip) })
}

// BestPriority returns the highest priority that a group has on any of the members, alive or not; its default
// one if there are none.
func (s *State) BestPriority(g *Group) int {
	best := 0
	for name, n := range s.Nodes {
		if !n.Witness && g.Excludes(n) == "" {
			best = max(best, g.PriorityOn(name))
		}
	}
	if best == 0 {
		return g.Priority
	}
	return best
}
