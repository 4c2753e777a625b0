package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/probe"
)

// Bounds on what a client may see, generous for a loaded machine. What is measured on a quiet one is a fifth
// of them or less.
const (
	// waitLimit is for conditions that are only waited for.
	waitLimit = 20 * time.Second
	// failoverLimit is for the silence when a holder fails under the lan profile, whose lease is 250 ms.
	failoverLimit = 2 * time.Second
	// plannedLimit is for the silence of a move that both sides take part in.
	plannedLimit = 200 * time.Millisecond
	// undisturbed is for a holder whom a fault does not concern; less than what any lapse of its lease costs.
	undisturbed = 100 * time.Millisecond
)

func TestMain(m *testing.M) {
	probe.Main()
	code := m.Run()
	if err := harness.RemoveBinaries(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// scene is a cluster and a test that plays on it.
type scene struct {
	*testing.T
	*harness.Cluster
}

// form makes a cluster of n nodes.
func form(t *testing.T, n int) *scene {
	t.Helper()
	s := &scene{t, harness.New(t, harness.Options{Nodes: n})}
	s.whole()
	return s
}

// part plays a part of the scene as a subtest. The parts of a scene follow one another on one cluster; when
// one fails the rest would only repeat it.
func (s *scene) part(name string, play func(*scene)) {
	s.Helper()
	s.Run(name, func(t *testing.T) { play(&scene{t, s.Cluster}) })
	if s.Failed() {
		s.FailNow()
	}
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// within bounds what is waited for.
func (s *scene) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), d)
	s.Cleanup(cancel)
	return ctx
}

func (s *scene) wait() context.Context { return s.within(waitLimit) }

// await waits for a condition.
func (s *scene) await(what string, condition func(context.Context) error) {
	s.Helper()
	s.must(harness.Await(s.wait(), what, condition))
}

func (s *scene) whole() {
	s.Helper()
	s.must(s.AwaitWhole(s.wait()))
}

func (s *scene) leader() *harness.Node {
	s.Helper()
	n, err := s.Leader(s.wait())
	s.must(err)
	return n
}

// follower is a running node that does not lead.
func (s *scene) follower() *harness.Node {
	s.Helper()
	return s.Except(s.leader())[0]
}

func (s *scene) apply(groups ...state.Group) {
	s.Helper()
	result, err := s.Apply(s.wait(), groups...)
	s.must(err)
	if len(result.Unheld) > 0 {
		s.Fatalf("not held: %q", result.Unheld)
	}
}

// status is what a node says.
func (s *scene) status(n *harness.Node) api.Status {
	s.Helper()
	status, err := n.Status(s.wait())
	s.must(err)
	return status
}

// stateOf is what the leader says of a node.
func (s *scene) stateOf(n *harness.Node) string {
	s.Helper()
	for _, ns := range s.status(s.leader()).Nodes {
		if ns.Name == n.Name {
			return ns.State
		}
	}
	return ""
}

func (s *scene) holder(group string) *harness.Node {
	s.Helper()
	n, err := s.Holder(s.wait(), group)
	s.must(err)
	return n
}

// move puts a group on a node, as an operator does, once the leader has heard that the node can hold it.
func (s *scene) move(group string, to *harness.Node) {
	s.Helper()
	s.must(s.AwaitGroup(s.wait(), group, "can be held by "+to.Name, func(g api.GroupStatus) bool {
		return slices.ContainsFunc(g.Nodes, func(c api.Candidate) bool { return c.Node == to.Name && c.Eligible })
	}))
	s.must(s.tryMove(group, to))
}

func (s *scene) tryMove(group string, to *harness.Node) error {
	_, err := s.leader().Client.Move(s.wait(), api.MoveRequest{Group: group, Node: to.Name})
	return err
}

// drain makes a node hold nothing, or lets it hold again.
func (s *scene) drain(n *harness.Node, on bool) {
	s.Helper()
	s.must(s.leader().Client.Drain(s.wait(), api.DrainRequest{Node: n.Name, On: on}))
}

// ip runs ip(8) on a node's host.
func (s *scene) ip(n *harness.Node, args ...string) string {
	s.Helper()
	out, err := n.Host.Command(s.Context(), "ip", args...).CombinedOutput()
	if err != nil {
		s.Fatalf("%s: ip %v: %v: %s", n, args, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// carries reports whether a node's host has an address, whatever its gate does.
func (s *scene) carries(n *harness.Node, addr netip.Addr) bool {
	s.Helper()
	return s.ip(n, "-o", "addr", "show", "to", addr.String()) != ""
}
