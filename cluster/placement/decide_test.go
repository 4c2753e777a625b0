package placement

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vipd/cluster/state"
)

// cluster is a state of live nodes n1, n2, ... and groups, with the health that goes with it.
type cluster struct {
	*state.State
	health Health
}

func newCluster(nodes int) *cluster {
	c := &cluster{State: state.New(), health: Health{}}
	c.Cluster = "c"
	for i := 1; i <= nodes; i++ {
		name := fmt.Sprintf("n%d", i)
		c.Nodes[name] = &state.Node{Name: name, Epoch: uint64(i)}
		c.health[name] = NodeHealth{Epoch: uint64(i)}
	}
	return c
}

func (c *cluster) group(name, holder string, change func(*state.Group)) *cluster {
	g := &state.Group{Name: name, Priority: 100, Preempt: true}
	if change != nil {
		change(g)
	}
	c.Groups[name] = g
	a := &state.Assignment{Group: name, Holder: holder, Serial: 7, Reason: "new group"}
	if n := c.Nodes[holder]; n != nil {
		a.Epoch = n.Epoch
	}
	c.Assignments[name] = a
	return c
}

func (c *cluster) reason(why string) *cluster {
	for _, a := range c.Assignments {
		a.Reason = why
	}
	return c
}

func (c *cluster) sick(node string, change func(*NodeHealth)) *cluster {
	h := c.health[node]
	change(&h)
	c.health[node] = h
	return c
}

func priorities(p ...int) func(*state.Group) {
	return func(g *state.Group) {
		g.Priorities = map[string]int{}
		for i, priority := range p {
			g.Priorities[fmt.Sprintf("n%d", i+1)] = priority
		}
	}
}

