package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/placement"
	"vipd/cluster/spec"
	"vipd/cluster/state"
)

// commit has a command committed and returns why it was refused, if it was.
func (m *member) commit(ctx context.Context, cmd state.Command) error {
	cmd.At, cmd.By = time.Now(), by(ctx, m.self.node)
	result, err := m.propose(ctx, cmd)
	return errors.Join(err, result.Err)
}

// catchUp returns when this node knows everything that was acknowledged before the call. It has a command committed
// that changes nothing; whatever was committed earlier is in the view when that is.
func (m *member) catchUp(ctx context.Context) error {
	return m.commit(ctx, state.Command{Assign: &state.Assign{}})
}

// informed returns when this node knows how the cluster is. After a start its view may be empty, or as old as its newest
// snapshot, until it has a lease: for that it has seen itself registered.
func (m *member) informed(ctx context.Context) error {
	if valid, _ := m.door.valid(); valid {
		return nil
	}
	return m.catchUp(ctx)
}

// Apply implements api.Backend: it returns when each group is held, or is known to be held by nobody.
func (n *Node) Apply(ctx context.Context, r api.ApplyRequest, progress api.Progress) (api.ApplyResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.ApplyResult{}, err
	}
	next := spec.Spec{Groups: r.Groups, Checks: r.Checks}.Normal()
	if err := spec.Validate(next); err != nil {
		return api.ApplyResult{}, err
	}
	result := api.ApplyResult{Diff: spec.Compare(spec.Of(m.View()), next), DryRun: r.DryRun}
	if r.DryRun {
		return result, nil
	}
	if !result.Diff.Changed {
		// Success says that this is in force now, which a node that was cut off does not know.
		if err := m.catchUp(ctx); err != nil {
			return result, err
		}
		result.Diff = spec.Compare(spec.Of(m.View()), next)
	}
	if result.Diff.Changed {
		progress("having the specification committed")
		if err := m.commit(ctx, state.Command{SetGroups: &state.SetGroups{Groups: next.Groups, Checks: next.Checks}}); err != nil {
			return result, err
		}
	}
	progress("waiting until the groups are placed")
	result.Unheld, err = m.awaitPlaced(ctx)
	return result, err
}

// awaitPlaced waits until all groups have their holder and nobody else has their addresses; it returns
// those that nobody can hold, with the reasons.
func (m *member) awaitPlaced(ctx context.Context) ([]string, error) {
	var unheld []string
	err := m.waitFor(ctx, func(s *state.State) bool {
		unheld = nil
		for _, g := range m.groupStatus(s) {
			switch {
			case g.Waiting != "":
				return false
			case g.Holder == "" && s.Paused != nil && g.Reason != state.NewGroup:
				unheld = append(unheld, g.Name+": moves are paused; `vipctl move` or `vipctl resume` gives it to somebody")
			case g.Holder == "" && pending(g):
				return false
			case g.Holder == "":
				unheld = append(unheld, g.Name+": "+reasons(g))
			}
		}
		return true
	})
	if err != nil {
		return unheld, fmt.Errorf("the specification is in force, but not all groups are placed yet: %w", err)
	}
	return unheld, nil
}

// pending reports whether somebody may still turn out to be eligible for a group.
func pending(g api.GroupStatus) bool {
	return slices.ContainsFunc(g.Nodes, func(c api.Candidate) bool { return c.Eligible || c.Priority > 0 })
}

func reasons(g api.GroupStatus) string {
	var why []string
	for _, c := range g.Nodes {
		why = append(why, fmt.Sprintf("%s: %s", c.Node, c.Why))
	}
	return strings.Join(why, "; ")
}

// Profile implements api.Backend.
func (n *Node) Profile(ctx context.Context, r api.ProfileRequest, _ api.Progress) (state.Profile, error) {
	m, err := n.joined()
	if err != nil {
		return state.Profile{}, err
	}
	if r.Set == nil {
		return m.View().Profile, nil
	}
	if err := r.Set.Validate(); err != nil {
		return state.Profile{}, err
	}
	if err := m.commit(ctx, state.Command{SetProfile: &state.SetProfile{Profile: *r.Set}}); err != nil {
		return state.Profile{}, err
	}
	return m.View().Profile, nil
}

