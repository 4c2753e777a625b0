package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/electorate"
	"vipd/cluster/gossip"
	"vipd/cluster/state"
)

// electors are the members as far as their votes go.
func electors(view *state.State) []electorate.Member {
	var members []electorate.Member
	for name, n := range view.Nodes {
		members = append(members, electorate.Member{
			Name: name, Votes: slices.Contains(view.Voters.Names, name), Live: n.Live(), Role: n.WantedRole(),
		})
	}
	return members
}

// wantedVoters is how many members will vote when the cluster has found its feet.
func (m *member) wantedVoters(view *state.State) int {
	able := 0
	for _, e := range electors(view) {
		if e.Role != state.Learner {
			able++
		}
	}
	return electorate.Wanted(able, view.Voting.Limit)
}

// mayGo says why a member cannot be taken out of the voters now, if it cannot.
func (m *member) mayGo(name string) error {
	view := m.View()
	if !slices.Contains(view.Voters.Names, name) || len(view.Voters.Names) == 1 {
		return nil
	}
	members := electors(view)
	if electorate.SafeWithout(members, name) {
		return nil
	}
	var off []string
	for _, e := range members {
		if e.Votes && !e.Live && e.Name != name {
			off = append(off, e.Name)
		}
	}
	slices.Sort(off)
	return fmt.Errorf("without %s too few of the voters that remain would be alive to decide anything, and the cluster would stand still: "+
		"bring %s back first, or take it out with `vipctl remove`", name, strings.Join(off, ", "))
}

// Remove implements api.Backend: it returns when a member is out of the cluster.
func (n *Node) Remove(ctx context.Context, r api.RemoveRequest, progress api.Progress) (api.RemoveResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.RemoveResult{}, err
	}
	if err := m.informed(ctx); err != nil {
		return api.RemoveResult{}, err
	}
	view := m.View()
	target := view.Nodes[r.Node]
	if target == nil {
		return api.RemoveResult{Node: r.Node, Already: true, Voters: view.Voters.Names}, nil
	}
	if err := m.mayRemove(target, r.Force); err != nil {
		return api.RemoveResult{}, err
	}
	progress("taking " + r.Node + " out of the cluster")
	if err := m.commit(ctx, state.Command{Leave: &state.Leave{Node: r.Node}}); err != nil {
		return api.RemoveResult{}, err
	}
	err = m.waitFor(ctx, func(s *state.State) bool {
		return s.Nodes[r.Node] == nil && !slices.Contains(s.Voters.Names, r.Node)
	})
	if err != nil {
		return api.RemoveResult{}, fmt.Errorf("%s is on its way out, and not out yet: %w", r.Node, err)
	}
	return api.RemoveResult{Node: r.Node, Voters: m.View().Voters.Names}, nil
}

func (m *member) mayRemove(target *state.Node, force bool) error {
	name := target.Name
	if name == m.self.node {
		return fmt.Errorf("%s is this node: take it out with `vipctl leave`", name)
	}
	alive := target.Live() || slices.ContainsFunc(m.gossip.Members(), func(g gossip.Member) bool {
		return g.Name == name && g.State == gossip.Alive && g.Meta.Instance == target.Instance
	})
	if alive && !force {
		return fmt.Errorf("%s is alive: run `vipctl leave` there, or say --force to take it out from here", name)
	}
	return m.mayGo(name)
}

// Role implements api.Backend: it returns when the member has the role, or why that takes longer.
func (n *Node) Role(ctx context.Context, r api.RoleRequest, progress api.Progress) (api.RoleResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.RoleResult{}, err
	}
	role, err := state.RoleNamed(r.Role)
	if err != nil {
		return api.RoleResult{}, err
	}
	if err := m.informed(ctx); err != nil {
		return api.RoleResult{}, err
	}
	target := m.View().Nodes[r.Node]
	if target == nil {
		return api.RoleResult{}, fmt.Errorf("%s: %w; `vipctl status` lists them", r.Node, state.ErrUnknownNode)
	}
	if role == state.Learner {
		if err := m.mayGo(r.Node); err != nil {
			return api.RoleResult{}, err
		}
		if slices.Equal(m.View().Voters.Names, []string{r.Node}) {
			return api.RoleResult{}, fmt.Errorf("%s is the only voter: make another one vote first", r.Node)
		}
	}
	if target.WantedRole() != role {
		if err := m.commit(ctx, state.Command{SetRole: &state.SetRole{Node: r.Node, Role: role}}); err != nil {
			return api.RoleResult{}, err
		}
	}
	progress("waiting until the voters are as they should be")
	err = m.waitFor(ctx, func(s *state.State) bool {
		votes := slices.Contains(s.Voters.Names, r.Node)
		return role == state.Auto || votes == (role != state.Learner)
	})
	if err != nil {
		return api.RoleResult{}, fmt.Errorf("the role is noted, and %s does not have it yet: a node votes once it is alive and has caught up: %w", r.Node, err)
	}
	return api.RoleResult{Node: r.Node, Role: string(m.role(m.View(), r.Node)), Voters: m.View().Voters.Names}, nil
}