func TestDecide(t *testing.T) {
	unfit := func(h *NodeHealth) { h.Unfit = "it is stopping" }
	tests := []struct {
		name string
		in   *cluster
		want string // "group>node reason", one per line
	}{
		{"a new group goes to the highest priority", newCluster(3).group("web", "", priorities(90, 110, 100)), "web>n2 new group; best priority is 110"},
		{"nothing to do", newCluster(3).group("web", "n2", priorities(90, 110, 100)), ""},
		{"equal priority stays where it is", newCluster(3).group("web", "n3", nil), ""},
		{"a better node preempts", newCluster(2).group("web", "n1", priorities(90, 110)), "web>n2 preempt: priority 110 is better than 90 of n1"},
		{"no preempt", newCluster(2).group("web", "n1", func(g *state.Group) { priorities(90, 110)(g); g.Preempt = false }), ""},
		{"priority 0 never holds", newCluster(2).group("web", "", priorities(0, 1)), "web>n2 new group; best priority is 1"},
		{"priority 0 lets go", newCluster(2).group("web", "n1", priorities(0, 1)), "web>n2 n1: its priority is 0; best priority is 1"},
		{"the holder is stopping", newCluster(2).group("web", "n1", nil).sick("n1", unfit), "web>n2 n1: it is stopping; best priority is 100"},
		{"nobody else", newCluster(1).group("web", "n1", nil).sick("n1", unfit), "web> n1: it is stopping; no other node is eligible"},
		{"nobody at all", newCluster(1).group("web", "", nil).sick("n1", unfit), ""},
		{"a node that has not reported gets nothing", newCluster(2).group("web", "", priorities(110, 90)).sick("n1", func(h *NodeHealth) { h.Epoch = 0 }), "web>n2 new group; best priority is 90"},
		{"a node that has not reported keeps what it has", newCluster(2).group("web", "n1", nil).sick("n1", func(h *NodeHealth) { h.Epoch = 0 }), ""},
		{"a silent node gets nothing", newCluster(2).group("web", "", priorities(110, 90)).sick("n1", func(h *NodeHealth) { h.Suspect = "it is silent" }), "web>n2 new group; best priority is 90"},
		{"a silent node keeps what it has until its lease ends", newCluster(2).group("web", "n1", nil).sick("n1", func(h *NodeHealth) { h.Suspect = "it is silent" }), ""},
		{"a missing interface", newCluster(2).group("web", "n1", nil).sick("n1", func(h *NodeHealth) { h.Ineligible = map[string]string{"web": "it has no interface bond0"} }), "web>n2 n1: it has no interface bond0; best priority is 100"},
		{"an interface not reported on yet", newCluster(2).group("web", "", priorities(110, 90)).sick("n1", func(h *NodeHealth) {
			h.Unknown = map[string]string{"web": "it has not reported on interface bond0 yet"}
		}), ""},
		{"an interface not reported on yet, of a group that was held", newCluster(2).group("web", "", priorities(110, 90)).reason("n3: lease ended").sick("n1", func(h *NodeHealth) {
			h.Unknown = map[string]string{"web": "it has not reported on interface bond0 yet"}
		}), "web>n2 n3: lease ended; best priority is 90"},
		{"an interface not reported on yet is no reason to move", newCluster(2).group("web", "n1", nil).sick("n1", func(h *NodeHealth) {
			h.Unknown = map[string]string{"web": "it has not reported on interface bond0 yet"}
		}), ""},
		{"a failing check costs the group", newCluster(2).group("web", "n1", priorities(110, 100)).sick("n1", adjusted(-20)), "web>n2 preempt: priority 100 is better than 90 of n1 (haproxy fails: -20)"},
		{"a failing check that costs too little", newCluster(2).group("web", "n1", priorities(110, 100)).sick("n1", adjusted(-10)), ""},
		{"a failing check does not move a group that is not to be preempted", newCluster(2).group("web", "n1", func(g *state.Group) { priorities(110, 100)(g); g.Preempt = false }).sick("n1", adjusted(-20)), ""},
		{"a mild trouble moves nothing", newCluster(2).group("web", "n1", priorities(110, 110)).sick("n1", mildly(-20)), ""},
		{"and is no reason to take back", newCluster(2).group("web", "n1", priorities(100, 110)).sick("n2", mildly(-20)), ""},
		{"and does not hold up a better node", newCluster(2).group("web", "n1", priorities(100, 110)).sick("n1", mildly(-20)), "web>n2 preempt: priority 110 is better than 100 of n1"},
		{"but counts where a holder has to be found", newCluster(3).group("web", "n3", priorities(110, 100, 120)).sick("n3", unfit).sick("n1", mildly(-20)), "web>n2 n3: it is stopping; best priority is 100"},
		{"health never makes a node ineligible by its sum", newCluster(1).group("web", "", nil).sick("n1", adjusted(-500)), "web>n1 new group; best priority is 1"},
		{"nor an address owner", newCluster(1).group("web", "", nil).sick("n1", adjusted(500)), "web>n1 new group; best priority is 254"},
		{"nor lets hold what is never to be held", newCluster(1).group("web", "", priorities(0)).sick("n1", adjusted(50)), ""},
		{"the health of an earlier start counts for nothing", newCluster(2).group("web", "n1", priorities(110, 100)).sick("n1", func(h *NodeHealth) { adjusted(-20)(h); h.Epoch = 0 }), ""},
		{"a problem with another group", newCluster(2).group("web", "n1", nil).sick("n1", func(h *NodeHealth) { h.Ineligible = map[string]string{"db": "it has no interface bond0"} }), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plan := Decide(tt.in.State, tt.in.health, 0, nil)
			if diff := cmp.Diff(tt.want, show(plan)); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

func adjusted(by int) func(*NodeHealth) {
	return func(h *NodeHealth) { h.Adjust = map[string]Adjustment{"web": {By: by, Why: "haproxy fails: -20"}} }
}

func mildly(by int) func(*NodeHealth) {
	return func(h *NodeHealth) {
		h.Adjust = map[string]Adjustment{"web": {By: by, Mild: by, Why: "bond0 has 1 of 2 links usable: -20"}}
	}
}

func show(p Plan) string {
	var lines []string
	for _, d := range p.Decisions {
		lines = append(lines, fmt.Sprintf("%s>%s %s", d.Group, d.To, d.Reason))
	}
	return strings.Join(lines, "\n")
}

func TestDrainedAndWitness(t *testing.T) {
	c := newCluster(3).group("web", "n1", nil)
	c.Nodes["n1"].Drained = true
	c.Nodes["n2"].Witness = true
	if got := show(Decide(c.State, c.health, 0, nil)); got != "web>n3 n1: it is drained; best priority is 100" {
		t.Errorf("got %s", got)
	}
}

func TestPinnedIsNotPreempted(t *testing.T) {
	c := newCluster(2).group("web", "n1", priorities(90, 110))
	c.Assignments["web"].Pinned = true
	if got := show(Decide(c.State, c.health, 0, nil)); got != "" {
		t.Errorf("an operator's move was undone: %s", got)
	}
}

func TestPreemptDelay(t *testing.T) {
	c := newCluster(2).group("web", "n1", func(g *state.Group) { priorities(90, 110)(g); g.PreemptDelay = 10 * time.Second })
	start := time.Hour
	first := Decide(c.State, c.health, start, nil)
	if len(first.Decisions) > 0 || first.Next != start+10*time.Second {
		t.Fatalf("at once: %s, next look at %v", show(first), first.Next)
	}
	before := Decide(c.State, c.health, start+10*time.Second-1, first.Better)
	if len(before.Decisions) > 0 {
		t.Fatalf("a nanosecond early: %s", show(before))
	}
	if on := Decide(c.State, c.health, start+10*time.Second, before.Better); len(on.Decisions) != 1 {
		t.Fatalf("when the delay is over: %s", show(on))
	}
	c.sick("n2", func(h *NodeHealth) { h.Unfit = "it is stopping" })
	gone := Decide(c.State, c.health, start+5*time.Second, first.Better)
	c.sick("n2", func(h *NodeHealth) { h.Unfit = "" })
	if again := Decide(c.State, c.health, start+11*time.Second, gone.Better); len(again.Decisions) > 0 {
		t.Fatalf("the better node was away in between, so the delay starts anew: %s", show(again))
	}
}

func TestGroupsSpread(t *testing.T) {
	c := newCluster(3)
	for i := range 9 {
		c.group(fmt.Sprintf("g%d", i), "", nil)
	}
	count := map[string]int{}
	for _, d := range Decide(c.State, c.health, 0, nil).Decisions {
		count[d.To]++
	}
	if diff := cmp.Diff(map[string]int{"n1": 3, "n2": 3, "n3": 3}, count); diff != "" {
		t.Errorf("groups on each node (-want +got):\n%s", diff)
	}
}

func TestMovesShareTheirWay(t *testing.T) {
	moves := Moves([]Decision{
		{Group: "a", Serial: 1, To: "n1", Epoch: 4, Reason: "r"},
		{Group: "b", Serial: 2, To: "n2", Epoch: 5, Reason: "r"},
		{Group: "c", Serial: 3, To: "n1", Epoch: 4, Reason: "r"},
	})
	want := []state.Move{
		{Groups: []state.Expected{{Group: "a", Serial: 1}, {Group: "c", Serial: 3}}, To: "n1", Epoch: 4, Reason: "r"},
		{Groups: []state.Expected{{Group: "b", Serial: 2}}, To: "n2", Epoch: 5, Reason: "r"},
	}
	if diff := cmp.Diff(want, moves); diff != "" {
		t.Errorf("moves (-want +got):\n%s", diff)
	}
}

// TestDecideProperties: the same input gives the same answer; what is carried out settles; nobody gets a
// group who may not hold it; a group whose holder is as good as any stays.
func TestDecideProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		plan := Decide(c.State, c.health, 0, nil)
		if diff := cmp.Diff(plan, Decide(c.State, c.health, 0, nil)); diff != "" {
			t.Fatalf("two answers to one question:\n%s", diff)
		}
		for _, d := range plan.Decisions {
			checkDecision(t, c, d)
		}
		next := c.State
		if len(plan.Decisions) > 0 {
			next, _ = c.Apply(c.Index+1, state.Command{Assign: &state.Assign{Moves: Moves(plan.Decisions)}})
		}
		for _, g := range c.Groups {
			if g.Apart != "" || g.Balance {
				return // one move may make room for the next: see TestMovesComeToAnEnd
			}
		}
		if again := Decide(next, c.health, 0, nil); len(again.Decisions) > 0 {
			t.Fatalf("after all was carried out there is still more to do: %s", show(again))
		}
	})
}

