package cluster

import (
	"testing"
	"time"

	"vipd/cluster/health"
	"vipd/cluster/placement"
	"vipd/cluster/state"
)

func checkNamed(name string) state.Check {
	return state.Check{Name: name, Process: &state.ProcessCheck{Name: name, Quorum: 1}, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1}
}

func fileNamed(name string) state.Check {
	return state.Check{Name: name, File: "/run/" + name, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1}
}

// uses is a group that depends on checks.
func uses(name, address string, list ...state.CheckUse) state.Group {
	g := group(name, address)
	g.Checks = list
	return g
}

func specification(checks []state.Check, list ...state.Group) state.Command {
	return state.Command{SetGroups: &state.SetGroups{Groups: list, Checks: checks}}
}

// judged is what node a's checks mean for the group web, by its report as others hear it.
func judged(t *testing.T, said map[string]checked, list ...state.CheckUse) placement.NodeHealth {
	t.Helper()
	checks := []state.Check{checkNamed("nginx"), checkNamed("uplink"), fileNamed("maintenance")}
	view := grow(t, clusterOf(t, "a"), specification(checks, uses("web", "10.0.0.1/24", list...)))
	r, reports := reporterOf(view, func(o *reporterOptions) { o.checks = func() map[string]checked { return said } })
	r.report()
	leader, _ := reporterOf(view, nil)
	leader.hear((*reports)[0])
	return leader.health(view, func(string) string { return "" })["a"]
}

func reversed(u state.CheckUse) state.CheckUse {
	u.Reverse = true
	return u
}

func TestChecksMoveThePriority(t *testing.T) {
	ok, fails := checked{State: health.OK}, checked{State: health.Failing, Text: "no such process"}
	number := func(n int) checked { return checked{State: health.OK, Value: n} }
	nginx := func(weight int) state.CheckUse { return state.CheckUse{Name: "nginx", Weight: weight} }
	file := func(weight int) state.CheckUse { return state.CheckUse{Name: "maintenance", Weight: weight} }
	for _, tt := range []struct {
		name       string
		said       map[string]checked
		uses       []state.CheckUse
		by         int
		why        string
		ineligible string
	}{
		{"negative and ok", map[string]checked{"nginx": ok}, []state.CheckUse{nginx(-20)}, 0, "", ""},
		{"negative and failing", map[string]checked{"nginx": fails}, []state.CheckUse{nginx(-20)}, -20, "check nginx fails: -20", ""},
		{"positive and ok", map[string]checked{"nginx": ok}, []state.CheckUse{nginx(30)}, 30, "check nginx is ok: +30", ""},
		{"positive and failing", map[string]checked{"nginx": fails}, []state.CheckUse{nginx(30)}, 0, "", ""},
		{"no weight and ok", map[string]checked{"nginx": ok}, []state.CheckUse{nginx(0)}, 0, "", ""},
		{"no weight and failing", map[string]checked{"nginx": fails}, []state.CheckUse{nginx(0)}, 0, "", "check nginx fails: no such process"},
		{"two", map[string]checked{"nginx": fails, "uplink": ok}, []state.CheckUse{nginx(-20), {Name: "uplink", Weight: 5}}, -15, "check nginx fails: -20; check uplink is ok: +5", ""},
		{"file", map[string]checked{"maintenance": number(-7)}, []state.CheckUse{file(3)}, -21, "the file of check maintenance says -7: -21", ""},
		{"file of nothing", map[string]checked{"maintenance": number(0)}, []state.CheckUse{file(0)}, 0, "", ""},
		{"file without a weight", map[string]checked{"maintenance": number(1)}, []state.CheckUse{file(0)}, 0, "", "the file of check maintenance says 1"},
		{"file just above", map[string]checked{"maintenance": number(-253)}, []state.CheckUse{file(1)}, -253, "the file of check maintenance says -253: -253", ""},
		{"file that excludes", map[string]checked{"maintenance": number(-254)}, []state.CheckUse{file(1)}, 0, "", "the file of check maintenance says -254"},
		{"negative, reversed and ok", map[string]checked{"nginx": ok}, []state.CheckUse{reversed(nginx(-20))}, 0, "", ""},
		{"negative, reversed and failing", map[string]checked{"nginx": fails}, []state.CheckUse{reversed(nginx(-20))}, 20, "check nginx fails, which is reversed: +20", ""},
		{"positive, reversed and ok", map[string]checked{"nginx": ok}, []state.CheckUse{reversed(nginx(30))}, -30, "check nginx is ok, which is reversed: -30", ""},
		{"positive, reversed and failing", map[string]checked{"nginx": fails}, []state.CheckUse{reversed(nginx(30))}, 0, "", ""},
		{"no weight, reversed and ok", map[string]checked{"nginx": ok}, []state.CheckUse{reversed(nginx(0))}, 0, "", "check nginx is ok, which is reversed"},
		{"no weight, reversed and failing", map[string]checked{"nginx": fails}, []state.CheckUse{reversed(nginx(0))}, 0, "", ""},
		{"file, reversed", map[string]checked{"maintenance": number(7)}, []state.CheckUse{reversed(file(3))}, -21, "the file of check maintenance says 7, which is reversed: -21", ""},
		{"file, reversed, that excludes", map[string]checked{"maintenance": number(254)}, []state.CheckUse{reversed(file(1))}, 0, "", "the file of check maintenance says 254, which is reversed"},
		{"file of nothing, reversed", map[string]checked{"maintenance": number(0)}, []state.CheckUse{reversed(file(0))}, 0, "", "the file of check maintenance says 0, which is reversed"},
		{"file of something, reversed", map[string]checked{"maintenance": number(1)}, []state.CheckUse{reversed(file(0))}, 0, "", ""},
		{"used by nobody", map[string]checked{"nginx": fails}, nil, 0, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := judged(t, tt.said, tt.uses...)
			diff(t, "adjustment", tt.by, h.Adjust["web"].By)
			diff(t, "why", tt.why, h.Adjust["web"].Why)
			sum := 0
			for _, term := range h.Adjust["web"].Terms {
				sum += term.By
			}
			diff(t, "sum of its terms", tt.by, sum)
			diff(t, "ineligible", tt.ineligible, h.Ineligible["web"])
		})
	}
}

