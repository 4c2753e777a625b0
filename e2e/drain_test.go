package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// Ten groups on five nodes, which are drained one after the other while a client looks on: what simulate foretold is
// what happens, and each move is as short as a planned one. Then moves are paused, and a holder restarts.
func TestDrainOneByOne(t *testing.T) {
	s := &scene{t, harness.New(t, harness.Options{Nodes: 5, Config: "labels: {rack: a}\n"})}
	s.whole()
	var groups []state.Group
	var addrs []netip.Addr
	for i := range 10 {
		addr := netip.MustParseAddr(fmt.Sprintf("10.9.0.%d", 60+i))
		g := harness.Group(fmt.Sprintf("g%d", i), addr.String())
		g.Selector = map[string]string{"rack": "a"}
		groups, addrs = append(groups, g), append(addrs, addr)
	}
	s.apply(groups...)
	w := s.watch(addrs...)
	for i, n := range s.Nodes {
		foretold := s.simulate(api.SimulateRequest{Drain: []string{n.Name}})
		at := time.Now()
		w.step("%s is drained", n)
		s.drain(n, true)
		holders := s.holdersBy(n)
		for _, move := range foretold.Groups {
			if move.From != n.Name || holders[move.Group] != move.To {
				s.Errorf("%s was to go from %s to %s; %s has it", move.Group, move.From, move.To, holders[move.Group])
			}
		}
		w.answered("", addrs...)
		for _, addr := range addrs {
			w.shorter(addr, at, plannedLimit)
		}
		if i > 0 && len(foretold.Groups) == 0 {
			s.Errorf("%s held nothing before it was drained", n)
		}
		s.drain(n, false)
		w.settle()
	}
	s.part("paused", func(s *scene) { s.pausedRestart(w) })
}

// pausedRestart restarts a holder while moves are paused: its groups wait for it.
func (s *scene) pausedRestart(w *watch) {
	holder := s.holder("g0")
	others := s.Except(holder)
	before := s.holdersBy(others[0])
	_, err := others[0].Client.Pause(s.wait(), api.PauseRequest{On: true, Reason: "a restart"})
	s.must(err)
	w.step("%s is stopped while moves are paused", holder)
	s.must(holder.Terminate(s.wait()))
	s.must(s.AwaitGroup(s.wait(), "g0", "has no holder", func(g api.GroupStatus) bool { return g.Holder == "" && g.Paused }))
	if foretold := s.simulate(api.SimulateRequest{NodesDown: []string{others[1].Name}}, others[0]); !slices.Contains(foretold.Assumed, "automatic moves are paused") {
		s.Errorf("simulate says %+v", foretold)
	}
	s.must(holder.Start(s.wait()))
	s.must(s.AwaitHolder(s.wait(), "g0", holder))
	s.await("all is as before", func(context.Context) error {
		if diff := cmp.Diff(before, s.holdersBy(others[0])); diff != "" {
			return fmt.Errorf("(-before +after)\n%s", diff)
		}
		return nil
	})
	w.answered("", w.addrs...)
	result, err := holder.Client.Pause(s.wait(), api.PauseRequest{})
	if err != nil || result.Paused != nil {
		s.Errorf("resume: %+v, %v", result, err)
	}
}

// holdersBy are who holds each group, by a node's word.
func (s *scene) holdersBy(by *harness.Node) map[string]string {
	s.Helper()
	holders := map[string]string{}
	for _, g := range s.status(by).Groups {
		holders[g.Name] = g.Holder
	}
	return holders
}

// simulate asks a node, the leader if none is named.
func (s *scene) simulate(r api.SimulateRequest, by ...*harness.Node) api.SimulateResult {
	s.Helper()
	if len(by) == 0 {
		by = []*harness.Node{s.leader()}
	}
	result, err := by[0].Client.Simulate(s.wait(), r)
	s.must(err)
	return result
}
