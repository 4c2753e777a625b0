package placement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vipd/cluster/state"
)

// Decision is one group's change of holder.
type Decision struct {
	Group  string
	Serial uint64 // of the assignment that it replaces
	To     string // empty: nobody is eligible
	Epoch  uint64
	Reason string
	// Lost is the node that loses the group by a fault of its own; empty: none does.
	Lost string
}

// Plan is what should change now, and when to look again.
type Plan struct {
	Decisions []Decision // sorted by group
	Better    Better     // to be given to the next Decide
	// Next is when a preempt_delay ends; 0: none is running.
	Next time.Duration
}

// Decide returns what should change. now and better serve preempt_delay alone: now is a time on the
// caller's own clock, better is what its last Plan remembered (nil at first).
func Decide(s *state.State, h Health, now time.Duration, better Better) Plan {
	d := decider{state: s, health: h, now: now, before: better, plan: Plan{Better: Better{}}, places: PlacesOf(s)}
	for _, name := range d.order() {
		switch set := togetherWith(s, s.Groups[name]); {
		case set[0].Name == name && d.paused(set):
		case s.Groups[name].Together == "":
			d.group(s.Groups[name])
		case set[0].Name == name:
			d.together(set)
		}
	}
	slices.SortStableFunc(d.plan.Decisions, func(a, b Decision) int { return cmp.Compare(a.Group, b.Group) })
	return d.plan
}

type decider struct {
	state  *state.State
	health Health
	now    time.Duration
	before Better
	plan   Plan
	places *Places // as they are once the plan is carried out
}

func (d *decider) group(g *state.Group) {
	current := d.state.Assignments[g.Name]
	ranking := Rank(d.state, d.health, g, d.places)
	if i := slices.IndexFunc(ranking, func(c Candidate) bool { return c.Node == current.Holder }); i >= 0 {
		holder := ranking[i]
		if holder.Tolerated && d.state.Nodes[holder.Node].Epoch == current.Epoch {
			d.preempt(g, holder, ranking)
			return
		}
		d.replace(g, ranking, fmt.Sprintf("%s: %s", holder.Node, holder.Why))
		return
	}
	d.replace(g, ranking, current.Reason)
}

// replace gives a group whose holder cannot keep it to the best node, or to nobody.
func (d *decider) replace(g *state.Group, ranking []Candidate, why string) {
	current := d.state.Assignments[g.Name]
	if current.Reason == state.NewGroup && slices.ContainsFunc(ranking, func(c Candidate) bool { return c.Pending }) {
		return // nobody misses the group yet, and the node that is asked first would get all of them
	}
	if len(ranking) > 0 && ranking[0].Eligible {
		d.decide(g, improvement{to: ranking[0].Node, why: fmt.Sprintf("%s; best priority is %d", firstCause(why), ranking[0].Priority)})
		return
	}
	if current.Holder != "" {
		d.decide(g, improvement{why: firstCause(why) + noOther})
	}
}

const noOther = "; no other node is eligible"

// firstCause strips what an earlier decision added, so that reasons do not grow with each change.
func firstCause(why string) string {
	if cut, ok := strings.CutSuffix(why, noOther); ok {
		return cut
	}
	return why
}

// preempt moves a group from a holder that could keep it to a better node, if the group wants that.
func (d *decider) preempt(g *state.Group, holder Candidate, ranking []Candidate) {
	if !g.Preempt || d.state.Assignments[g.Name].Pinned {
		return
	}
	if move := d.better(g, holder, ranking, 1); move.to != "" {
		d.decide(g, move)
	}
}

// improvement is a move that one of the rules wants.
type improvement struct {
	to, why string
	lost    bool // the holder would keep the group if it were well
}

// better returns the node that should take a group, or a set of so many, from its holder, and why; "" if none is
// better, or not for long enough yet. Each such move keeps groups further apart, or else is to a higher priority, or
// else evens out the nodes' loads. So moves come to an end.
func (d *decider) better(g *state.Group, holder Candidate, ranking []Candidate, groups int) (move improvement) {
	switch best := ranking[0]; {
	case d.state.Paused != nil || !best.Eligible || best.Damped != "":
	case best.Crowd < holder.Crowd:
		move.to, move.why = best.Node, fmt.Sprintf("apart: %s has more of the groups that this one is kept apart from", holder.Node)
	case best.Crowd == holder.Crowd && best.Priority > holder.Holding:
		adjusted := ""
		if holder.Holding != g.PriorityOn(holder.Node) {
			adjusted = inBrackets(holder.Adjusted)
		}
		move.lost = best.Priority <= holder.Holding+holder.Lacks
		move.to, move.why = best.Node, fmt.Sprintf("preempt: priority %d is better than %d of %s%s", best.Priority, holder.Holding, holder.Node, adjusted)
	case g.Balance:
		move.to, move.why = d.lighter(holder, ranking, groups)
	}
	if move.to == "" {
		return move
	}
	if wait := d.delay(g, move.to); wait > 0 {
		if next := d.now + wait; d.plan.Next == 0 || next < d.plan.Next {
			d.plan.Next = next
		}
		return improvement{}
	}
	return move
}

// lighter returns the node that is as good as a holder and would still hold less than it if it took so many groups.
func (d *decider) lighter(holder Candidate, ranking []Candidate, groups int) (to, why string) {
	for _, c := range ranking {
		if !c.Eligible || c.Damped != "" || c.Node == holder.Node || c.Crowd != holder.Crowd || c.Priority != holder.Holding {
			continue
		}
		if has, had := d.places.load[c.Node], d.places.load[holder.Node]; had-has > groups {
			return c.Node, fmt.Sprintf("balance: %s holds %d groups, %s %d", holder.Node, had, c.Node, has)
		}
		break // the others hold more
	}
	return "", ""
}

func inBrackets(why string) string {
	if why == "" {
		return ""
	}
	return " (" + why + ")"
}

// delay returns what is left of a group's preempt_delay for a better node.
func (d *decider) delay(g *state.Group, node string) time.Duration {
	if g.PreemptDelay == 0 {
		return 0
	}
	since, ok := d.before[g.Name]
	if !ok || since.Node != node {
		since = Since{Node: node, At: d.now}
	}
	d.plan.Better[g.Name] = since
	return since.At + g.PreemptDelay - d.now
}

func (d *decider) decide(g *state.Group, move improvement) {
	current := d.state.Assignments[g.Name]
	dec := Decision{Group: g.Name, Serial: current.Serial, To: move.to, Reason: move.why}
	if n := d.state.Nodes[current.Holder]; n != nil && (move.lost || standing(n, d.health[n.Name], g).Fails) {
		dec.Lost = n.Name
	}
	if move.to != "" {
		dec.Epoch = d.state.Nodes[move.to].Epoch
	}
	d.places.move(g, move.to)
	d.plan.Decisions = append(d.plan.Decisions, dec)
}

// Moves packs decisions into moves: groups that go the same way for the same reason share one.
func Moves(decisions []Decision) []state.Move {
	type way struct {
		to, reason string
		epoch      uint64
		fault      bool
	}
	var moves []state.Move
	at := map[way]int{}
	for _, d := range decisions {
		w := way{d.To, d.Reason, d.Epoch, d.Lost != ""}
		i, ok := at[w]
		if !ok {
			i = len(moves)
			at[w] = i
			moves = append(moves, state.Move{To: d.To, Epoch: d.Epoch, Reason: d.Reason, Fault: w.fault})
		}
		moves[i].Groups = append(moves[i].Groups, state.Expected{Group: d.Group, Serial: d.Serial})
	}
	return moves
}