// A node that has not run a check gets nothing new, and may keep what it has: it is not said to be unable.
func TestCheckThatHasNotRun(t *testing.T) {
	for name, said := range map[string]map[string]checked{"absent": nil, "waiting": {"nginx": {State: health.Waiting}}} {
		h := judged(t, said, state.CheckUse{Name: "nginx"}, state.CheckUse{Name: "maintenance"})
		diff(t, name, "", h.Ineligible["web"])
		if h.Unknown["web"] == "" {
			t.Errorf("%s: nothing is unknown", name)
		}
	}
}

// Each check runs once, on the nodes that may hold a group that names it.
func TestNodesRunWhatTheyNeed(t *testing.T) {
	never := uses("web", "10.0.0.1/24", state.CheckUse{Name: "nginx"})
	never.Priorities = map[string]int{"b": 0}
	view := grow(t, clusterOf(t, "a", "b"), specification([]state.Check{checkNamed("nginx"), checkNamed("db"), checkNamed("spare")},
		never, uses("web2", "10.0.0.2/24", state.CheckUse{Name: "db"}), uses("web3", "10.0.0.3/24", state.CheckUse{Name: "db"})))
	names := func(node string) (list map[string]bool) {
		list = map[string]bool{}
		for name := range checksFor(view, node) {
			list[name] = true
		}
		return list
	}
	diff(t, "a", map[string]bool{"nginx": true, "db": true}, names("a"))
	diff(t, "b", map[string]bool{"db": true}, names("b"))
}

// A result that is the same as before is no news, although it comes anew from the monitor.
func TestSameCheckIsNoNews(t *testing.T) {
	view := clusterOf(t, "a")
	since := time.Now()
	r, said := reporterOf(view, func(o *reporterOptions) {
		o.checks = func() map[string]checked {
			return map[string]checked{"nginx": {State: health.OK, Since: since.Round(0).UTC(), Text: "3 running"}}
		}
	})
	r.report()
	r.report()
	diff(t, "sequence", (*said)[0].Seq, (*said)[1].Seq)
}
