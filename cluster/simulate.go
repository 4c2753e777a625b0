package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/health"
	"vipd/cluster/placement"
	"vipd/cluster/spec"
	"vipd/cluster/state"
)

// Simulate implements api.Backend: what placement would decide if something were so. It touches nothing.
func (n *Node) Simulate(_ context.Context, r api.SimulateRequest, _ api.Progress) (api.SimulateResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.SimulateResult{}, err
	}
	return m.simulate(m.View(), r)
}

func (m *member) simulate(view *state.State, r api.SimulateRequest) (api.SimulateResult, error) {
	supposed, err := suppose(view, r)
	if err != nil {
		return api.SimulateResult{}, err
	}
	result := api.SimulateResult{Groups: []api.SimulatedMove{}, Assumed: []string{}}
	if supposed.Paused != nil {
		result.Assumed = append(result.Assumed, "automatic moves are paused")
	}
	if left := votersLeft(view, r.NodesDown); 2*left <= len(view.Voters.Names) {
		result.Assumed = append(result.Assumed, fmt.Sprintf("%d of %d voters are left, which is no majority: nobody may hold anything", left, len(view.Voters.Names)))
		result.Groups = withoutMajority(view)
		return result, nil
	}
	assumed := map[string]bool{}
	judged := m.judgedAs(supposed, func(node string, a *account) { assume(supposed, node, a, r, assumed) })
	judged.Damp(supposed, m.dampedNow())
	result.Assumed = append(result.Assumed, slices.Sorted(maps.Keys(assumed))...)
	for _, o := range placement.Simulate(view, supposed, judged) {
		result.Groups = append(result.Groups, api.SimulatedMove{Group: o.Group, From: o.From, To: o.To, After: o.After, Reason: o.Reason})
	}
	result.Unchanged = len(supposed.Groups) - len(slices.DeleteFunc(slices.Clone(result.Groups), func(g api.SimulatedMove) bool { return supposed.Groups[g.Group] == nil }))
	return result, nil
}

// suppose returns the state as it would be at first.
func suppose(view *state.State, r api.SimulateRequest) (*state.State, error) {
	commands := []state.Command{}
	if r.Spec != nil {
		next := spec.Spec{Groups: r.Spec.Groups, Checks: r.Spec.Checks}.Normal()
		if err := spec.Validate(next); err != nil {
			return nil, err
		}
		commands = append(commands, state.Command{SetGroups: &state.SetGroups{Groups: next.Groups, Checks: next.Checks}})
	}
	for _, node := range r.Drain {
		commands = append(commands, state.Command{Drain: &state.Drain{Node: node, On: true}})
	}
	dead := state.Expire{}
	for _, node := range r.NodesDown {
		n := view.Nodes[node]
		if n == nil {
			return nil, fmt.Errorf("%s: %w; `vipctl status` lists them", node, state.ErrUnknownNode)
		}
		dead.Dead = append(dead.Dead, state.Tenure{Node: node, Epoch: n.Epoch})
	}
	commands = append(commands, state.Command{Expire: &dead})
	s := view
	for _, cmd := range commands {
		next, result := s.Apply(s.Index, cmd)
		if result.Err != nil {
			return nil, result.Err
		}
		s = next
	}
	return s, checksAreThere(s, r.ChecksFail)
}

func checksAreThere(s *state.State, list []api.CheckAt) error {
	for _, at := range list {
		switch {
		case s.Nodes[at.Node] == nil:
			return fmt.Errorf("%s: %w; `vipctl status` lists them", at.Node, state.ErrUnknownNode)
		case s.Checks[at.Check] == nil:
			return fmt.Errorf("there is no check %s; `vipctl checks` lists them", at.Check)
		case !s.UsedOn(at.Node, at.Check):
			return fmt.Errorf("%s runs no check %s: no group that it may hold names it", at.Node, at.Check)
		}
	}
	return nil
}

// assume puts into a node's account what is supposed, and that all is well of which it cannot know yet.
func assume(s *state.State, node string, a *account, r api.SimulateRequest, assumed map[string]bool) {
	a.Checks, a.Interfaces = maps.Clone(a.Checks), maps.Clone(a.Interfaces)
	if a.Checks == nil {
		a.Checks = map[string]checked{}
	}
	if r.Spec != nil {
		for name := range s.Checks {
			if _, ran := a.Checks[name]; !ran && s.UsedOn(node, name) {
				a.Checks[name] = checked{State: health.OK}
				assumed[fmt.Sprintf("check %s, which has not run on %s, is ok", name, node)] = true
			}
		}
		for _, g := range s.Groups {
			if n := s.Nodes[node]; n == nil || n.Witness || g.Excludes(n) != "" {
				continue
			}
			for _, address := range g.Addresses {
				if _, reported := a.Interfaces[address.Interface]; !reported && a.Interfaces != nil {
					a.Interfaces[address.Interface] = ""
					assumed[fmt.Sprintf("%s can use its interface %s", node, address.Interface)] = true
				}
			}
		}
	}
	for _, at := range r.ChecksFail {
		if at.Node == node {
			a.Checks[at.Check] = checked{State: health.Failing, Since: time.Now(), Text: "supposed"}
		}
	}
}

func votersLeft(view *state.State, down []string) int {
	left := 0
	for _, name := range view.Voters.Names {
		if view.Nodes[name].Live() && !slices.Contains(down, name) {
			left++
		}
	}
	return left
}

// withoutMajority says that nobody holds anything.
func withoutMajority(view *state.State) []api.SimulatedMove {
	moves := []api.SimulatedMove{}
	for _, name := range slices.Sorted(maps.Keys(view.Groups)) {
		move := api.SimulatedMove{Group: name, From: view.Assignments[name].Holder, Reason: "no majority of the voters is left"}
		if view.Groups[name].OnQuorumLoss == state.FallBack {
			move.Reason += "; those that are elect a holder by VRRP"
		}
		moves = append(moves, move)
	}
	return moves
}
