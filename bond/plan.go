package bond

import "slices"

// Plan returns what has to change, in order, for the bond to be as configured;
// nothing if it is, or if it is to be left alone. The configuration must be
// valid and Check have found no problem. Addresses and routes on the bond that
// the configuration does not know stay.
func Plan(cfg Config, actual Actual) []Change {
	if LeftAlone(cfg, actual) != "" {
		return nil
	}
	p := &planner{cfg: cfg, actual: actual, up: actual.Link.Up}
	p.plan()
	return p.changes
}

// planner collects the changes of one plan.
type planner struct {
	cfg     Config
	actual  Actual
	up      bool // the bond, at this point of the plan
	parked  bool // taken down on the way, its routes are gone
	changes []Change
	// moved are addresses and routes that were taken off a link on the way and
	// have to be on the bond at the end.
	addresses []Address
	routes    []Route
}

func (p *planner) do(c Change) { p.changes = append(p.changes, c) }

func (p *planner) plan() {
	diffs := p.optionDiffs()
	out := p.prepare(diffs)
	for _, d := range diffs {
		if d.key == "mode" {
			for _, reset := range resetByMode(p.actual) {
				p.do(reset)
			}
		}
		if d.key != "primary" {
			p.do(d)
		}
	}
	p.planMTU()
	idle, carrying := p.newMembers(out)
	for _, m := range idle {
		p.join(m)
	}
	if !p.up && len(idle) > 0 {
		p.do(setUp{p.cfg.Name})
		p.up = true
	}
	if len(idle) > 0 && len(carrying) > 0 {
		p.do(awaitLink{p.cfg.Name})
	}
	for _, m := range carrying {
		p.strip(m)
		p.join(m)
	}
	if mac := p.macToKeep(out, idle, carrying); mac != "" {
		p.do(keepMAC{p.cfg.Name, mac})
	}
	if !p.up {
		p.do(setUp{p.cfg.Name})
	}
	p.planAddresses()
	p.planPrio(out)
	for _, d := range diffs {
		if d.key == "primary" {
			p.do(d)
		}
	}
	p.releaseExtra(out)
	if len(carrying) > 0 {
		p.do(announce{p.cfg.Name})
	}
}

// prepare creates the bond, or brings it into the state in which its options
// can be changed. It returns whether all members were released for that.
func (p *planner) prepare(diffs []setOption) (out bool) {
	if !p.actual.Exists {
		p.do(createBond{p.cfg.Name, p.cfg.mode()})
		return false
	}
	needs := always
	for _, d := range diffs {
		needs = max(needs, findOption(d.key).when)
	}
	if needs > always && p.up {
		p.park()
	}
	out = needs == noMembers && len(p.actual.Members) > 0
	if out {
		// Without members the bond forgets its address. This brings it back when
		// the plan is taken back; macToKeep does on the way there.
		p.do(keepMAC{p.cfg.Name, p.actual.Link.MAC})
		for _, m := range p.actual.Members {
			p.do(release{p.cfg.Name, m})
		}
	}
	return out
}

// park takes the bond down, after what would be lost by that.
func (p *planner) park() {
	link := p.actual.Link
	for _, r := range slices.Backward(link.Routes) {
		p.do(delRoute{link.Name, r})
	}
	for _, a := range slices.Backward(link.Addresses) {
		if a.Prefix().Addr().Is6() {
			p.do(delAddress{link.Name, a})
			p.addresses = append([]Address{a}, p.addresses...)
		}
	}
	p.routes = append(p.routes, link.Routes...)
	p.do(setDown{link.Name})
	p.up, p.parked = false, true
}

func (p *planner) planMTU() {
	now, want := p.actual.Link.MTU, 0
	if p.cfg.MTU != nil {
		want = *p.cfg.MTU
	}
	if !p.actual.Exists {
		now = 1500
		if want == 0 {
			want = p.commonMTU()
		}
	}
	if want != 0 && want != now {
		p.do(setMTU{p.cfg.Name, now, want})
	}
}

// commonMTU is what a new bond gets where the file states none: that of the
// member the host is using, else the smallest.
func (p *planner) commonMTU() int {
	smallest := 0
	for _, name := range p.cfg.MemberNames() {
		link, ok := p.actual.Links[name]
		if ok && link.carries() {
			return link.MTU
		}
		if ok && (smallest == 0 || link.MTU < smallest) {
			smallest = link.MTU
		}
	}
	return smallest
}

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
