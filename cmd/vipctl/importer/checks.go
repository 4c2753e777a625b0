package importer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vipd/cluster/spec"
	"vipd/cluster/state"
	"vipd/vrrp/keepalived"
)

// fate is what became of one of keepalived's checks.
type fate struct {
	name string // of vipd's check; empty: it was left out
	// verdict and text are of what it looks at, or of why it was left out.
	verdict keepalived.Verdict
	text    string
	isRun   bool // as a script
}

// checks translates those that are tracked.
func (t *translation) checks(s *spec.Spec) {
	t.fates = map[string]fate{}
	for _, k := range t.keepalived.Checks {
		first, tracked := t.firstUse(k.Name)
		if !tracked {
			t.fates[k.Name] = fate{verdict: keepalived.NotNeeded, text: "no instance tracks it, so keepalived does not run it either"}
			continue
		}
		c := state.Check{Name: t.freeCheckName(k.Name), Interval: time.Second, Rise: 1, Fall: 1, InitFail: k.InitFail}
		f := fate{name: c.Name, verdict: keepalived.Kept}
		switch k.Kind {
		case keepalived.CheckScript:
			t.script(&c, &f, k)
		case keepalived.CheckProcess:
			process(&c, &f, k)
		case keepalived.CheckFile:
			file(&c, &f, k)
		}
		t.fates[k.Name] = f
		if f.name == "" {
			continue
		}
		c.Weight, c.Reverse = bounded(first.Weight, t.limitOf(k.Name)), first.Reverse
		t.checkNames = append(t.checkNames, c.Name)
		s.Checks = append(s.Checks, c)
	}
}

// maxInterval is the longest between two runs.
const maxInterval = time.Hour

func (t *translation) script(c *state.Check, f *fate, k keepalived.Check) {
	c.Interval, c.Rise, c.Fall = min(k.Interval, maxInterval), max(k.Rise, 1), max(k.Fall, 1)
	c.Timeout = c.Interval
	if k.Timeout > 0 {
		c.Timeout = min(k.Timeout, maxInterval)
	}
	if name, how := processOf(k.Command); name != "" {
		c.Process = &state.ProcessCheck{Name: name, Quorum: 1}
		f.verdict, f.text = keepalived.Translated, how
		return
	}
	if at := portOf(k.Command); at != "" {
		c.TCP = at
		f.verdict, f.text = keepalived.Translated, "connects itself and runs nothing"
		return
	}
	c.Script, f.text = scriptOf(k.Command, forCheck)
	f.verdict, f.isRun = keepalived.Translated, true
	if c.Script == nil {
		f.name, f.verdict = "", keepalived.Unsupported
	}
}

func process(c *state.Check, f *fate, k keepalived.Check) {
	c.Timeout, c.Process = c.Interval, &state.ProcessCheck{Quorum: k.Quorum, QuorumMax: max(k.QuorumMax, 0)}
	c.Fall = max(1, int((k.Delay+c.Interval-1)/c.Interval))
	p := c.Process
	switch {
	case len(k.Command) == 0:
		f.name, f.verdict, f.text = "", keepalived.Unsupported, "it names no process; add a check by hand"
	case k.FullCommand || len(k.Command) > 1:
		p.Name, p.FullCommand = strings.Join(k.Command, " "), true
		f.verdict = keepalived.Translated
		f.text = "compared with the whole command line"
	default:
		p.Name = filepath.Base(k.Command[0])
		if p.Name != k.Command[0] {
			f.verdict, f.text = keepalived.Translated, "looked for by its name, "+p.Name
		}
	}
	if k.QuorumMax == 0 {
		p.Quorum, f.name = 1, ""
		f.verdict, f.text = keepalived.Unsupported, "vipd wants processes to run, not none; have a script look, and add a check of it by hand"
	}
}

func file(c *state.Check, f *fate, k keepalived.Check) {
	c.Timeout, c.File = c.Interval, filepath.Clean(k.Path)
	f.verdict, f.text = keepalived.Translated, "read every second; a file that is missing counts as 0"
	if !filepath.IsAbs(k.Path) {
		f.name, f.verdict, f.text = "", keepalived.Unsupported, "its path is not absolute; add a check by hand"
	}
}

