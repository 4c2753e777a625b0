package cluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"vipd/bond"
	"vipd/cluster/api"
	"vipd/cluster/lease"
	"vipd/cluster/links"
)

// Bonds implements api.Backend.
func (n *Node) Bonds(_ context.Context, r api.BondsRequest, _ api.Progress) (api.Bonds, error) {
	if err := n.options.Links.Look(); err != nil {
		return api.Bonds{}, err
	}
	list := api.Bonds{Node: n.options.Name, Bonds: []api.BondStatus{}}
	views := n.options.Links.Views()
	groups := n.groupsOn(views)
	for _, v := range views {
		if r.Name == "" || r.Name == v.Name {
			list.Bonds = append(list.Bonds, bondStatus(v, groups[v.Name], r.Name != ""))
		}
	}
	if r.Name != "" && len(list.Bonds) == 0 {
		return api.Bonds{}, fmt.Errorf("%s is no bond or team of this host, and no group uses it; `vipctl bond` lists those that are", r.Name)
	}
	return list, nil
}

func bondStatus(v links.View, groups []string, history bool) api.BondStatus {
	s := api.BondStatus{
		Status: v.Status, InFile: v.InFile, Usable: v.Usable(), Problem: v.Problem, Groups: groups, Findings: bond.Diagnose(v.Status),
	}
	if v.Standing.Unfit {
		s.Ineligible = v.Standing.Why
	}
	if s.Groups == nil {
		s.Groups = []string{}
	}
	slices.SortStableFunc(s.Findings, func(a, b bond.Finding) int { return cmp.Compare(a.Severity, b.Severity) })
	if s.Findings == nil {
		s.Findings = []bond.Finding{}
	}
	if history {
		s.Events = v.Events
	}
	return s
}

// groupsOn returns the groups with addresses on each link, or on what sits on it.
func (n *Node) groupsOn(views []links.View) map[string][]string {
	on := map[string][]string{}
	m := n.current()
	if m == nil {
		return on
	}
	lower := map[string]string{}
	for _, v := range views {
		lower[v.Name] = v.Lower
	}
	view := m.View()
	for _, name := range slices.Sorted(maps.Keys(view.Groups)) {
		for _, a := range view.Groups[name].Addresses {
			for _, link := range []string{a.Interface, lower[a.Interface]} {
				if !slices.Contains(on[link], name) {
					on[link] = append(on[link], name)
				}
			}
		}
	}
	return on
}

// BondPlan implements api.Backend.
func (n *Node) BondPlan(context.Context, api.None, api.Progress) (api.BondPlan, error) {
	configs, err := n.options.Bonds()
	if err != nil {
		return api.BondPlan{}, err
	}
	steps, err := links.Plan(configs)
	return api.BondPlan{Bonds: steps}, err
}

// BondApply implements api.Backend: it returns when the bonds are as the node file says, and the cluster is still in
// touch; or when nothing is left of the attempt.
func (n *Node) BondApply(ctx context.Context, r api.BondApplyRequest, progress api.Progress) (api.BondPlan, error) {
	configs, err := n.options.Bonds()
	if err != nil {
		return api.BondPlan{}, err
	}
	// Whoever asked may be cut off by the change. It is carried through, or taken back, all the same.
	ctx = context.WithoutCancel(ctx)
	m := n.current()
	before := m.touch()
	steps, err := n.options.Links.Apply(ctx, configs, progress, func() error {
		if r.ConfirmWithin == 0 || !before {
			return nil
		}
		progress(fmt.Sprintf("waiting at most %v for the cluster to be in touch", r.ConfirmWithin))
		return m.awaitTouch(ctx, r.ConfirmWithin)
	})
	if err == nil {
		n.noteCommand(ctx, "bond apply")
	}
	return api.BondPlan{Bonds: steps}, err
}

// BondFailover implements api.Backend.
func (n *Node) BondFailover(ctx context.Context, r api.BondFailoverRequest, _ api.Progress) (api.None, error) {
	err := n.options.Links.Failover(r.Bond, r.Member)
	if err == nil {
		n.noteCommand(ctx, fmt.Sprintf("bond failover %s %s", r.Bond, r.Member))
	}
	return api.None{}, err
}

const touchEach = 20 * time.Millisecond

// touch reports whether this node is in touch with its cluster: it has a lease, for which a majority has to answer.
// It is none's business to be in touch who belongs to no cluster.
func (m *member) touch() bool {
	if m == nil {
		return false
	}
	valid, _ := m.door.valid()
	return valid
}

// awaitTouch waits until this node was granted a lease anew, since an old one goes on for a while after the cable is
// cut, and, where it has a vote, until another member has renewed with it.
func (m *member) awaitTouch(ctx context.Context, limit time.Duration) error {
	began := bootNow()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if m.touchedSince(began) {
			return nil
		}
		if !pause(ctx, touchEach) {
			return fmt.Errorf("the cluster was in touch before the change and is not within %v after it, so the change was taken back; "+
				"look at the cables and the switch, or say --confirm-within 0 to have it all the same", limit)
		}
	}
}

func (m *member) touchedSince(began lease.Instant) bool {
	view := m.View()
	if m.door.leasedUntil().Before(began.Add(view.Profile.Lease)) {
		return false
	}
	voters := view.Voters.Names
	if !slices.Contains(voters, m.self.node) {
		return true
	}
	heard, others := false, false
	for name, other := range view.Nodes {
		if name != m.self.node && other.Live() {
			others = true
			heard = heard || m.keeper.silent(name) < bootNow().Sub(began)
		}
	}
	return heard || !others
}
