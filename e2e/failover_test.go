package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

var (
	web4 = netip.MustParseAddr("10.9.0.50")
	web6 = netip.MustParseAddr("fd09::50:1")
)

// web is the group that most scenes are about.
var web = harness.Group("web", web4.String(), web6.String())

// fault is what may happen to a node, and how it is undone.
type fault struct {
	name       string
	fail, undo func(*scene, *harness.Node)
}

var faults = []fault{
	{"kill -9",
		func(s *scene, n *harness.Node) { s.must(n.Kill()) },
		func(s *scene, n *harness.Node) { s.must(n.Restart(s.wait())) }},
	{"cable cut far away",
		func(s *scene, n *harness.Node) { s.must(n.Host.Cut()) }, mend},
	{"cable pulled",
		func(s *scene, n *harness.Node) { s.must(n.Host.CutCarrier()) }, mend},
	{"nothing arrives at it",
		func(s *scene, n *harness.Node) { s.must(n.Host.CutInbound()) }, mend},
	{"nothing arrives from it",
		func(s *scene, n *harness.Node) { s.must(n.Host.CutOutbound()) }, mend},
	{"suspended",
		func(s *scene, n *harness.Node) { s.must(n.Stop()) },
		func(s *scene, n *harness.Node) { s.must(n.Cont()) }},
}

// Whatever happens to the holder of a group, another node answers for it soon, and never both.
func TestHolderLost(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	for _, fault := range faults {
		for _, leads := range []bool{false, true} {
			name := fault.name + ", a follower"
			if leads {
				name = fault.name + ", the leader"
			}
			s.part(name, func(s *scene) {
				n := s.follower()
				if leads {
					n = s.leader()
				}
				s.move("web", n)
				w := s.watch(web4, web6)
				w.held("web", n, web4, web6)
				at := time.Now()
				w.step("%s fails: %s; %s leads", n, fault.name, s.leader())
				fault.fail(s, n)
				next := w.taken("web", n, web4, web6)
				w.step("%s answers", next)
				w.shorter(web4, at, failoverLimit)
				w.shorter(web6, at, failoverLimit)
				w.step("%s comes back", n)
				fault.undo(s, n)
				s.whole()
				w.held("web", next, web4, web6)
			})
		}
	}
}

func mend(s *scene, n *harness.Node) { s.must(n.Host.Mend()) }

// A node that was suspended and comes back by itself takes nothing that is not its own any more.
func TestSuspended(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	for range 3 {
		n := s.holder("web")
		w := s.watch(web4, web6)
		w.step("%s is suspended for 2 s", n)
		s.must(n.Stop())
		at := time.Now()
		next := w.taken("web", n, web4, web6)
		<-time.After(time.Until(at.Add(2 * time.Second)))
		w.step("%s goes on", n)
		s.must(n.Cont())
		s.whole()
		w.held("web", next, web4, web6)
		w.shorter(web4, at, failoverLimit)
		w.shorter(web6, at, failoverLimit)
	}
}

// What is planned is hardly noticed: moves, drains, and a clean stop.
func TestPlanned(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	s.part("move", func(s *scene) {
		w := s.watch(web4, web6)
		for _, n := range s.Nodes {
			at := time.Now()
			w.step("web moves to %s", n)
			s.move("web", n)
			w.held("web", n, web4, web6)
			w.shorter(web4, at, plannedLimit)
			w.shorter(web6, at, plannedLimit)
			w.settle()
		}
	})
	s.part("drain", func(s *scene) {
		w := s.watch(web4, web6)
		n, at := s.holder("web"), time.Now()
		w.step("%s is drained", n)
		s.drain(n, true)
		if s.carries(n, web4) {
			s.Errorf("%s has %s after drain returned", n, web4)
		}
		w.taken("web", n, web4, web6)
		w.shorter(web4, at, plannedLimit)
		if err := s.tryMove("web", n); err == nil {
			s.Errorf("web could be moved to %s, which is drained", n)
		}
		w.settle()
		w.step("%s may hold again", n)
		s.drain(n, false)
		s.move("web", n)
		w.held("web", n, web4, web6)
	})
	for _, leads := range []bool{false, true} {
		name := "clean restart of a follower"
		if leads {
			name = "clean restart of the leader"
		}
		s.part(name, func(s *scene) {
			n := s.follower()
			if leads {
				n = s.leader()
			}
			s.move("web", n)
			w := s.watch(web4, web6)
			w.held("web", n, web4, web6)
			at := time.Now()
			w.step("%s is stopped with SIGTERM", n)
			s.must(n.Terminate(s.wait()))
			if s.carries(n, web4) || s.carries(n, web6) {
				s.Errorf("%s has addresses after a clean stop", n)
			}
			next := w.taken("web", n, web4, web6)
			s.await("the leader knows that it left", func(context.Context) error {
				if state := s.stateOf(n); state != "left" {
					return fmt.Errorf("it says %q", state)
				}
				return nil
			})
			w.step("%s starts again", n)
			s.must(n.Restart(s.wait()))
			s.whole()
			w.held("web", next, web4, web6)
			w.shorter(web4, at, plannedLimit)
			w.shorter(web6, at, plannedLimit)
		})
	}
}

// Whatever happens to a node that holds nothing, the leader or another, holders elsewhere notice nothing, and
// another leads soon.
func TestBystanderLost(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	for _, fault := range faults {
		for _, leads := range []bool{false, true} {
			name := fault.name + ", a follower"
			if leads {
				name = fault.name + ", the leader"
			}
			s.part(name, func(s *scene) {
				n := s.follower()
				if leads {
					n = s.leader()
				}
				holder := s.Except(n)[0]
				s.move("web", holder)
				w := s.watch(web4, web6)
				w.held("web", holder, web4, web6)
				at := time.Now()
				w.step("%s fails: %s; %s leads, %s holds", n, fault.name, s.leader(), holder)
				fault.fail(s, n)
				s.await("the others do without it", func(ctx context.Context) error { return s.without(ctx, n) })
				w.step("%s comes back", n)
				fault.undo(s, n)
				s.whole()
				w.held("web", holder, web4, web6)
				w.shorter(web4, at, undisturbed)
				w.shorter(web6, at, undisturbed)
			})
		}
	}
}

// without returns nil if the other nodes agree on a leader among them and know that n has no lease any more.
func (s *scene) without(ctx context.Context, n *harness.Node) error {
	others := s.Except(n)
	leader := ""
	for _, o := range others {
		status, err := o.Status(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(status.Nodes, func(ns api.NodeStatus) bool { return ns.Name == n.Name })
		switch {
		case status.Leader == "" || status.Leader == n.Name || leader != "" && status.Leader != leader:
			return fmt.Errorf("%s takes %q for the leader, another %q", o, status.Leader, leader)
		case status.Nodes[i].State == "alive":
			return fmt.Errorf("%s takes %s for alive", o, n)
		}
		leader = status.Leader
	}
	return nil
}
