package cluster

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/consensus"
	"vipd/cluster/lease"
	"vipd/cluster/placement"
	"vipd/cluster/state"
	"vipd/cluster/wire"
)

// proposed has commands committed.
func proposed(t testing.TB, raft *consensus.Node, commands ...state.Command) {
	t.Helper()
	for _, cmd := range commands {
		result, err := raft.Propose(t.Context(), cmd)
		check(t, err)
		check(t, result.Err)
	}
}

// However often the conductor is woken, and however many groups a fault concerns, it is one command.
func TestABurstIsOneDecision(t *testing.T) {
	a := raftOfOne(t)
	proposed(t, a, state.Command{Join: &state.Join{Node: nodeNamed("b")}}, registering("b"))
	var list []state.Group
	for i := range 50 {
		list = append(list, group(fmt.Sprintf("g%d", i), fmt.Sprintf("10.0.0.%d/24", i+1)))
	}
	proposed(t, a, groups(list...))
	proposed(t, a, give(a.View(), "b", names(list)...))
	var ill atomic.Bool
	c := &conductor{log: quiet(), raft: a, wake: make(chan struct{}, 1), health: func(view *state.State) placement.Health {
		b := placement.NodeHealth{Epoch: view.Nodes["b"].Epoch, Ineligible: map[string]string{}}
		for i, sick := 0, ill.Load(); sick && i < len(list); i++ {
			b.Ineligible[list[i].Name] = "its interface eth0 has no carrier"
		}
		return placement.Health{"a": {Epoch: 1}, "b": b}
	}}
	runs(t, c.Run)
	ill.Store(true)
	for range 1000 {
		kick(c.wake)
	}
	eventually(t, "a has all", func() bool { return len(a.View().HeldBy("a")) == len(list) })
	commands := map[time.Time]bool{} // by when they were made
	for _, assignment := range a.View().Assignments {
		commands[assignment.Since] = true
	}
	diff(t, "commands", 1, len(commands))
}

func names(list []state.Group) []string {
	var all []string
	for _, g := range list {
		all = append(all, g.Name)
	}
	return all
}

// A node whose lease ended twice while it had a group flaps; the leader says so, and its successor goes on with that.
func TestLeasesThatEndAreFlapping(t *testing.T) {
	a := raftOfOne(t)
	proposed(t, a, state.Command{Join: &state.Join{Node: nodeNamed("b")}})
	g := group("web", "10.0.0.1/24")
	g.Priorities = map[string]int{"b": 200}
	proposed(t, a, groups(g), state.Command{Raise: &state.Raise{Version: state.FaultVersion}})
	c := &conductor{log: quiet(), raft: a, wake: make(chan struct{}, 1), health: func(view *state.State) placement.Health {
		return placement.Health{"a": {Epoch: 1}, "b": {Epoch: view.Nodes["b"].Epoch}}
	}}
	holder := func() string { return a.View().Assignments["web"].Holder }
	settle := func() {
		t.Helper()
		eventually(t, "nothing is left to do", func() bool { return c.step(t.Context()) > 0 })
	}
	for turn := range 2 {
		proposed(t, a, registering("b"))
		settle()
		diff(t, "holder when b is there", "b", holder())
		if turn == 1 { // another leader, who knows of the first loss by the history alone
			c = &conductor{log: quiet(), raft: a, wake: make(chan struct{}, 1), health: c.health}
			settle()
		}
		c.withdraw(lease.Withdrawal{Member: "b", Epoch: a.View().Nodes["b"].Epoch, Voter: "a"})
		settle()
		diff(t, "holder when b's lease has ended", "a", holder())
	}
	proposed(t, a, registering("b"))
	settle()
	diff(t, "holder when b is there again", "a", holder())
	flapping := []placement.Stay{{Group: "web", Node: "b"}}
	diff(t, "flaps", flapping, c.flapsNow())

	next := &conductor{log: quiet(), raft: a, wake: make(chan struct{}, 1), health: c.health, damped: func() []placement.Stay { return flapping }}
	diff(t, "next look of the successor", true, next.step(t.Context()) > 0)
	diff(t, "holder under it", "a", holder())
	diff(t, "flaps for it", flapping, next.flapsNow())
}

// What a leader says of flapping nodes is known to all, and old words are not.
func TestReportsTellWhoFlaps(t *testing.T) {
	flapping := []placement.Stay{{Group: "web", Node: "b"}}
	view := clusterOf(t, "a", "b")
	r, said := reporterOf(view, func(o *reporterOptions) { o.flaps = func() []placement.Stay { return flapping } })
	r.report()
	other, _ := reporterOf(view, nil)
	other.hear((*said)[0])
	diff(t, "damped", flapping, other.damped())
	heard := other.accounts["a"]
	heard.at = heard.at.Add(-heirloom)
	other.accounts["a"] = heard
	diff(t, "damped by one who is silent since", nil, other.damped())
}

// why tells each term of a node's priority, that it is not preferred, and that nothing moves now.
func TestWhy(t *testing.T) {
	g := uses("web", "10.0.0.1/24", state.CheckUse{Name: "nginx", Weight: -20})
	g.Priorities = map[string]int{"a": 110}
	view := grow(t, clusterOf(t, "a", "b"), specification([]state.Check{checkNamed("nginx")}, g),
		state.Command{SetPause: &state.SetPause{On: true}})
	view = grow(t, view, give(view, "b", "web"))
	m := desk(t, view)
	m.speaker = &speaker{}
	m.reporter.hear(wire.Report{Node: "a", Epoch: 1, Seq: 1 << 63, Body: []byte(`{"interfaces":{"eth0":""},"checks":{"nginx":{"state":"failing"}}}`)})
	status, err := m.why(view, "web")
	check(t, err)
	diff(t, "paused", true, status.Paused)
	for _, c := range status.Nodes {
		if c.Node == "a" {
			diff(t, "terms", []api.Term{{By: 110, What: "the group's `priorities` name it"}, {By: -20, What: "check nginx fails"}}, c.Terms)
			diff(t, "priority", 90, c.Priority)
		}
	}
	_, err = m.why(view, "db")
	diff(t, "error", "db: no such group; `vipctl status` lists them", fmt.Sprint(err))
}
