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
	// restore puts back what links on top of the bond lost while it was down.
	restore []Change
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
	for _, c := range p.restore {
		p.do(c)
	}
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

// park takes the bond down, after what it and the VLANs on it would lose by
// that: all routes, and the addresses of IPv6.
func (p *planner) park() {
	for _, upper := range p.actual.Uppers {
		for _, a := range p.clear(upper) {
			p.restore = append(p.restore, addAddress{upper.Name, a})
		}
		for _, r := range upper.Routes {
			p.restore = append(p.restore, addRoute{upper.Name, r})
		}
	}
	p.addresses = append(p.addresses, p.clear(p.actual.Link)...)
	p.routes = append(p.routes, p.actual.Link.Routes...)
	p.do(setDown{p.cfg.Name})
	p.up, p.parked = false, true
}

// clear removes what a link loses when it goes down, and returns the addresses.
func (p *planner) clear(link Link) (addresses []Address) {
	for _, r := range slices.Backward(link.Routes) {
		p.do(delRoute{link.Name, r})
	}
	for _, a := range slices.Backward(link.Addresses) {
		if a.Prefix().Addr().Is6() {
			p.do(delAddress{link.Name, a})
			addresses = append(addresses, a)
		}
	}
	slices.Reverse(addresses)
	return addresses
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
