package placement

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vipd/cluster/state"
)

// leader decides and carries out, remembering as the conductor does, on a clock of its own.
type leader struct {
	*cluster
	now    time.Duration
	flaps  Flaps
	better Better
	moves  int
}

// decide carries out what is to be done now, and returns who holds web.
func (l *leader) decide() string {
	for range 10 {
		health := Health{}
		for name, h := range l.health {
			h.Damped = nil
			health[name] = h
		}
		l.flaps.Look(l.State, health, l.now)
		health.Damp(l.State, l.flaps.Damped())
		plan := Decide(l.State, health, l.now, l.better)
		l.better = plan.Better
		if len(plan.Decisions) == 0 {
			break
		}
		l.moves += len(plan.Decisions)
		l.State, _ = l.Apply(l.Index+1, state.Command{Assign: &state.Assign{Moves: Moves(plan.Decisions)}})
		for _, d := range plan.Decisions {
			if d.Lost != "" {
				l.flaps.Lost(Stay{d.Group, d.Lost}, l.now)
			}
		}
	}
	return l.Assignments["web"].Holder
}

func (l *leader) want(t *testing.T, when, holder string) {
	t.Helper()
	if got := l.decide(); got != holder {
		t.Fatalf("%v, %s: %s holds it, want %s; damped are %v", l.now, when, got, holder, l.flaps.Damped())
	}
}

func newLeader(c *cluster) *leader {
	c.Cluster = "c"
	return &leader{cluster: c, now: time.Hour}
}

func well(h *NodeHealth) { h.Adjust, h.Ineligible = nil, nil }

func ill(h *NodeHealth) { h.Ineligible = map[string]string{"web": "check x fails"} }

func weak(h *NodeHealth) {
	h.Adjust = map[string]Adjustment{"web": {By: -20, Lacks: 20, Why: "check x fails: -20"}}
}

// bonus is a positive weight that is not there while the check fails.
func bonus(h *NodeHealth) { h.Adjust = map[string]Adjustment{"web": {Lacks: 20}} }

// flapTwice makes n1 lose its group twice within a minute.
func (l *leader) flapTwice(t *testing.T, fault func(*NodeHealth)) {
	t.Helper()
	for range 2 {
		l.want(t, "n1 is well", "n1")
		l.now += 10 * time.Second
		l.sick("n1", fault)
		l.want(t, "n1 is ill", "n2")
		l.now += 10 * time.Second
		l.sick("n1", well)
	}
	l.want(t, "n1 is well, and flapped", "n2")
}

func TestFlappingNodeIsNotPreferred(t *testing.T) {
	for name, fault := range map[string]func(*NodeHealth){"excluded": ill, "weakened": weak} {
		t.Run(name, func(t *testing.T) {
			l := newLeader(newCluster(2).group("web", "n1", priorities(110, 100)))
			l.flapTwice(t, fault)
			since := l.now
			l.now = since + time.Minute - 1
			l.want(t, "a nanosecond before it is stable", "n2")
			l.now++
			l.want(t, "stable", "n1")
			l.sick("n1", fault)
			l.want(t, "ill again", "n2")
			l.sick("n1", well)
			l.want(t, "the old losses are forgotten", "n1")
		})
	}
}

func TestFlappingOfAPositiveWeight(t *testing.T) {
	l := newLeader(newCluster(2).group("web", "n1", priorities(95, 100)))
	good := func(h *NodeHealth) { h.Adjust = map[string]Adjustment{"web": {By: 20, Why: "check x is ok: +20"}} }
	l.sick("n1", good)
	for range 2 {
		l.want(t, "well", "n1")
		l.sick("n1", bonus)
		l.want(t, "the check fails", "n2")
		l.sick("n1", good)
		l.now += time.Second
	}
	l.want(t, "well, and flapped", "n2")
}

// The stable time begins anew with each change, also with one that costs no group.
func TestDampingLastsUntilStable(t *testing.T) {
	l := newLeader(newCluster(2).group("web", "n1", priorities(110, 100)))
	l.flapTwice(t, ill)
	for range 5 {
		l.now += 50 * time.Second
		l.sick("n1", ill)
		l.want(t, "ill", "n2")
		l.sick("n1", well)
		l.want(t, "well", "n2")
	}
	l.now += time.Minute
	l.want(t, "stable", "n1")
}

