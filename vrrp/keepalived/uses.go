package keepalived

import (
	"reflect"
	"slices"
)

// uses adds what a node's instance tracks to its group.
func (t *translator) uses(node string, g *Group, in *Instance) {
	checks, ifaces := t.trackingOf(node, in.Track)
	g.Checks = t.addUses(node, in, g.Checks, checks)
	g.TrackInterfaces = t.addUses(node, in, g.TrackInterfaces, ifaces)
	if len(in.Track.BFDs) > 0 {
		t.note(node, in, "track_bfd", Unsupported, "there is no BFD")
	}
}

// trackingOf resolves weights: those of the entry, or else of what is tracked.
func (t *translator) trackingOf(node string, tr Tracking) (checks, ifaces []Use) {
	c := t.nodes[node]
	for _, e := range tr.Scripts {
		for _, s := range c.Scripts {
			if s.Name == e.Name {
				checks = append(checks, use(e, s.Weight, s.Reverse))
			}
		}
	}
	for _, e := range tr.Processes {
		for _, p := range c.Processes {
			if p.Name == e.Name {
				checks = append(checks, use(e, p.Weight, p.Reverse))
			}
		}
	}
	for _, e := range tr.Files {
		for _, f := range c.Files {
			if f.Name == e.Name {
				checks = append(checks, use(e, f.Weight, f.Reverse))
			}
		}
	}
	for _, e := range tr.Interfaces {
		ifaces = append(ifaces, use(e, 0, false))
	}
	return checks, ifaces
}

func use(e Track, weight int, reverse bool) Use {
	if e.HasWeight {
		return Use{e.Name, e.Weight, e.Reverse}
	}
	return Use{e.Name, weight, reverse || e.Reverse}
}

// addUses joins two nodes' uses; the weight said first counts.
func (t *translator) addUses(node string, in *Instance, have, more []Use) []Use {
	for _, u := range more {
		i := slices.IndexFunc(have, func(h Use) bool { return h.Name == u.Name })
		switch {
		case i < 0:
			have = append(have, u)
		case have[i] != u:
			t.noteLine(node, in.Name, u.Name, Unsupported, "another node gives it another weight, which counts")
		}
	}
	return have
}

// noteLine changes what is reported about a tracked name inside an instance.
func (t *translator) noteLine(node, instance, name string, v Verdict, text string) {
	for i := range t.reports[node] {
		e := &t.reports[node][i]
		if containsAll(e.Directive, "vrrp_instance "+instance) && containsWord(e.Directive, name) {
			e.Verdict, e.Text = v, text
		}
	}
}

// checks adds a node's definitions. The nodes must agree on each, since a check is the same everywhere.
func (t *translator) checks(node string, c *Config) {
	for _, s := range c.Scripts {
		if len(s.Command) == 0 {
			continue
		}
		t.addCheck(s.Pos, Check{Name: s.Name, Kind: CheckScript, Command: s.Command, User: s.User, Interval: s.Interval,
			Timeout: s.Timeout, Rise: s.Rise, Fall: s.Fall, InitFail: s.InitFail})
	}
	for _, p := range c.Processes {
		t.addCheck(p.Pos, Check{Name: p.Name, Kind: CheckProcess, Command: p.Command, Quorum: p.Quorum, QuorumMax: p.QuorumMax,
			Delay: p.Delay, FullCommand: p.Full})
	}
	for _, f := range c.Files {
		t.addCheck(f.Pos, Check{Name: f.Name, Kind: CheckFile, Path: f.Path})
	}
}

func (t *translator) addCheck(at Pos, c Check) {
	for _, have := range t.result.Checks {
		if have.Name != c.Name {
			continue
		}
		if !reflect.DeepEqual(have, c) {
			t.refuse(at, "the check %s is another one on another node; give it another name", c.Name)
		}
		return
	}
	t.result.Checks = append(t.result.Checks, c)
}

// syncGroup adds a node's sync group.
func (t *translator) syncGroup(node string, g *SyncGroup) {
	groups := t.groupsOf(node, g)
	for _, have := range t.result.SyncGroups {
		if have.Name == g.Name {
			if !slices.Equal(have.Groups, groups) {
				t.refuse(g.Pos, "vrrp_sync_group %s has other members on another node", g.Name)
			}
			return
		}
	}
	checks, ifaces := t.trackingOf(node, g.Track)
	t.result.SyncGroups = append(t.result.SyncGroups, Together{g.Name, groups, checks, ifaces, g.Notify})
	for _, name := range groups {
		t.groups[name].SyncGroup = g.Name
	}
}

// groupsOf is the groups that a sync group's instances became, sorted. Weights of what the members track
// count in keepalived only with sync_group_tracking_weight.
func (t *translator) groupsOf(node string, g *SyncGroup) (groups []string) {
	for _, name := range g.Instances {
		found := t.joined[member{node, name}]
		if found == nil {
			continue // the instance was refused
		}
		groups = append(groups, found.Name)
		for _, u := range found.Checks {
			if u.Weight != 0 && !g.Weights {
				t.noteLine(node, name, u.Name, Translated, "with its weight; keepalived ignores the weight in a sync group, and takes a failure for a fault")
			}
		}
	}
	slices.Sort(groups)
	return groups
}
