package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// homes are one group for each node, which returns to it whenever it can, and the groups' addresses.
func homes(nodes []*harness.Node) (groups []state.Group, addrs []netip.Addr) {
	for i, n := range nodes {
		g := harness.Group("home-"+n.Name, fmt.Sprintf("10.9.0.%d", 50+i))
		g.Priorities = map[string]int{n.Name: 200}
		g.Damping = new(time.Duration) // none: it is to come back each time
		groups = append(groups, g)
		addrs = append(addrs, g.IPs()...)
	}
	return groups, addrs
}

// splits are all ways to divide nodes into a minority and a majority.
func splits(nodes []*harness.Node) (minorities [][]*harness.Node) {
	for mask := 1; mask < 1<<len(nodes); mask++ {
		var side []*harness.Node
		for i, n := range nodes {
			if mask&(1<<i) != 0 {
				side = append(side, n)
			}
		}
		if 2*len(side) < len(nodes) {
			minorities = append(minorities, side)
		}
	}
	return minorities
}

// home waits until every group is back on its node and its address answers from there.
func (w *watch) home(groups []state.Group) {
	w.Helper()
	w.whole()
	for i, g := range groups {
		w.held(g.Name, w.Nodes[i], g.IPs()...)
	}
	w.settle()
}

// Every way to divide a cluster into two sides, with the client on either or reaching both. The majority takes
// what the minority held and goes on with its own as if nothing were; never do two answer. When the network
// heals, all groups move back, so that healing and moving meet.
func TestPartitions(t *testing.T) {
	for _, nodes := range []int{3, 5} {
		t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) {
			s := form(t, nodes)
			groups, addrs := homes(s.Nodes)
			s.apply(groups...)
			w := s.watch(addrs...)
			w.home(groups)
			for _, minority := range splits(s.Nodes) {
				for _, client := range []string{"everywhere", "with the majority", "with the minority"} {
					s.part(fmt.Sprintf("%s, client %s", names(minority), client), func(s *scene) {
						(&watch{s, w.probe, w.addrs}).divide(groups, minority, client)
					})
				}
			}
		})
	}
}

func names(nodes []*harness.Node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Name)
	}
	return strings.Join(all, " and ")
}

// mayBeOld asks a node that is cut off for what it cannot know: it says what it knows, and not that this is so now.
func (w *watch) mayBeOld(n *harness.Node, groups []state.Group) {
	w.Helper()
	if _, err := n.Client.Spec(w.wait(), api.SpecRequest{}); err != nil {
		w.Errorf("%s does not say what it knows: %v", n, err)
	}
	if _, err := n.Client.Spec(w.within(500*time.Millisecond), api.SpecRequest{Consistent: true}); err == nil {
		w.Errorf("%s, cut off, claims that nothing newer is in force", n)
	}
	if _, err := n.Client.Apply(w.within(500*time.Millisecond), api.ApplyRequest{Groups: groups}); err == nil {
		w.Errorf("%s, cut off, claims that the specification is in force", n)
	}
}

// divide plays one partition.
func (w *watch) divide(groups []state.Group, minority []*harness.Node, client string) {
	majority := w.Except(minority...)
	sides := [][]*lab.Host{harness.HostsOf(minority...), harness.HostsOf(majority...)}
	switch client {
	case "with the minority":
		sides[0] = append(sides[0], w.Lab.Client)
	case "with the majority":
		sides[1] = append(sides[1], w.Lab.Client)
	}
	leader := w.leader()
	at := time.Now()
	w.step("%s apart from the rest; %s leads; client %s", names(minority), leader, client)
	w.must(w.Lab.Partition(sides...))
	for i, g := range groups {
		addr := g.IPs()[0]
		lost := slices.Contains(minority, w.Nodes[i])
		switch {
		case client == "with the minority":
			// It hears the minority until the leases are over, and then nobody.
			w.silent(addr, quietFor)
		case lost:
			w.must(w.AwaitGroup(w.wait(), g.Name, "is held by the majority", func(g api.GroupStatus) bool {
				return slices.ContainsFunc(majority, func(n *harness.Node) bool { return n.Name == g.Holder })
			}))
			w.answered("", addr)
			w.shorter(addr, at, failoverLimit)
		}
	}
	if client == "with the minority" {
		for i, g := range groups {
			if slices.Contains(minority, w.Nodes[i]) {
				w.taken(g.Name, w.Nodes[i])
			}
		}
	}
	if client == "everywhere" && len(minority) == 1 && minority[0] == w.Nodes[0] {
		w.mayBeOld(minority[0], groups)
	}
	// The leader's own fall is its followers' business for a moment; all others must not notice anything.
	untouched := func(limit time.Duration) {
		w.Helper()
		for i, g := range groups {
			if !slices.Contains(minority, w.Nodes[i]) && client != "with the minority" && !slices.Contains(minority, leader) {
				w.shorter(g.IPs()[0], at, limit)
			}
		}
	}
	untouched(undisturbed)
	w.step("the network heals")
	w.must(w.Lab.Heal())
	w.home(groups)
	// Those whose leases the minority withdrew meanwhile replace them.
	untouched(plannedLimit)
}

// The network heals at any moment of a takeover, just before, during and after it, while an operator moves
// something as well.
func TestHealsWhileMoving(t *testing.T) {
	s := form(t, 3)
	groups, addrs := homes(s.Nodes)
	s.apply(groups...)
	w := s.watch(addrs...)
	w.home(groups)
	// The lease of 280 ms began up to 100 ms before the cut; voters wait a little longer.
	for i, after := range []time.Duration{190, 210, 225, 240, 250, 258, 264, 270, 276, 282, 290, 300, 320, 350, 400} {
		n := s.Nodes[i%len(s.Nodes)]
		rest := s.Except(n)
		w.step("%s is alone for %d ms; %s leads", n, after, s.leader())
		s.must(s.Lab.Partition(harness.HostsOf(n), harness.HostsOf(rest...)))
		moved := make(chan error, 1)
		w.dwell(after * time.Millisecond)
		group := "home-" + rest[0].Name
		go func() {
			_, err := rest[0].Client.Move(s.wait(), api.MoveRequest{Group: group, Node: rest[1].Name})
			moved <- err
		}()
		s.must(s.Lab.Heal())
		if err := <-moved; err != nil {
			t.Logf("move %s to %s: %v", group, rest[1], err)
			// It may not be eligible at that moment, or lose its lease: a voter that the cut before had withdraw it gives
			// it no grant, and another is cut off now.
			if !strings.Contains(err.Error(), "cannot hold") && !strings.Contains(err.Error(), "did not stay on") {
				t.Error("an operator should not have to see that")
			}
		}
		s.whole()
		s.move(group, rest[0])
		w.home(groups)
	}
}