func TestDampedNodeIsBetterThanNone(t *testing.T) {
	l := newLeader(newCluster(3).group("web", "n1", priorities(110, 100, 90)))
	l.flapTwice(t, ill)
	l.sick("n2", func(h *NodeHealth) { h.Unfit = "it is stopping" })
	l.want(t, "n2 stops", "n3")
	l.sick("n3", func(h *NodeHealth) { h.Unfit = "it is stopping" })
	l.want(t, "n3 stops", "n1")
	l.sick("n3", func(h *NodeHealth) { h.Unfit = "" })
	l.want(t, "a worse one comes back", "n1")
}

func TestOperatorOverridesDamping(t *testing.T) {
	l := newLeader(newCluster(2).group("web", "n1", priorities(110, 100)))
	l.flapTwice(t, ill)
	a := l.Assignments["web"]
	l.State, _ = l.Apply(l.Index+1, state.Command{Assign: &state.Assign{Moves: []state.Move{{Groups: []state.Expected{{Group: "web", Serial: a.Serial}}, To: "n1", Epoch: 1, Reason: "moved by an operator", Pin: true}}}})
	l.want(t, "after vipctl move", "n1")
	if damped := l.flaps.Damped(); len(damped) > 0 {
		t.Errorf("%v are damped still", damped)
	}
}

func TestNoDamping(t *testing.T) {
	never := func(g *state.Group) { priorities(110, 100)(g); g.Damping = new(time.Duration) }
	l := newLeader(newCluster(2).group("web", "n1", never))
	for range 5 {
		l.want(t, "well", "n1")
		l.sick("n1", ill)
		l.want(t, "ill", "n2")
		l.sick("n1", well)
	}
}

// Losses that are nobody's fault, and those that are long ago, damp nothing.
func TestWhatIsNoFlapping(t *testing.T) {
	drain := func(l *leader, on bool) {
		n := *l.Nodes["n1"]
		n.Drained = on
		l.Nodes["n1"] = &n
	}
	l := newLeader(newCluster(2).group("web", "n1", priorities(110, 100)))
	for range 5 {
		l.want(t, "undrained", "n1")
		drain(l, true)
		l.want(t, "drained", "n2")
		drain(l, false)
	}
	for range 5 {
		l.want(t, "n2 loses it to a better one", "n1")
		l.sick("n1", ill)
		l.want(t, "ill", "n2")
		l.sick("n1", well)
		l.now += FlapWithin + 1
	}
	if diff := cmp.Diff([]Stay(nil), l.flaps.Damped()); diff != "" {
		t.Errorf("damped (-want +got):\n%s", diff)
	}
}

func TestInheritedDampingEnds(t *testing.T) {
	l := newLeader(newCluster(2).group("web", "n2", priorities(110, 100)))
	l.flaps.Inherit(Stay{"web", "n1"})
	l.want(t, "inherited", "n2")
	l.now += time.Minute
	l.want(t, "stable", "n1")
}

// However nodes flap, a group has a holder whenever a node is eligible, and moves for a fault or because somebody was
// stable for the damping: not more often than twice for each damping and node, once losses are counted.
func TestFlappingIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLeader(newCluster(3).group("web", "n1", priorities(110, 100, 90)))
		const minutes = 10
		for range minutes * 60 {
			l.now += time.Second
			// n2 is always well; n1 flaps.
			l.sick("n1", rapid.SampledFrom([]func(*NodeHealth){ill, weak, well, well}).Draw(t, "n1"))
			if l.decide() == "" {
				t.Fatal("nobody holds it")
			}
		}
		if most := 2 * 2 * (minutes + 1); l.moves > most {
			t.Fatalf("%d moves in %d minutes, want at most %d", l.moves, minutes, most)
		}
	})
}

func ExampleHealth_Damp() {
	c := newCluster(1).group("web", "n1", nil)
	c.health.Damp(c.State, []Stay{{"web", "n1"}})
	fmt.Println(c.health["n1"].Damped["web"])
	// Output: it lost web twice within 1m, and is not preferred until it has been stable for 1m
}

// A holder that is silent for a moment may keep the group, and a damped node does not take it for that.
func TestDampedNodeTakesNothingFromASilentOne(t *testing.T) {
	l := newLeader(newCluster(2).group("web", "n1", priorities(110, 100)))
	l.flapTwice(t, ill)
	l.sick("n2", func(h *NodeHealth) { h.Suspect = "it is silent" })
	l.want(t, "n2 is silent", "n2")
}
