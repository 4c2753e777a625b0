package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"

	"vipd/cluster/state"
	"vipd/vrrp"
)

// vmacOf is the interface that gives a group's virtual router the protocol's MAC address; nil if the group uses
// its interface's own. Where one number is in use on several interfaces, all but the first have longer names.
func vmacOf(view *state.State, g *state.Group, owner string) *vrrp.VirtualMAC {
	if g.VRRP == nil || !g.VRRP.VirtualMAC {
		return nil
	}
	v := &vrrp.VirtualMAC{Parent: g.Interface, VRID: g.VRRP.RouterID, IPv6: speaksIPv6(g), Owner: owner}
	parents := map[string]bool{}
	for _, other := range view.Groups {
		if other.VRRP != nil && other.VRRP.VirtualMAC && other.VRRP.RouterID == v.VRID && speaksIPv6(other) == v.IPv6 {
			parents[other.Interface] = true
		}
	}
	if place := slices.Index(slices.Sorted(maps.Keys(parents)), g.Interface); place > 0 {
		v.Name = fmt.Sprintf("%s.%d", v.LinkName(), place+1)
	}
	return v
}

func speaksIPv6(g *state.Group) bool { return g.Advertised()[0].Is6() }

// onVirtualMACs has addresses of the groups' interfaces on the virtual MACs there, where groups have them.
func onVirtualMACs(view *state.State, owner string, holdings []state.Holding) {
	for i, h := range holdings {
		g := view.Groups[h.Group]
		v := vmacOf(view, g, owner)
		if v == nil {
			continue
		}
		placed := slices.Clone(h.Addresses)
		for j := range placed {
			if placed[j].Interface == g.Interface {
				placed[j].Interface = v.LinkName()
			}
		}
		holdings[i].Addresses = placed
	}
}

// raise readies a master's virtual MAC, before its first advert. While it is up, multicast adverts go out and
// come in there; unicast ones stay with the interface, which is the one that peers know the source address of.
// The caller holds mu.
func (s *speaker) raise(r *virtualRouter) error {
	if r.vmac == nil || r.raised {
		return nil
	}
	if err := r.vmac.Ensure(vrrp.VMACUp); err != nil {
		return err
	}
	r.raised = true
	if len(r.machine.Config().Peers) > 0 {
		return nil
	}
	name := r.vmac.LinkName()
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", name, err)
	}
	conn, err := vrrp.Listen(context.Background(), vrrp.ConnConfig{Interface: name, Source: r.station.conn.Source(), Borrowed: true})
	if err != nil {
		return err
	}
	r.own = newStation(conn, ifi.Index)
	r.own.routers[r.machine.Config().VRID] = r
	s.listenAt(r.own, name)
	return nil
}

// lower silences the virtual MAC of a router that is not master any more, once the addresses are gone; wanted
// says what is to be left. The caller holds mu.
func (s *speaker) lower(r *virtualRouter, wanted vrrp.VMACWanted) {
	if r.vmac == nil {
		return
	}
	var err error
	if r.own != nil {
		err = r.own.close()
		r.own = nil
	}
	r.raised = false
	if err = errors.Join(err, r.vmac.Ensure(wanted)); err != nil {
		s.log.Warn("put away a virtual MAC", "group", r.group, "error", err)
	}
}

// putAway does for virtual MACs what has to wait until addresses are gone: those of backups are silenced, and
// those of routers that stopped removed, unless another router has taken them over. The caller holds mu.
func (s *speaker) putAway(stopped []*virtualRouter) {
	inUse := map[string]bool{}
	for _, r := range s.routers {
		if r.vmac != nil {
			inUse[r.vmac.LinkName()] = true
		}
		if r.raised && r.machine.State() != vrrp.Master {
			s.lower(r, vrrp.VMACDown)
		}
	}
	for _, r := range stopped {
		if r.vmac != nil && inUse[r.vmac.LinkName()] {
			if r.own != nil {
				s.warn("close a VRRP socket", r.group, r.own.close())
			}
			continue
		}
		s.lower(r, vrrp.NoVMAC)
	}
}

func (s *speaker) warn(what, group string, err error) {
	if err != nil {
		s.log.Warn(what, "group", group, "error", err)
	}
}

// missing reports whether somebody removed a virtual MAC that a router uses.
func (r *virtualRouter) missing() bool {
	if r.own == nil {
		return false
	}
	ifi, err := net.InterfaceByName(r.vmac.LinkName())
	return err != nil || ifi.Index != r.own.index
}