// Voters implements api.Backend: it returns when as many members vote as should and can.
func (n *Node) Voters(ctx context.Context, r api.VotersRequest, progress api.Progress) (api.VotersResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.VotersResult{}, err
	}
	if r.Limit != nil || r.ReplaceAfter != nil {
		if err := m.setVoting(ctx, r, progress); err != nil {
			return api.VotersResult{}, err
		}
	}
	view := m.View()
	return api.VotersResult{
		Limit: view.Voting.Limit, ReplaceAfter: view.Voting.Patience(), Voters: view.Voters.Names, Wanted: m.wantedVoters(view),
	}, nil
}

// setVoting returns when the voters are as an operator wants them, whether they were before or not.
func (m *member) setVoting(ctx context.Context, r api.VotersRequest, progress api.Progress) error {
	if err := m.informed(ctx); err != nil {
		return err
	}
	next := m.View().Voting
	if r.Limit != nil {
		next.Limit = *r.Limit
	}
	if r.ReplaceAfter != nil {
		next.ReplaceAfter = *r.ReplaceAfter
	}
	if err := next.Validate(); err != nil {
		return err
	}
	if next != m.View().Voting {
		if err := m.commit(ctx, state.Command{SetVoting: &state.SetVoting{Voting: next}}); err != nil {
			return err
		}
	}
	progress("waiting until the voters are as they should be")
	if err := m.waitFor(ctx, func(s *state.State) bool { return m.settled(s) }); err != nil {
		return fmt.Errorf("the number is noted, and the voters are not as they should be yet: %w", err)
	}
	return nil
}

// settled reports whether nothing about the voters is to be changed, all live members taken for fit.
func (m *member) settled(view *state.State) bool {
	members := electors(view)
	for i := range members {
		members[i].Fit = members[i].Live
	}
	return electorate.Next(members, view.Voting.Limit) == electorate.Change{}
}

// removedEach is how often a node without a lease and a leader asks whether it is a member still.
const removedEach = 5 * time.Second

// noticeRemoval finds out that others took this node out of the cluster while it was off or cut off: Raft tells
// nobody who is not in its configuration any more.
func (m *member) noticeRemoval(ctx context.Context) {
	view := m.View()
	me := view.Nodes[m.self.node]
	leader, _ := m.raft.Leader()
	valid, _ := m.door.valid()
	switch {
	case me != nil && me.Leaving:
		m.noteRemoved(true)
	case valid || leader != "":
		m.noteRemoved(false)
		m.raft.Mute(false)
	case !m.joining.Load() && time.Since(m.asked) > removedEach: // after a start the view may be empty without a leader
		m.asked = time.Now()
		if a, answered := m.askPresence(ctx); answered { // else what was heard before stands
			m.noteRemoved(!a.Present)
			m.raft.Mute(m.isAbsent(a)) // its requests for votes would go on for ever, and every one be refused
		}
	}
}

// isAbsent reports whether this node knows by another's word that it is in Raft's configuration no more.
func (m *member) isAbsent(a presence) bool { return !a.Present && a.Config > m.raft.NewestConfig() }

func (m *member) noteRemoved(removed bool) {
	if m.removed.Swap(removed) != removed && removed {
		m.log.Error("this node was taken out of the cluster", "remedy", removedRemedy)
		m.changes.raise()
	}
}

const removedRemedy = "let it in again with a token from a member: `vipctl token` there, `vipctl join -` here; or forget the cluster with `vipctl leave`"
