package cluster

import (
	"fmt"
	"strings"
	"testing"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/cluster/wire"
)

// shown is a result in short: "group from>to reason", one to a line.
func shown(r api.SimulateResult) string {
	var lines []string
	for _, g := range r.Groups {
		lines = append(lines, fmt.Sprintf("%s %s>%s %s", g.Group, g.From, g.To, g.Reason))
	}
	return strings.Join(lines, "\n")
}

func TestSimulate(t *testing.T) {
	ranked := func(name, address string, a, b, c int) state.Group {
		g := uses(name, address, state.CheckUse{Name: "nginx", Weight: -20})
		g.Priorities = map[string]int{"a": a, "b": b, "c": c}
		return g
	}
	only := group("alone", "10.0.0.3/24")
	only.Nodes = []string{"a"}
	list := []state.Group{ranked("db", "10.0.0.1/24", 110, 100, 90), ranked("web", "10.0.0.2/24", 100, 110, 90), only}
	view := grow(t, clusterOf(t, "a", "b", "c"), specification([]state.Check{checkNamed("nginx")}, list...))
	view = grow(t, view, give(view, "a", "db", "alone"), give(view, "b", "web"))
	m := desk(t, view)
	for node, epoch := range view.LiveEpochs() {
		m.reporter.accounts[node] = received{epoch: epoch}
		m.reporter.hear(wire.Report{Node: node, Epoch: epoch, Seq: 1, Body: []byte(`{"interfaces":{"eth0":""},"checks":{"nginx":{"state":"ok"}}}`)})
	}
	moved := ranked("web", "10.0.0.2/24", 200, 110, 90)
	added := group("new", "10.0.0.9/24")
	added.Addresses[0].Interface = "eth9"
	for _, tt := range []struct {
		name      string
		ask       api.SimulateRequest
		want      string
		unchanged int
	}{
		{"nothing", api.SimulateRequest{}, "", 3},
		{"a node dies", api.SimulateRequest{NodesDown: []string{"a"}},
			"alone a> a: lease ended (a: it has no lease; c: the group's `nodes` do not name it; b: the group's `nodes` do not name it)\n" +
				"db a>b a: lease ended; best priority is 100", 1},
		{"a check fails", api.SimulateRequest{ChecksFail: []api.CheckAt{{Check: "nginx", Node: "a"}}},
			"db a>b preempt: priority 100 is better than 90 of a (check nginx fails: -20)", 2},
		{"a node dies, and the next one's check fails", api.SimulateRequest{NodesDown: []string{"b"}, ChecksFail: []api.CheckAt{{Check: "nginx", Node: "a"}}},
			"web b>c b: lease ended; best priority is 90", 2},
		{"a node is drained", api.SimulateRequest{Drain: []string{"b"}}, "web b>a b: it is drained; best priority is 100", 2},
		{"another specification", api.SimulateRequest{Spec: &api.Specification{Groups: []state.Group{moved, added}, Checks: []state.Check{checkNamed("nginx")}}, NodesDown: []string{"c"}},
			"alone a> it is not served any more\ndb a> it is not served any more\nnew >a new group; best priority is 100\nweb b>a preempt: priority 200 is better than 110 of b", 0},
		{"no majority is left", api.SimulateRequest{NodesDown: []string{"b", "c"}},
			"alone a> no majority of the voters is left\ndb a> no majority of the voters is left\nweb b> no majority of the voters is left", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := view.Index
			result, err := m.simulate(view, tt.ask)
			check(t, err)
			diff(t, "moves", tt.want, shown(result))
			diff(t, "unchanged", tt.unchanged, result.Unchanged)
			diff(t, "index", before, view.Index)
			diff(t, "the same again", result, must(t)(m.simulate(view, tt.ask)))
		})
	}
	for _, tt := range []struct {
		ask  api.SimulateRequest
		want string
	}{
		{api.SimulateRequest{NodesDown: []string{"z"}}, "z: no such node; `vipctl status` lists them"},
		{api.SimulateRequest{Drain: []string{"z"}}, "drain z: no such node"},
		{api.SimulateRequest{ChecksFail: []api.CheckAt{{Check: "apache", Node: "a"}}}, "there is no check apache; `vipctl checks` lists them"},
		{api.SimulateRequest{ChecksFail: []api.CheckAt{{Check: "nginx", Node: "z"}}}, "z: no such node; `vipctl status` lists them"},
	} {
		_, err := m.simulate(view, tt.ask)
		diff(t, "refusal", tt.want, fmt.Sprint(err))
	}
}

func must(t *testing.T) func(api.SimulateResult, error) api.SimulateResult {
	return func(r api.SimulateResult, err error) api.SimulateResult {
		t.Helper()
		check(t, err)
		return r
	}
}
