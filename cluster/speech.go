package cluster

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"vipd/cluster/state"
	"vipd/vip"
	"vipd/vip/announce"
	"vipd/vrrp"
)

// allow makes the virtual routers those of what this node may hold, and returns what it shall carry: the groups
// without VRRP, and those whose router is master. A router that has to stop is silent when allow returns.
// alone is nil, or what this node may hold without a lease.
func (s *speaker) allow(view *state.State, tenancy state.Tenancy, alone repertoire) []state.Holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alone = alone
	s.inspect(view)
	s.stale = true // the state may name another priority
	wanted := map[string]state.Holding{}
	for _, h := range tenancy.Held {
		if view.Groups[h.Group].VRRP != nil {
			wanted[h.Group] = h
		}
	}
	for name := range s.routers {
		if _, stays := wanted[name]; !stays {
			s.stop(name, s.followed(view, name))
		}
	}
	s.forget(view)
	var carry []state.Holding
	for _, h := range tenancy.Held {
		if _, speaks := wanted[h.Group]; !speaks || s.speak(view, tenancy, h) {
			carry = append(carry, h)
		}
	}
	if len(s.routers) > 0 {
		kick(s.wake)
	}
	return carry
}

// carryAllowed carries what this node may hold, as far as the virtual routers let it.
func (t *tenant) carryAllowed(view *state.State, tenancy state.Tenancy, alone repertoire, valid bool) bool {
	if !valid {
		tenancy.Held, tenancy.Waiting = nil, nil
	}
	t.stopwatch.wait(bootNow(), tenancy.Waiting)
	held := t.speaker.allow(view, tenancy, alone)
	c, changed := t.change(held)
	if alone == nil {
		t.settle(tenancy)
	}
	done := changed && t.conclude(c)
	if done && alone == nil {
		if fresh := t.stopwatch.stop(bootNow(), tenancy.Waiting, held); len(fresh) > 0 {
			t.carries(fresh)
		}
	}
	t.speaker.farewell()
	if again := t.speaker.again(); len(again) > 0 {
		held = slices.DeleteFunc(held, func(h state.Holding) bool { return !slices.Contains(again, h.Group) })
		t.announceTo(addressesOf(held))
	}
	return done
}

// announceTo tells the segment that addresses are here.
func (t *tenant) announceTo(list []vip.Address) {
	var targets []announce.Target
	for _, a := range list {
		targets = append(targets, announce.Target{Addr: a.Prefix.Addr(), Interface: a.Interface})
	}
	t.announce.Announce(targets)
}

// followed reports whether a group whose router stops here will not be without one: somebody else has it, or
// this node goes on to hold it without VRRP. Where it was held without a lease, a leader will see to that.
func (s *speaker) followed(view *state.State, group string) bool {
	if s.routers[group].alone {
		return s.led()
	}
	a := view.Assignments[group]
	return a != nil && a.Holder != ""
}

// speak runs the router of a group, and reports whether it is master.
func (s *speaker) speak(view *state.State, tenancy state.Tenancy, h state.Holding) bool {
	g := view.Groups[h.Group]
	r := s.routers[h.Group]
	waits := slices.ContainsFunc(tenancy.Waiting, func(w state.Holding) bool { return w.Group == h.Group })
	if r == nil && waits {
		return false // the predecessor may still be speaking
	}
	inherit := false
	if r != nil && r.alone != (s.alone != nil) {
		s.stop(h.Group, true)
		r = nil
	}
	if r != nil {
		cfg := routerConfig(g, r.station.conn.Source(), r.machine.Priority())
		if r.epoch == s.epoch() && r.iface == g.Interface && r.station.routers[cfg.VRID] == r && sameRouter(cfg, r.machine.Config()) &&
			reflect.DeepEqual(r.vmac, vmacOf(view, g, s.node)) {
			r.serial = h.Serial
			return r.carries()
		}
		inherit = r.epoch == s.epoch() && r.machine.State() == vrrp.Master
		s.stop(h.Group, true)
	}
	next, err := s.start(view, h, inherit)
	s.note(h.Group, err)
	if err != nil {
		return false
	}
	if r != nil {
		next.counts.add(r.counts)
	}
	return next.carries()
}

