package cluster

import (
	"errors"
	"fmt"
	"testing"

	"vipd/cluster/api"
	"vipd/cluster/gossip"
	"vipd/cluster/state"
	"vipd/cluster/wire"
)

func TestNodeState(t *testing.T) {
	live, dead := &state.Node{Epoch: 1}, &state.Node{}
	for _, c := range []struct {
		node *state.Node
		seen gossip.State
		said string
		want string
	}{
		{live, gossip.Alive, "", "alive"},
		{live, "", "", "alive"}, // the lease knows better
		{live, gossip.Gone, "", "alive"},
		{dead, gossip.Alive, "", "no lease"},
		{dead, gossip.Alive, unfitStopping, "no lease"},
		{dead, gossip.Gone, unfitStopping, "left"},
		{dead, gossip.Gone, "", "failed"},
		{dead, "", "", "failed"},
	} {
		got := nodeState(c.node, gossip.Member{State: c.seen}, account{Unfit: c.said})
		diff(t, fmt.Sprintf("seen as %q, said %q", c.seen, c.said), c.want, got)
	}
}

func TestWaitingFor(t *testing.T) {
	view := grow(t, clusterOf(t, "a", "b"), groups(group("web", "10.0.0.1/24")))
	view = grow(t, view, give(view, "a", "web"))
	waiting := func() string { return waitingFor(view, view.Groups["web"], view.Assignments["web"]) }
	diff(t, "waiting for nobody", "", waiting())
	view = grow(t, view, give(view, "b", "web"))
	diff(t, "waiting", "a", waiting())
	view = grow(t, view, give(view, "a", "web"))
	diff(t, "waiting of who is back", "b", waiting())
}

// desk is a member that knows two healthy nodes, of which c is not one.
func desk(t testing.TB, view *state.State) *member {
	o := newOffice(t, view)
	r, _ := reporterOf(view, nil)
	for node, epoch := range view.LiveEpochs() {
		if node != "c" {
			r.hear(wire.Report{Node: node, Epoch: epoch, Seq: 1 << 62, Body: []byte(`{"interfaces":{"eth0":""}}`)})
		}
	}
	return &member{self: wireName{node: "x"}, keeper: o.keeper, reporter: r}
}

func TestPlanMove(t *testing.T) {
	view := grow(t, clusterOf(t, "a", "b", "c"), groups(group("web", "10.0.0.1/24")))
	view = grow(t, view, give(view, "a", "web"))
	m := desk(t, view)
	move, err := m.planMove(view, api.MoveRequest{Group: "web", Node: "b"})
	check(t, err)
	after := grow(t, view, state.Command{Assign: &state.Assign{Moves: []state.Move{move}}})
	diff(t, "holder", "b", after.Assignments["web"].Holder)
	diff(t, "pinned", true, after.Assignments["web"].Pinned)

	for node, want := range map[string]string{
		"c": "c cannot hold web: it has not reported its health yet",
		"d": "d: no such node; `vipctl status` lists them",
	} {
		if _, err := m.planMove(view, api.MoveRequest{Group: "web", Node: node}); err == nil || err.Error() != want {
			t.Errorf("move to %s: %v", node, err)
		}
	}
	if _, err := m.planMove(view, api.MoveRequest{Group: "none", Node: "b"}); !errors.Is(err, errNoGroup) {
		t.Errorf("move of no group: %v", err)
	}
}

func TestStranded(t *testing.T) {
	alone := group("alone", "10.0.0.2/24")
	alone.Priorities = map[string]int{"b": 0}
	view := grow(t, clusterOf(t, "a", "b", "c"), groups(group("web", "10.0.0.1/24"), alone))
	view = grow(t, view, give(view, "a", "web", "alone"))
	m := desk(t, view)
	diff(t, "stranded without a", []string{"alone"}, m.stranded(view, "a"))
	diff(t, "stranded without b", nil, m.stranded(view, "b"))
}
