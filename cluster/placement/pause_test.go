package placement

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vipd/cluster/state"
)

func (c *cluster) paused() *cluster {
	c.Paused = &state.Pause{}
	return c
}

// last says who had a group that nobody has.
func (c *cluster) last(group, node string) *cluster {
	c.Assignments[group].Last, c.Assignments[group].Reason = node, node+": lease ended"
	return c
}

func TestPaused(t *testing.T) {
	stopping := func(h *NodeHealth) { h.Unfit = "it is stopping" }
	drained := newCluster(2).paused().group("web", "n1", nil)
	drained.Nodes["n1"].Drained = true
	for _, tt := range []struct {
		name string
		in   *cluster
		want string
	}{
		{"a better node takes nothing", newCluster(2).paused().group("web", "n1", priorities(90, 110)), ""},
		{"a holder that cannot hold it keeps it", newCluster(2).paused().group("web", "n1", nil).sick("n1", func(h *NodeHealth) { h.Ineligible = map[string]string{"web": "check x fails"} }), ""},
		{"one that stops lets go", newCluster(2).paused().group("web", "n1", nil).sick("n1", stopping), "web> n1: it is stopping; moves are paused"},
		{"nobody takes what a dead one had", newCluster(2).paused().group("web", "", nil).last("web", "n3"), ""},
		{"it gets that back", newCluster(2).paused().group("web", "", priorities(90, 110)).last("web", "n1"), "web>n1 n1 is back; moves are paused"},
		{"but not before it can hold it", newCluster(2).paused().group("web", "", nil).last("web", "n1").sick("n1", stopping), ""},
		{"new groups are placed", newCluster(2).paused().group("web", "", priorities(90, 110)), "web>n2 new group; best priority is 110"},
		{"a drained node is emptied", drained, "web>n2 n1: it is drained; best priority is 100"},
		{"a set stays in parts", newCluster(2).paused().group("a", "n1", in("s")).group("b", "", in("s")).last("b", "n3"), ""},
		{"balance waits", newCluster(2).paused().group("a", "n1", balanced).group("b", "n1", balanced).group("c", "n1", balanced), ""},
		{"apart waits", newCluster(2).paused().group("a", "n1", apart()).group("b", "n1", apart()), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, show(Decide(tt.in.State, tt.in.health, 0, nil))); diff != "" {
				t.Errorf("decisions (-want +got):\n%s", diff)
			}
		})
	}
}

// While moves are paused no group goes from a node to another, unless the one is drained.
func TestPausedMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		c.Paused = &state.Pause{}
		for _, d := range Decide(c.State, c.health, 0, nil).Decisions {
			holder, drained := c.Assignments[d.Group].Holder, false
			for _, g := range togetherWith(c.State, c.Groups[d.Group]) {
				n := c.Nodes[c.Assignments[g.Name].Holder]
				drained = drained || n != nil && n.Drained
			}
			if holder != "" && d.To != "" && !drained {
				t.Fatalf("%s goes from %s to %s: %s", d.Group, holder, d.To, d.Reason)
			}
		}
	})
}
