package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vipd/cluster/api"
	"vipd/cluster/gossip"
	"vipd/cluster/placement"
	"vipd/cluster/spec"
	"vipd/cluster/state"
)

// Status implements api.Backend.
func (n *Node) Status(context.Context, api.None, api.Progress) (api.Status, error) {
	s := api.Status{Node: n.options.Name, Version: n.options.Version, Nodes: []api.NodeStatus{}, Groups: []api.GroupStatus{}}
	m := n.current()
	if m == nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.over != nil {
			s.Cluster = n.over.ClusterID
			s.Warnings = []string{(&supersededError{by: n.over.Superseded}).Error()}
		}
		return s, nil
	}
	view := m.View()
	s.Cluster = m.identity.ClusterID
	s.Leader, _ = m.raft.Leader()
	s.Quorum, _ = m.door.valid()
	s.Profile = &view.Profile
	s.Paused = view.Paused
	s.Index = view.Index
	s.Commands = m.commandVersions(view)
	s.Warnings = m.warnings(view)
	s.Secret = m.secretStatus(view)
	s.Nodes = m.nodeStatus(view, s.Leader)
	s.Groups = m.groupStatus(view)
	s.Fence = m.fenceStatus()
	return s, nil
}

// Spec implements api.Backend.
func (n *Node) Spec(ctx context.Context, r api.SpecRequest, progress api.Progress) (api.Specification, error) {
	m, err := n.joined()
	if err != nil {
		return api.Specification{}, err
	}
	if r.Consistent {
		progress("having a majority agree that this node knows all")
		if err := m.catchUp(ctx); err != nil {
			return api.Specification{}, err
		}
	}
	serving := spec.Of(m.View())
	return api.Specification{Groups: serving.Groups, Checks: serving.Checks}, nil
}

func (m *member) warnings(view *state.State) []string {
	var warnings []string
	if !m.options.Fence {
		warnings = append(warnings, "this node runs with `fence: none`: if its daemon hangs, two nodes may answer for one address")
	}
	if m.removed.Load() {
		warnings = append(warnings, "this node was taken out of the cluster; "+removedRemedy)
	}
	alone := m.soloist.sentence()
	if alone != "" {
		warnings = append(warnings, "this node lost the majority: "+alone)
	}
	if valid, _ := m.door.valid(); !valid && alone == "" {
		warnings = append(warnings, "this node has no lease, so it answers for nothing: "+m.whyNoLease(view))
	}
	warnings = append(warnings, m.aboutDisk()...)
	warnings = append(warnings, m.secretWarnings(view)...)
	warnings = append(warnings, m.deafnessWarnings(view)...)
	for _, name := range slices.Sorted(maps.Keys(view.Nodes)) {
		if long := view.Nodes[name].LongLease; long != 0 {
			warnings = append(warnings, fmt.Sprintf("%s has a restart-hold of %v: until its end nobody would notice that it crashed", name, long))
		}
	}
	if voters := len(view.Voters.Names); voters == 2 {
		warnings = append(warnings, "two voters: both are needed for every decision; a third node makes the cluster survive the loss of one, and so does a witness, which votes and holds no addresses: `vipctl join - --role witness`")
	}
	return warnings
}

func (m *member) whyNoLease(view *state.State) string {
	leader, _ := m.raft.Leader()
	if leader == "" && !m.joining.Load() && view.Nodes[m.self.node] == nil {
		return fmt.Sprintf("no leader is known; it takes %s, and none has been heard since the start of this node, which shows the cluster as of its newest snapshot, "+
			"or nothing of it; if they are lost for good, `vipctl recover` shows how to go on", m.majority())
	}
	if view.Nodes[m.self.node] == nil {
		return "it is not a member of the cluster yet, or its state has not caught up"
	}
	if leader == "" {
		return fmt.Sprintf("no leader is known; it takes %d of the voters %s", len(view.Voters.Names)/2+1, strings.Join(view.Voters.Names, ", "))
	}
	return "it is waiting for a majority of the voters " + strings.Join(view.Voters.Names, ", ")
}

// majority says what an election takes, by Raft's own word.
func (m *member) majority() string {
	var voters []string
	servers, _ := m.raft.Servers() // else a voter cannot be named
	for _, s := range servers {
		if s.Role == state.Voter {
			voters = append(voters, s.Name)
		}
	}
	return fmt.Sprintf("%d of the voters %s", len(voters)/2+1, strings.Join(voters, ", "))
}

func (m *member) nodeStatus(view *state.State, leader string) []api.NodeStatus {
	seen := map[string]gossip.Member{}
	for _, g := range m.gossip.Members() {
		seen[g.Name] = g
	}
	nodes := []api.NodeStatus{}
	for _, name := range slices.Sorted(maps.Keys(view.Nodes)) {
		n := view.Nodes[name]
		account, _ := m.reporter.of(name)
		groups := view.HeldBy(name)
		if groups == nil {
			groups = []string{}
		}
		nodes = append(nodes, api.NodeStatus{
			Name: name, State: nodeState(n, seen[name], account), Role: string(m.role(view, name)),
			Leader: name == leader, Epoch: n.Epoch, Address: n.Address, Version: seen[name].Meta.Version, Reads: account.Reads, Speaks: account.Speaks,
			Drained: n.Drained, Labels: n.Labels, Groups: groups, Unfit: account.Unfit, Failing: account.failing(),
		})
	}
	return nodes
}