func checkDecision(t *rapid.T, c *cluster, d Decision) {
	if d.Reason == "" {
		t.Fatalf("%s moves to %q without a reason", d.Group, d.To)
	}
	g, old := c.Groups[d.Group], c.Assignments[d.Group]
	for _, candidate := range Rank(c.State, c.health, g, PlacesOf(c.State)) {
		// Groups that are kept apart may make room for each other, so what counts is the group by itself.
		if alone := standing(c.Nodes[candidate.Node], c.health[candidate.Node], g); candidate.Node == d.To && !alone.Eligible {
			t.Fatalf("%s goes to %s: %s", d.Group, d.To, alone.Why)
		}
		if candidate.Node == old.Holder && candidate.Tolerated && g.Together == "" && !g.ApartStrict && !g.Preempt {
			t.Fatalf("%s leaves %s, which can hold it, and does not preempt", d.Group, old.Holder)
		}
		if g.Together == "" && g.Apart == "" && !g.Balance && candidate.Node == old.Holder && candidate.Tolerated && d.To != "" && candidate.Priority >= g.PriorityOn(d.To) {
			t.Fatalf("%s moves from %s (%d) to %s (%d) for nothing", d.Group, old.Holder, candidate.Priority, d.To, g.PriorityOn(d.To))
		}
	}
}

