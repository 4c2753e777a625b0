package placement

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vipd/cluster/state"
)

// apart puts a group into a set of groups that are kept apart.
func apart(p ...int) func(*state.Group) {
	return func(g *state.Group) {
		if len(p) > 0 {
			priorities(p...)(g)
		}
		g.Apart = "s"
	}
}

func strict(p ...int) func(*state.Group) {
	return func(g *state.Group) { apart(p...)(g); g.ApartStrict = true }
}

func TestApart(t *testing.T) {
	stays := func(g *state.Group) { apart(110, 100)(g); g.Preempt = false }
	only := func(nodes ...string) func(*state.Group) {
		return func(g *state.Group) { strict()(g); g.Nodes = nodes }
	}
	for _, tt := range []struct {
		name string
		in   *cluster
		want string
	}{
		{"new ones go to different nodes, whatever the priorities", newCluster(3).group("a", "", apart(110, 100, 90)).group("b", "", apart(110, 100, 90)),
			"a>n1 new group; best priority is 110\nb>n2 new group; best priority is 100"},
		{"nothing to do", newCluster(2).group("a", "n1", apart(90, 110)).group("b", "n2", apart(110, 90)), ""},
		{"with one node they share it", newCluster(1).group("a", "n1", apart()).group("b", "", apart()), "b>n1 new group; best priority is 100"},
		{"when a second one is there, the one that likes it better goes", newCluster(2).group("a", "n1", apart(110, 100)).group("b", "n1", apart(100, 110)),
			"b>n2 apart: n1 has more of the groups that this one is kept apart from"},
		{"or that loses least", newCluster(2).group("a", "n1", apart(110, 100)).group("b", "n1", apart(150, 100)),
			"a>n2 apart: n1 has more of the groups that this one is kept apart from"},
		{"not one that does not preempt", newCluster(2).group("a", "n1", stays).group("b", "n1", stays), ""},
		{"the node that fails them least", newCluster(3).group("a", "n1", apart(100, 110, 90)).group("b", "n2", apart(100, 110, 90)).sick("n1", func(h *NodeHealth) { h.Unfit = "it is stopping" }),
			"a>n3 n1: it is stopping; best priority is 90"},
		{"more groups than nodes are spread", newCluster(2).group("a", "n1", apart(110, 100)).group("b", "n1", apart(110, 100)).group("c", "n1", apart(110, 100)).group("d", "", apart(110, 100)),
			"a>n2 apart: n1 has more of the groups that this one is kept apart from\nd>n2 new group; best priority is 100"},
		{"strict ones have no holder before they share one", newCluster(1).group("a", "n1", strict()).group("b", "", strict()), ""},
		{"of two that become strict, the one that came first stays", newCluster(1).group("b", "n1", strict()).group("a", "n1", func(g *state.Group) { strict()(g) }).serial("a", 9),
			"a> n1: b, which is kept apart from it, is there; no other node is eligible"},
		{"and the other goes where it can", newCluster(2).group("b", "n1", strict()).group("a", "n1", strict()).serial("a", 9),
			"a>n2 n1: b, which is kept apart from it, is there; best priority is 100"},
		{"the one with less choice chooses first", newCluster(2).group("a", "", only("n1", "n2")).group("b", "", only("n1")),
			"a>n2 new group; best priority is 100\nb>n1 new group; best priority is 100"},
		{"sets of their own", newCluster(1).group("a", "n1", strict()).group("b", "", func(g *state.Group) { strict()(g); g.Apart = "t" }), "b>n1 new group; best priority is 100"},
		{"with those that go together", newCluster(2).group("a", "n1", in("x")).group("b", "n1", func(g *state.Group) { in("x")(g); g.Apart = "s" }).group("c", "", apart(110, 100)),
			"c>n2 new group; best priority is 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, show(Decide(tt.in.State, tt.in.health, 0, nil))); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

func (c *cluster) serial(group string, n uint64) *cluster {
	c.Assignments[group].Serial = n
	return c
}

func TestSelection(t *testing.T) {
	c := newCluster(3)
	c.Nodes["n2"].Labels = map[string]string{"rack": "a", "disk": "ssd"}
	c.Nodes["n3"].Labels = map[string]string{"rack": "b"}
	choosing := func(selector map[string]string, nodes ...string) *state.Group {
		return &state.Group{Name: "g", Priority: 100, Selector: selector, Nodes: nodes}
	}
	for _, tt := range []struct {
		group *state.Group
		want  [3]string // why each is not eligible
	}{
		{choosing(map[string]string{"rack": "a"}), [3]string{"it has no label rack, and the group wants rack: a", "", "its label is rack: b, and the group wants rack: a"}},
		{choosing(map[string]string{"rack": "a", "disk": "hdd"}), [3]string{"it has no label disk, and the group wants disk: hdd", "its label is disk: ssd, and the group wants disk: hdd", "it has no label disk, and the group wants disk: hdd"}},
		{choosing(nil, "n1", "n3"), [3]string{"", "the group's `nodes` do not name it", ""}},
		{choosing(map[string]string{"rack": "b"}, "n1", "n3"), [3]string{"it has no label rack, and the group wants rack: b", "the group's `nodes` do not name it", ""}},
	} {
		c.Groups["g"], c.Assignments["g"] = tt.group, &state.Assignment{Group: "g"}
		var got [3]string
		for _, candidate := range Rank(c.State, c.health, tt.group, PlacesOf(c.State)) {
			got[candidate.Node[1]-'1'] = candidate.Why
			if candidate.Eligible != (candidate.Why == "") {
				t.Errorf("%+v", candidate)
			}
		}
		if got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.group, got, tt.want)
		}
	}
}

// A group leaves a node that lost the label, and that alone.
func TestALabelThatGoes(t *testing.T) {
	c := newCluster(2).group("web", "n1", func(g *state.Group) { g.Selector = map[string]string{"rack": "a"} })
	c.Nodes["n2"].Labels = map[string]string{"rack": "a"}
	if got := show(Decide(c.State, c.health, 0, nil)); got != "web>n2 n1: it has no label rack, and the group wants rack: a; best priority is 100" {
		t.Error(got)
	}
}

func balanced(g *state.Group) { g.Balance = true }

func TestBalance(t *testing.T) {
	returned := func(change func(*state.Group)) *cluster {
		c := newCluster(3)
		for i := range 9 {
			c.group(fmt.Sprintf("g%d", i), fmt.Sprintf("n%d", i%2+1), change)
		}
		return c
	}
	if got := show(Decide(returned(nil).State, returned(nil).health, 0, nil)); got != "" {
		t.Errorf("without balance: %s", got)
	}
	c := returned(balanced)
	plan := Decide(c.State, c.health, 0, nil)
	if diff := cmp.Diff("g0>n3 balance: n1 holds 5 groups, n3 0\ng1>n3 balance: n2 holds 4 groups, n3 1\ng2>n3 balance: n1 holds 4 groups, n3 2", show(plan)); diff != "" {
		t.Errorf("a node came back (-want +got):\n%s", diff)
	}
	c.Assignments["g0"].Pinned = true
	if plan := Decide(c.State, c.health, 0, nil); len(plan.Decisions) != 3 || plan.Decisions[0].Group == "g0" {
		t.Errorf("with one that an operator put there: %s", show(plan))
	}
	one := newCluster(2).group("a", "n1", balanced).group("b", "n1", balanced).group("c", "n2", balanced)
	if got := show(Decide(one.State, one.health, 0, nil)); got != "" {
		t.Errorf("one more than the other is even enough: %s", got)
	}
	worse := newCluster(2)
	for _, name := range []string{"a", "b", "c"} {
		worse.group(name, "n1", func(g *state.Group) { balanced(g); priorities(110, 100)(g) })
	}
	if got := show(Decide(worse.State, worse.health, 0, nil)); got != "" {
		t.Errorf("priorities count more: %s", got)
	}
	late := returned(func(g *state.Group) { balanced(g); g.PreemptDelay = time.Minute })
	if plan := Decide(late.State, late.health, 0, nil); len(plan.Decisions) != 0 || plan.Next != time.Minute {
		t.Errorf("before preempt_delay: %s, next look at %v", show(plan), plan.Next)
	}
}

// Whatever there was, what is decided comes to an end, and then the groups are as far apart as they can get by a move
// of one of them.
func TestMovesComeToAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		s := c.State
		for range 2*len(c.Groups) + 2 {
			plan := Decide(s, c.health, 0, nil)
			if len(plan.Decisions) == 0 {
				checkSettled(t, c, s)
				return
			}
			s, _ = s.Apply(s.Index+1, state.Command{Assign: &state.Assign{Moves: Moves(plan.Decisions)}})
		}
		t.Fatalf("it goes on: %s", show(Decide(s, c.health, 0, nil)))
	})
}

func checkSettled(t *rapid.T, c *cluster, s *state.State) {
	places := PlacesOf(s)
	for name, g := range s.Groups {
		ranking := Rank(s, c.health, g, places)
		holder := s.Assignments[name].Holder
		if holder == "" && len(ranking) > 0 && ranking[0].Eligible && g.Together == "" {
			t.Fatalf("%s could be on %s and is nowhere", name, ranking[0].Node)
		}
		for _, candidate := range ranking {
			if candidate.Node != holder {
				continue
			}
			if !candidate.Tolerated {
				t.Fatalf("%s is on %s: %s", name, holder, candidate.Why)
			}
			if g.Preempt && g.Together == "" && ranking[0].Eligible && ranking[0].Crowd < candidate.Crowd {
				t.Fatalf("%s is on %s with %d others, and could be on %s", name, holder, candidate.Crowd, ranking[0].Node)
			}
		}
	}
}
