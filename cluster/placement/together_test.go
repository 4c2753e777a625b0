package placement

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vipd/cluster/state"
)

// in puts a group into a set.
func in(set string, p ...int) func(*state.Group) {
	return func(g *state.Group) {
		if len(p) > 0 {
			priorities(p...)(g)
		}
		g.Together = set
	}
}

func TestTogether(t *testing.T) {
	unable := func(group string) func(*NodeHealth) {
		return func(h *NodeHealth) { h.Ineligible = map[string]string{group: "its interface eth1 is down"} }
	}
	unknown := func(group string) func(*NodeHealth) {
		return func(h *NodeHealth) { h.Unknown = map[string]string{group: "it has not run check x yet"} }
	}
	still := func(g *state.Group) { in("s", 90, 110)(g); g.Preempt = false }
	for _, tt := range []struct {
		name string
		in   *cluster
		want string
	}{
		{"new ones go to one node", newCluster(3).group("a", "", in("s", 110, 90, 100)).group("b", "", in("s", 100, 100, 100)),
			"a>n1 new group; best priority is 100\nb>n1 new group; best priority is 100"},
		{"the worst priority of each counts", newCluster(2).group("a", "", in("s", 200, 100)).group("b", "", in("s", 50, 90)),
			"a>n2 new group; best priority is 90\nb>n2 new group; best priority is 90"},
		{"nothing to do", newCluster(3).group("a", "n2", in("s")).group("b", "n2", in("s")), ""},
		{"what one cannot hold none can", newCluster(2).group("a", "n1", in("s", 110, 90)).group("b", "n1", in("s", 110, 90)).sick("n1", unable("b")),
			"a>n2 n1: b goes with it: its interface eth1 is down; best priority is 90\nb>n2 n1: b goes with it: its interface eth1 is down; best priority is 90"},
		{"nobody can hold all", newCluster(1).group("a", "n1", in("s")).group("b", "n1", in("s")).sick("n1", unable("b")),
			"a> n1: b goes with it: its interface eth1 is down; no other node is eligible\nb> n1: b goes with it: its interface eth1 is down; no other node is eligible"},
		{"a better node takes all", newCluster(2).group("a", "n1", in("s", 90, 110)).group("b", "n1", in("s", 100, 120)),
			"a>n2 preempt: priority 110 is better than 90 of n1\nb>n2 preempt: priority 110 is better than 90 of n1"},
		{"one that does not preempt keeps all", newCluster(2).group("a", "n1", in("s", 90, 110)).group("b", "n1", still), ""},
		{"on two nodes", newCluster(2).group("a", "n1", in("s", 90, 110)).group("b", "n2", in("s", 90, 110)), "a>n2 set s is on several nodes; best priority is 110"},
		{"a new one goes to the others", newCluster(2).group("a", "n1", in("s", 110, 90)).group("b", "", in("s", 110, 90)), "b>n1 goes together with what n1 holds"},
		{"with a new one all go to a better node", newCluster(2).group("a", "n1", in("s", 90, 110)).group("b", "", in("s", 90, 110)),
			"a>n2 preempt: priority 110 is better than 90 of n1\nb>n2 preempt: priority 110 is better than 90 of n1"},
		{"a new one waits for what its holder has to say", newCluster(2).group("a", "n1", in("s")).group("b", "", in("s")).sick("n1", unknown("b")), ""},
		{"unknown is no reason to move", newCluster(2).group("a", "n1", in("s")).group("b", "n1", in("s")).sick("n1", unknown("b")), ""},
		{"new ones wait for all", newCluster(2).group("a", "", in("s")).group("b", "", in("s")).sick("n2", unknown("b")), ""},
		{"a failing check moves all", newCluster(2).group("web", "n1", in("s", 110, 100)).group("db", "n1", in("s", 110, 100)).sick("n1", adjusted(-20)),
			"db>n2 preempt: priority 100 is better than 90 of n1 (haproxy fails: -20)\nweb>n2 preempt: priority 100 is better than 90 of n1 (haproxy fails: -20)"},
		{"sets do not concern each other", newCluster(2).group("a", "n1", in("s")).group("b", "n2", in("t")).group("c", "n2", nil), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, show(Decide(tt.in.State, tt.in.health, 0, nil))); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTogetherWaitsForTheLongestDelay(t *testing.T) {
	delayed := func(d time.Duration) func(*state.Group) {
		return func(g *state.Group) { in("s", 90, 110)(g); g.PreemptDelay = d }
	}
	c := newCluster(2).group("a", "n1", delayed(time.Second)).group("b", "n1", delayed(3*time.Second))
	plan := Decide(c.State, c.health, 10*time.Second, nil)
	if len(plan.Decisions) > 0 || plan.Next != 13*time.Second {
		t.Fatalf("%s; next at %v", show(plan), plan.Next)
	}
	if plan = Decide(c.State, c.health, 13*time.Second-1, plan.Better); len(plan.Decisions) > 0 {
		t.Fatalf("too early: %s", show(plan))
	}
	if plan = Decide(c.State, c.health, 13*time.Second, plan.Better); len(plan.Decisions) != 2 {
		t.Errorf("after the delay: %s", show(plan))
	}
}

func TestPinnedSetStays(t *testing.T) {
	c := newCluster(2).group("a", "n1", in("s", 90, 110)).group("b", "n1", in("s", 90, 110))
	c.Assignments["a"].Pinned = true
	if plan := Decide(c.State, c.health, 0, nil); len(plan.Decisions) > 0 {
		t.Errorf("%s", show(plan))
	}
	if names := With(c.State, c.Groups["b"]); strings.Join(names, " ") != "a b" {
		t.Errorf("an operator moves %v", names)
	}
}

// Whatever there was: what is decided brings each set to one node, or takes it from all; and all groups of a set have
// one ranking, in which nobody stands better than for any of them alone.
func TestTogetherProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		plan := Decide(c.State, c.health, 0, nil)
		next := c.State
		if len(plan.Decisions) > 0 {
			next, _ = c.Apply(c.Index+1, state.Command{Assign: &state.Assign{Moves: Moves(plan.Decisions)}})
		}
		holder := map[string]string{}
		for name, g := range c.Groups {
			if g.Together == "" {
				continue
			}
			a := next.Assignments[name]
			if h, seen := holder[g.Together]; seen && h != a.Holder {
				// A group that nobody has waits while the holder of the others says nothing, and no longer.
				waits := a.Holder == "" || h == ""
				if held := a.Holder + h; !waits || eligible(Rank(next, c.health, g, PlacesOf(next)), held) {
					t.Fatalf("set %s is on %q and %q: %s", g.Together, h, a.Holder, show(plan))
				}
			}
			holder[g.Together] = a.Holder
			for _, candidate := range Rank(c.State, c.health, g, PlacesOf(c.State)) {
				alone := standing(c.Nodes[candidate.Node], c.health[candidate.Node], g)
				if candidate.Eligible && !alone.Eligible || candidate.Tolerated && !alone.Tolerated || candidate.Priority > alone.Priority && alone.Tolerated {
					t.Fatalf("%s stands for %s as %+v, alone as %+v", candidate.Node, name, candidate, alone)
				}
			}
		}
	})
}

func eligible(ranking []Candidate, node string) bool {
	for _, c := range ranking {
		if c.Node == node {
			return c.Eligible
		}
	}
	return false
}