// Move implements api.Backend: it returns when the group is held by the node and let go of by all others.
func (n *Node) Move(ctx context.Context, r api.MoveRequest, progress api.Progress) (api.GroupStatus, error) {
	m, err := n.joined()
	if err != nil {
		return api.GroupStatus{}, err
	}
	view := m.View()
	move, err := m.planMove(view, r)
	if err != nil {
		return api.GroupStatus{}, err
	}
	progress(fmt.Sprintf("moving %s to %s", r.Group, r.Node))
	if err := m.commit(ctx, state.Command{Assign: &state.Assign{Moves: []state.Move{move}}}); err != nil {
		return api.GroupStatus{}, err
	}
	err = m.waitFor(ctx, func(s *state.State) bool {
		a, g := s.Assignments[r.Group], s.Groups[r.Group]
		return a == nil || a.Serial > move.Groups[0].Serial && waitingFor(s, g, a) == "" || a.Holder == r.Node
	})
	if err != nil {
		return api.GroupStatus{}, err
	}
	for _, g := range m.groupStatus(m.View()) {
		if g.Name == r.Group && g.Holder == r.Node {
			return g, nil
		}
	}
	return api.GroupStatus{}, fmt.Errorf("%s did not stay on %s; `vipctl status` says why", r.Group, r.Node)
}

func (m *member) planMove(view *state.State, r api.MoveRequest) (state.Move, error) {
	g := view.Groups[r.Group]
	if g == nil {
		return state.Move{}, fmt.Errorf("%s: %w; `vipctl status` lists them", r.Group, errNoGroup)
	}
	ranking := placement.Rank(view, m.health(view), g, placement.PlacesOf(view))
	i := slices.IndexFunc(ranking, func(c placement.Candidate) bool { return c.Node == r.Node })
	if i < 0 {
		return state.Move{}, fmt.Errorf("%s: %w; `vipctl status` lists them", r.Node, state.ErrUnknownNode)
	}
	if !ranking[i].Eligible {
		return state.Move{}, fmt.Errorf("%s cannot hold %s: %s", r.Node, r.Group, ranking[i].Why)
	}
	move := state.Move{To: r.Node, Epoch: view.Nodes[r.Node].Epoch, Reason: "moved by an operator", Pin: true}
	for _, name := range placement.With(view, g) {
		move.Groups = append(move.Groups, state.Expected{Group: name, Serial: view.Assignments[name].Serial})
	}
	return move, nil
}

// Drain implements api.Backend: it returns when the node holds nothing, or may hold again.
func (n *Node) Drain(ctx context.Context, r api.DrainRequest, progress api.Progress) (api.None, error) {
	m, err := n.joined()
	if err != nil {
		return api.None{}, err
	}
	view := m.View()
	if r.On && !r.Force {
		if stranded := m.stranded(view, r.Node); len(stranded) > 0 {
			return api.None{}, fmt.Errorf("no other node can hold %s, so nobody would; say --force to drain %s all the same",
				strings.Join(stranded, ", "), r.Node)
		}
	}
	if err := m.commit(ctx, state.Command{Drain: &state.Drain{Node: r.Node, On: r.On}}); err != nil {
		return api.None{}, err
	}
	if !r.On {
		return api.None{}, nil
	}
	last := -1
	err = m.waitFor(ctx, func(s *state.State) bool {
		left := len(s.HeldBy(r.Node))
		if left != last && left > 0 {
			progress(fmt.Sprintf("groups that %s still holds: %d", r.Node, left))
		}
		last = left
		return left == 0 && !owes(s, r.Node)
	})
	if err != nil {
		return api.None{}, fmt.Errorf("%s is drained, but has not let go of everything yet: %w", r.Node, err)
	}
	return api.None{}, nil
}

// stranded returns the groups that nobody could hold if a node did not.
func (m *member) stranded(view *state.State, node string) []string {
	var stranded []string
	health, places := m.health(view), placement.PlacesOf(view)
	for _, name := range view.HeldBy(node) {
		others := slices.ContainsFunc(placement.Rank(view, health, view.Groups[name], places), func(c placement.Candidate) bool {
			return c.Node != node && c.Eligible
		})
		if !others {
			stranded = append(stranded, name)
		}
	}
	return stranded
}

// Pause implements api.Backend.
func (n *Node) Pause(ctx context.Context, r api.PauseRequest, _ api.Progress) (api.PauseResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.PauseResult{}, err
	}
	if r.For < 0 || !r.On && (r.For != 0 || r.Reason != "") {
		return api.PauseResult{}, fmt.Errorf("a pause of %v makes no sense", r.For)
	}
	if r.On || m.View().Paused != nil {
		if err := m.commit(ctx, state.Command{SetPause: &state.SetPause{On: r.On, Reason: r.Reason, For: r.For}}); err != nil {
			return api.PauseResult{}, err
		}
	}
	return api.PauseResult{Paused: m.View().Paused}, nil
}