// everyUse calls f with each use of a check.
func (t *translation) everyUse(f func(keepalived.Use)) {
	for _, g := range t.keepalived.Groups {
		for _, u := range g.Checks {
			f(u)
		}
	}
	for _, g := range t.keepalived.SyncGroups {
		for _, u := range g.Checks {
			f(u)
		}
	}
}

// firstUse is the first that is made of a check, whose weight and direction become the check's own.
func (t *translation) firstUse(name string) (first keepalived.Use, tracked bool) {
	t.everyUse(func(u keepalived.Use) {
		if u.Name == name && !tracked {
			first, tracked = u, true
		}
	})
	return first, tracked
}

// bounded makes a weight one of vipd's. A larger one would do the same.
func bounded(weight, limit int) int { return min(max(weight, -limit), limit) }

// limitOf is the limit of the weight of one of keepalived's checks.
func (t *translation) limitOf(name string) int {
	isFile := func(c keepalived.Check) bool { return c.Name == name && c.Kind == keepalived.CheckFile }
	if slices.ContainsFunc(t.keepalived.Checks, isFile) {
		return state.MaxFileWeight
	}
	return state.MaxWeight
}

// uses translates what an instance, and the sync group around it, track.
func (t *translation) uses(s *spec.Spec, out *state.Group, g keepalived.Group) {
	t.addUses(s, out, g, g.Checks, g.TrackInterfaces)
	for _, sync := range t.keepalived.SyncGroups {
		if slices.Contains(sync.Groups, g.Name) {
			t.addUses(s, out, g, sync.Checks, sync.TrackInterfaces)
		}
	}
}

func (t *translation) addUses(s *spec.Spec, out *state.Group, g keepalived.Group, checks, ifaces []keepalived.Use) {
	add := func(name string, of keepalived.Use, limit int) {
		use := state.CheckUse{Name: name, Weight: bounded(of.Weight, limit), Reverse: of.Reverse}
		i := slices.IndexFunc(out.Checks, func(u state.CheckUse) bool { return u.Name == name })
		switch {
		case i < 0:
			out.Checks = append(out.Checks, use)
		case use.Weight == 0:
			out.Checks[i] = use // the sync group's fault is that of its instances
		}
	}
	for _, u := range checks {
		if name := t.fates[u.Name].name; name != "" {
			add(name, u, t.limitOf(u.Name))
		}
	}
	for _, u := range ifaces {
		if !watched(g, u) {
			add(t.linkCheck(s, u), u, state.MaxWeight)
		}
	}
}

// watched reports whether an interface counts for a group anyway, since the group has addresses on it: a node whose
// interface is down cannot hold the group, in keepalived too.
func watched(g keepalived.Group, u keepalived.Use) bool {
	return u.Weight <= 0 && !u.Reverse && (g.Interface == u.Name || slices.ContainsFunc(g.Addresses, func(a keepalived.GroupAddress) bool { return a.Dev == u.Name }))
}

// linkCheck is the name of an interface's check, which it makes at the first use.
func (t *translation) linkCheck(s *spec.Spec, u keepalived.Use) string {
	if name := t.links[u.Name]; name != "" {
		return name
	}
	name := t.freeCheckName(u.Name)
	if t.links == nil {
		t.links = map[string]string{}
	}
	t.links[u.Name] = name
	t.checkNames = append(t.checkNames, name)
	s.Checks = append(s.Checks, state.Check{Name: name, Interface: u.Name, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1, Weight: bounded(u.Weight, state.MaxWeight), Reverse: u.Reverse})
	return name
}

func (t *translation) freeCheckName(name string) string { return free(name, t.checkNames) }

// clamped says so where a weight is not in vipd's range.
func clamped(weight, limit int) string {
	if bounded(weight, limit) != weight {
		return fmt.Sprintf("with the weight %d, which comes to the same", bounded(weight, limit))
	}
	return ""
}
