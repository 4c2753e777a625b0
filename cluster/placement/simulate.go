package placement

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vipd/cluster/state"
)

// Outcome is what would become of a group.
type Outcome struct {
	Group    string
	From, To string        // empty: nobody
	After    time.Duration // once a preempt_delay is over
	Reason   string
}

// Simulate decides about a state and carries that out in thought until nothing is left to do, and returns the groups
// that then are elsewhere than in before, by name. Delays are waited for, and nothing else changes meanwhile.
func Simulate(before, s *state.State, h Health) []Outcome {
	last := map[string]Outcome{}
	var now time.Duration
	var better Better
	for range 4*len(s.Groups) + 4 { // each group moves and waits a few times at most
		plan := Decide(s, h, now, better)
		better = plan.Better
		if len(plan.Decisions) == 0 {
			if plan.Next <= now {
				break
			}
			now = plan.Next
			continue
		}
		for _, d := range plan.Decisions {
			last[d.Group] = Outcome{Reason: d.Reason, After: now}
		}
		s, _ = s.Apply(s.Index, state.Command{Assign: &state.Assign{Moves: Moves(plan.Decisions)}})
	}
	return compare(before, s, h, last)
}

// compare returns the groups that changed their holder, with what was decided last about each.
func compare(before, after *state.State, h Health, last map[string]Outcome) []Outcome {
	names := maps.Clone(before.Groups)
	maps.Copy(names, after.Groups)
	places := PlacesOf(after)
	var changed []Outcome
	for _, name := range slices.Sorted(maps.Keys(names)) {
		o := last[name]
		o.Group, o.From = name, holderOf(before, name)
		a := after.Assignments[name]
		if a == nil {
			o.Reason = "it is not served any more"
		} else if o.To = a.Holder; o.To == "" {
			o.Reason = a.Reason + nobodyElse(Rank(after, h, after.Groups[name], places))
		}
		if o.From != o.To || before.Groups[name] == nil {
			changed = append(changed, o)
		}
	}
	return changed
}

func holderOf(s *state.State, group string) string {
	if a := s.Assignments[group]; a != nil {
		return a.Holder
	}
	return ""
}

// nobodyElse says of each node why it does not hold a group that nobody holds.
func nobodyElse(ranking []Candidate) string {
	var why []string
	for _, c := range ranking {
		if c.Why != "" {
			why = append(why, fmt.Sprintf("%s: %s", c.Node, c.Why))
		}
	}
	if len(why) == 0 {
		return ""
	}
	return " (" + strings.Join(why, "; ") + ")"
}
