package cluster

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"vipd/cluster/state"
	"vipd/vrrp"
)

// virtualRouter is the VRRP machine of a group that this node holds, and what it has been through.
type virtualRouter struct {
	group, iface string
	// serial is of the assignment, and epoch of this node's start, that let it speak.
	serial, epoch uint64
	machine       *vrrp.Machine
	station       *station
	// vmac is the interface that its addresses are on; nil: they are on the group's own. While the router is
	// master it is raised, and own is the socket there; nil with unicast.
	vmac   *vrrp.VirtualMAC
	raised bool
	own    *station
	failed error // why it could not be raised

	since   time.Time
	outside netip.Addr // the last master that was heard and is none of ours; zero when none is known
	again   bool       // the addresses should be announced once more
	alone   bool       // it speaks without a lease
	falls   bool       // its group falls back to VRRP where the majority is lost
	rival   rivalry
	goodbye bool // it stopped as master, and the peers shall know
	counts
}

// counts are of adverts: sent, not sent because the kernel refused, received and valid, dropped by reason.
type counts struct {
	sent, unsent, received uint64
	dropped                map[string]uint64
}

func (c *counts) add(more counts) {
	c.sent, c.unsent, c.received = c.sent+more.sent, c.unsent+more.unsent, c.received+more.received
	for reason, n := range more.dropped {
		c.drop(reason, n)
	}
}

func (c *counts) drop(reason string, n uint64) {
	if c.dropped == nil {
		c.dropped = map[string]uint64{}
	}
	c.dropped[reason] += n
}

// spoken is what a node says of a group's virtual router.
type spoken struct {
	Serial uint64 `json:"n"` // of the assignment that it speaks by
	State  string `json:"s"`
	Alone  bool   `json:"a,omitempty"` // it speaks without a lease
	// What follows is left out when there is too much to tell.
	Since    time.Time         `json:"t,omitzero"`
	Priority uint8             `json:"p,omitempty"`
	Master   netip.Addr        `json:"m,omitzero"` // who has the addresses, if it is known
	Sent     uint64            `json:"o,omitempty"`
	Unsent   uint64            `json:"u,omitempty"`
	Received uint64            `json:"i,omitempty"`
	Dropped  map[string]uint64 `json:"d,omitempty"`
}

func (s spoken) isMaster() bool { return s.State == vrrp.Master.String() }

func (r *virtualRouter) spoken(brief bool) spoken {
	s := spoken{Serial: r.serial, State: r.machine.State().String(), Alone: r.alone}
	if brief {
		return s
	}
	s.Since, s.Priority, s.Master = r.since, r.machine.Priority(), r.outside
	s.Sent, s.Unsent, s.Received = r.sent, r.unsent, r.received
	if r.machine.State() == vrrp.Master {
		s.Master = r.station.conn.Source()
	}
	s.Dropped = maps.Clone(r.dropped)
	return s
}

// conn is where its adverts go out.
func (r *virtualRouter) conn() *vrrp.Conn {
	if r.own != nil {
		return r.own.conn
	}
	return r.station.conn
}

// routerConfig is a group's virtual router as this node speaks for it.
func routerConfig(g *state.Group, source netip.Addr, priority uint8) vrrp.Config {
	cfg := vrrp.Config{
		Version: g.VRRP.Version, VRID: g.VRRP.RouterID, Priority: priority, Interval: g.VRRP.AdvertInt,
		Addresses: g.Advertised(), Source: source, Checksum: vrrp.Either,
		NoPreempt: !g.Preempt, PreemptDelay: g.PreemptDelay,
	}
	if g.VRRP.ChecksumAsV2 {
		cfg.Checksum = vrrp.MessageOnly
	}
	if g.VRRP.AuthPass != "" {
		cfg.Auth = vrrp.Password(g.VRRP.AuthPass)
	}
	for _, p := range g.VRRP.UnicastPeers {
		if p != source {
			cfg.Peers = append(cfg.Peers, p)
		}
	}
	if len(cfg.Peers) == 0 && len(g.VRRP.UnicastPeers) > 0 {
		cfg.Peers = []netip.Addr{source} // nobody else; without peers it would speak to all
	}
	return cfg
}

// sameRouter reports whether a machine can go on with another configuration: priority is told to it.
func sameRouter(a, b vrrp.Config) bool {
	a.Priority, b.Priority = 0, 0
	return reflect.DeepEqual(a, b)
}

// heard notes what a packet that counted says about who is master.
func (r *virtualRouter) heard(p vrrp.Packet) {
	r.received++
	switch {
	case r.machine.State() != vrrp.Backup:
		r.outside = netip.Addr{}
	case len(p.Payload) > 2 && p.Payload[2] == vrrp.PriorityStop:
		r.outside = netip.Addr{}
	default:
		r.outside = p.Src.WithZone("")
	}
}

// isDrop reports whether a machine's answer to a packet was that it does not count.
func isDrop(actions []vrrp.Action) bool {
	return slices.ContainsFunc(actions, func(a vrrp.Action) bool { _, is := a.(vrrp.Dropped); return is })
}
