package bond

import "slices"

// newMembers returns the members that have to join, those apart that the host
// is using at present: they join last, when the bond already works.
func (p *planner) newMembers(out bool) (idle, carrying []Link) {
	for _, name := range p.cfg.MemberNames() {
		link, ok := p.actual.Links[name]
		if !ok || (link.Master == p.cfg.Name && !out) {
			continue
		}
		if link.Master == p.cfg.Name {
			link.Up = false // the kernel takes a released member down
		}
		if link.carries() {
			carrying = append(carrying, link)
		} else {
			idle = append(idle, link)
		}
	}
	return idle, carrying
}

// strip takes routes and addresses off a link, for the bond.
func (p *planner) strip(link Link) {
	for _, r := range slices.Backward(link.Routes) {
		p.do(delRoute{link.Name, r})
	}
	for _, a := range slices.Backward(link.Addresses) {
		p.do(delAddress{link.Name, a})
	}
	p.addresses = append(p.addresses, link.Addresses...)
	p.routes = append(p.routes, link.Routes...)
}

// join adds a member; the driver takes only links that are down.
func (p *planner) join(link Link) {
	if link.Up {
		p.do(setDown{link.Name})
	}
	p.do(enslave{p.cfg.Name, link.Name})
}

// macToKeep returns the hardware address that the bond should keep, or "" if it
// gets it by itself: that of the first member, unless fail_over_mac is in use.
func (p *planner) macToKeep(out bool, idle, carrying []Link) string {
	own := p.cfg.FailOverMAC == "" || p.cfg.FailOverMAC == "none"
	first := append(slices.Clone(idle), carrying...)
	switch {
	case !own || len(first) == 0:
		return ""
	case out && p.actual.Link.MAC != first[0].PermMAC:
		return p.actual.Link.MAC
	case !p.actual.Exists && len(carrying) > 0 && len(idle) > 0:
		return carrying[0].MAC
	}
	return ""
}

func (p *planner) planPrio(out bool) {
	if !p.cfg.mode().hasActiveMember() {
		return
	}
	for _, m := range p.cfg.Members {
		link, ok := p.actual.Links[m.Name]
		now, want := atoi(link.Prio), 0
		if m.Prio != nil {
			want = *m.Prio
		}
		if out || link.Master != p.cfg.Name {
			now = 0 // joins anew
		}
		if ok && now != want {
			p.do(setPrio{m.Name, now, want})
		}
	}
}

// releaseExtra removes members that the file does not list, last, so that the
// others carry the traffic by then.
func (p *planner) releaseExtra(out bool) {
	for _, m := range p.actual.Members {
		if !out && !slices.Contains(p.cfg.MemberNames(), m) {
			p.do(release{p.cfg.Name, m})
		}
	}
}