// start begins to speak for a group. The caller holds mu.
func (s *speaker) start(view *state.State, h state.Holding, inherit bool) (*virtualRouter, error) {
	g := view.Groups[h.Group]
	key := stationKey{g.Interface, speaksIPv6(g)}
	st, err := s.stationAt(key, view)
	if err != nil {
		return nil, err
	}
	if other := st.routers[g.VRRP.RouterID]; other != nil {
		return nil, fmt.Errorf("virtual router %d is still that of group %s", g.VRRP.RouterID, other.group)
	}
	priority := s.alone[g.Name]
	if s.alone == nil {
		priority = advertPriority(view, g, s.adjustments(view)[g.Name])
	}
	m, err := vrrp.NewMachine(routerConfig(g, st.conn.Source(), priority))
	if err != nil {
		return nil, err
	}
	r := &virtualRouter{
		group: g.Name, serial: h.Serial, epoch: s.epoch(), iface: g.Interface, machine: m, station: st,
		vmac: vmacOf(view, g, s.node), since: time.Now(), alone: s.alone != nil, falls: g.OnQuorumLoss == state.FallBack,
	}
	r.rival.unheard = r.falls && !r.alone && s.strays(view)
	if r.vmac != nil {
		if err := r.vmac.Ensure(vrrp.VMACDown); err != nil {
			return nil, err
		}
	}
	s.routers[g.Name], st.routers[g.VRRP.RouterID] = r, r
	down := 3 * g.VRRP.AdvertInt // a peer that heard the predecessor waits at least that long
	if inherit || s.alone == nil && s.heritage.inherits(g.Name, h.Serial, down) {
		s.step(r, vrrp.Inherit{})
	} else {
		s.step(r, vrrp.Start{})
	}
	return r, r.failed
}

// stop ends a router. A master that is not to be silent says so to its peers once its addresses are gone: see
// farewell. The caller holds mu.
func (s *speaker) stop(name string, silent bool) {
	r := s.routers[name]
	delete(s.routers, name)
	if id := r.machine.Config().VRID; r.station.routers[id] == r {
		delete(r.station.routers, id)
	}
	r.goodbye = r.machine.State() == vrrp.Master && !silent
	s.stopped = append(s.stopped, r)
	s.step(r, vrrp.Shutdown{Silent: true})
}

// farewell has the masters that stopped with nobody to follow tell their peers, which then need not wait. What
// else had to wait until the addresses are gone is done as well.
func (s *speaker) farewell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.stopped {
		if r.goodbye {
			s.send(r, vrrp.PriorityStop)
		}
	}
	s.putAway(s.stopped)
	s.stopped = nil
	for key, st := range s.stations {
		if len(st.routers) == 0 {
			if err := s.closeStation(key); err != nil {
				s.log.Warn("close a VRRP socket", "interface", key.iface, "error", err)
			}
		}
	}
}

// stationAt returns the interface's station, which it opens if need be. The caller holds mu.
func (s *speaker) stationAt(key stationKey, view *state.State) (*station, error) {
	if st := s.stations[key]; st != nil {
		return st, nil
	}
	st, err := openStation(key, view)
	if err != nil {
		return nil, err
	}
	s.stations[key] = st
	s.listenAt(st, key.iface)
	return st, nil
}

func (s *speaker) listenAt(st *station, iface string) {
	s.readers.Go(func() {
		st.receive(func(p vrrp.Packet) { s.deliver(st, p) }, func(err error) {
			s.log.Debug("receive adverts", "interface", iface, "error", err)
		})
	})
}

func (s *speaker) closeStation(key stationKey) error {
	st := s.stations[key]
	delete(s.stations, key)
	return st.close()
}

// recheck has the interfaces looked at again: something about them changed.
func (s *speaker) recheck() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspect = true
	clear(s.problems)
}

// inspect gives up stations whose interface or address is not what it was. Their routers go on with new ones.
func (s *speaker) inspect(view *state.State) {
	if !s.suspect {
		return
	}
	s.suspect = false
	for _, r := range s.routers {
		if r.missing() {
			s.log.Warn("somebody removed a virtual MAC", "group", r.group, "interface", r.vmac.LinkName())
			delete(r.station.routers, r.machine.Config().VRID) // speak sees that it has no station
		}
	}
	for key, st := range s.stations {
		if st.stands(key, view) {
			continue
		}
		s.log.Info("the address that adverts come from changed", "interface", key.iface)
		clear(st.routers) // speak sees that they have no station
		if err := s.closeStation(key); err != nil {
			s.log.Warn("close a VRRP socket", "interface", key.iface, "error", err)
		}
	}
}

// note remembers why this node cannot speak for a group.
func (s *speaker) note(group string, err error) {
	was := s.problems[group].text
	delete(s.problems, group)
	text := ""
	if err != nil {
		text = "it cannot speak VRRP: " + err.Error()
		s.problems[group] = problem{text, time.Now()}
	}
	if text != was {
		s.log.Warn("what this node can speak for changed", "group", group, "problem", text)
		s.reported()
	}
}

// forget drops problems of groups that are gone, and those worth another try.
func (s *speaker) forget(view *state.State) {
	for group, p := range s.problems {
		if view.Groups[group] == nil || time.Since(p.at) > problemLasts {
			delete(s.problems, group)
		}
	}
}

// unable returns what this node cannot speak for, by group, and why.
func (s *speaker) unable() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := make(map[string]string, len(s.problems))
	for group, p := range s.problems {
		why[group] = p.text
	}
	return why
}

// anyGroup returns a group that this node speaks VRRP for; "" when there is none.
func (s *speaker) anyGroup() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.routers {
		return name
	}
	return ""
}

// again returns the groups whose addresses should be announced once more.
func (s *speaker) again() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var groups []string
	for name, r := range s.routers {
		if r.again {
			r.again = false
			groups = append(groups, name)
		}
	}
	return groups
}