func draw(t *rapid.T) *cluster {
	c := newCluster(rapid.IntRange(1, 5).Draw(t, "nodes"))
	var names []string
	for name, n := range c.Nodes {
		names = append(names, name)
		if rapid.Bool().Draw(t, "label") {
			n.Labels = map[string]string{"rack": "a"}
		}
		n.Drained = rapid.IntRange(0, 5).Draw(t, "drained") == 0
		if rapid.IntRange(0, 5).Draw(t, "dead") == 0 {
			n.Epoch = 0
		}
		c.sick(name, func(h *NodeHealth) {
			h.Unfit = rapid.SampledFrom([]string{"", "", "", "it is stopping"}).Draw(t, "unfit")
			h.Suspect = rapid.SampledFrom([]string{"", "", "", "it is silent"}).Draw(t, "suspect")
		})
	}
	pairs := map[string]bool{} // of sets that one group is in
	for i := range rapid.IntRange(0, 6).Draw(t, "groups") {
		holder := rapid.SampledFrom(append(names, "")).Draw(t, "holder")
		if n := c.Nodes[holder]; n != nil && !n.Live() {
			holder = "" // the state has no dead holders
		}
		c.group(fmt.Sprintf("g%d", i), holder, func(g *state.Group) {
			g.Preempt = rapid.Bool().Draw(t, "preempt")
			g.Apart = rapid.SampledFrom([]string{"", "", "set1", "set2"}).Draw(t, "apart")
			g.ApartStrict = g.Apart == "set2"
			g.Balance = rapid.Bool().Draw(t, "balance")
			if rapid.IntRange(0, 5).Draw(t, "selector") == 0 {
				g.Selector = map[string]string{"rack": "a"}
			}
			g.Together = rapid.SampledFrom([]string{"", "", "", "set1", "set2"}).Draw(t, "together")
			if pair := g.Together + " " + g.Apart; g.Together != "" && g.Apart != "" {
				if pairs[pair] {
					g.Together = "" // a specification refuses it
				}
				pairs[pair] = true
			}
			g.Priorities = map[string]int{}
			for _, name := range names {
				g.Priorities[name] = rapid.IntRange(0, 3).Draw(t, "priority")
			}
		})
	}
	return c
}