// nodeState puts together what the lease knows, what gossip thinks, and what the node said last.
func nodeState(n *state.Node, seen gossip.Member, said account) string {
	switch {
	case n.Leaving:
		return "leaving"
	case n.Live():
		return "alive"
	case seen.State == gossip.Alive:
		return "no lease"
	case said.Unfit == unfitStopping:
		return "left"
	}
	return "failed"
}

func (m *member) groupStatus(view *state.State) []api.GroupStatus {
	groups := []api.GroupStatus{}
	health := m.health(view)
	places := placement.PlacesOf(view)
	for _, name := range slices.Sorted(maps.Keys(view.Groups)) {
		groups = append(groups, describeGroup(view, health, view.Groups[name], places))
	}
	m.describeVRRP(view, groups)
	m.describeAsides(view, groups)
	return groups
}

func describeGroup(view *state.State, health placement.Health, g *state.Group, places *placement.Places) api.GroupStatus {
	a := view.Assignments[g.Name]
	status := api.GroupStatus{
		Name: g.Name, Holder: a.Holder, Since: a.Since, Reason: a.Reason, Serial: a.Serial, Pinned: a.Pinned, Paused: view.Paused != nil,
		Addresses: []string{}, Waiting: waitingFor(view, g, a), Nodes: []api.Candidate{},
	}
	for _, address := range g.Addresses {
		status.Addresses = append(status.Addresses, address.Prefix.String())
	}
	for _, c := range placement.Rank(view, health, g, places) {
		status.Nodes = append(status.Nodes, describeCandidate(c))
	}
	return status
}

// describeAsides adds what nodes say of a group that decides nothing.
func (m *member) describeAsides(view *state.State, groups []api.GroupStatus) {
	note := func(to *map[string]string, node, text string) {
		if text == "" {
			return
		}
		if *to == nil {
			*to = map[string]string{}
		}
		(*to)[node] = text
	}
	for node := range view.Nodes {
		account, _ := m.reporter.of(node)
		for i := range groups {
			g := &groups[i]
			note(&g.Scripts, node, account.Scripts[g.Name])
			note(&g.Lacking, node, account.Lacking[g.Name])
		}
	}
}

func describeCandidate(c placement.Candidate) api.Candidate {
	of := api.Candidate{Node: c.Node, Eligible: c.Eligible, Priority: c.Priority, Why: c.Why, Adjusted: c.Adjusted, Damped: c.Damped, Crowd: c.Crowd}
	if c.Holding != c.Priority {
		of.Holding = c.Holding
	}
	return of
}

// Why implements api.Backend.
func (n *Node) Why(_ context.Context, r api.WhyRequest, _ api.Progress) (api.GroupStatus, error) {
	m, err := n.joined()
	if err != nil {
		return api.GroupStatus{}, err
	}
	return m.why(m.View(), r.Group)
}

func (m *member) why(view *state.State, group string) (api.GroupStatus, error) {
	g := view.Groups[group]
	if g == nil {
		return api.GroupStatus{}, fmt.Errorf("%s: %w; `vipctl status` lists them", group, errNoGroup)
	}
	health, places := m.health(view), placement.PlacesOf(view)
	status := []api.GroupStatus{describeGroup(view, health, g, places)}
	for i, c := range placement.Rank(view, health, g, places) {
		for _, term := range c.Terms {
			status[0].Nodes[i].Terms = append(status[0].Nodes[i].Terms, api.Term{By: term.By, What: term.What})
		}
	}
	m.describeVRRP(view, status)
	m.describeAsides(view, status)
	return status[0], nil
}

// waitingFor names the node that still has to let go of what a group's holder is to take.
func waitingFor(view *state.State, g *state.Group, a *state.Assignment) string {
	for _, d := range view.Debts {
		if d.Node == a.Holder {
			continue
		}
		for _, ip := range g.IPs() {
			if slices.Contains(d.Addresses, ip) {
				return d.Node
			}
		}
	}
	return ""
}

func (m *member) fenceStatus() *api.FenceCounters {
	_, open := m.door.valid()
	status := &api.FenceCounters{Enforced: m.options.Fence, Open: open}
	if !m.options.Fence {
		return status
	}
	c, err := m.door.gate.Counters()
	if err != nil {
		m.log.Warn("read the counters of the fence", "error", err)
		return status
	}
	status.Dropped = map[string]uint64{
		"arp_in": c.ARPIn, "arp_out": c.ARPOut, "ipv4_in": c.IPv4In, "ipv4_out": c.IPv4Out,
		"ipv6_in": c.IPv6In, "ipv6_out": c.IPv6Out, "nd_in": c.NDIn, "nd_out": c.NDOut,
	}
	return status
}

var errNoGroup = errors.New("no such group")
