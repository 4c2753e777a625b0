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

func outcomes(list []Outcome) string {
	var lines []string
	for _, o := range list {
		lines = append(lines, fmt.Sprintf("%s %s>%s after %v: %s", o.Group, o.From, o.To, o.After, o.Reason))
	}
	return strings.Join(lines, "\n")
}

func TestSimulateWaitsForDelays(t *testing.T) {
	delayed := func(d time.Duration) func(*state.Group) {
		return func(g *state.Group) { priorities(90, 110)(g); g.PreemptDelay = d }
	}
	c := newCluster(2).group("a", "n1", delayed(10*time.Second)).group("b", "n1", delayed(0)).group("c", "n2", delayed(time.Minute))
	const want = "a n1>n2 after 10s: preempt: priority 110 is better than 90 of n1\nb n1>n2 after 0s: preempt: priority 110 is better than 90 of n1"
	if diff := cmp.Diff(want, outcomes(Simulate(c.State, c.State, c.health))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A group that would come back to where it was does not move.
func TestSimulateTellsTheEnd(t *testing.T) {
	c := newCluster(2).group("a", "n1", in("s", 110, 90)).group("b", "n2", in("s", 110, 90))
	const want = "b n2>n1 after 0s: set s is on several nodes; best priority is 110"
	if diff := cmp.Diff(want, outcomes(Simulate(c.State, c.State, c.health))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is foretold is what happens, and the state that is asked about stays as it was.
func TestSimulateForetells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		before := holdersIn(c.State)
		foretold := holdersIn(c.State)
		for _, o := range Simulate(c.State, c.State, c.health) {
			if o.From != foretold[o.Group] || o.From == o.To {
				t.Fatalf("%+v, and %s has it", o, foretold[o.Group])
			}
			foretold[o.Group] = o.To
		}
		if diff := cmp.Diff(before, holdersIn(c.State)); diff != "" {
			t.Fatalf("the state changed:\n%s", diff)
		}
		s := c.State
		for range 2*len(c.Groups) + 2 {
			if plan := Decide(s, c.health, 0, nil); len(plan.Decisions) > 0 {
				s, _ = s.Apply(s.Index+1, state.Command{Assign: &state.Assign{Moves: Moves(plan.Decisions)}})
			}
		}
		if diff := cmp.Diff(holdersIn(s), foretold); diff != "" {
			t.Fatalf("who holds what (-happened +foretold):\n%s", diff)
		}
	})
}

func holdersIn(s *state.State) map[string]string {
	holders := map[string]string{}
	for name, a := range s.Assignments {
		holders[name] = a.Holder
	}
	return holders
}
