package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"vipd/cluster/api"
	"vipd/cluster/electorate"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

func wantedVoters(able, limit int) int { return electorate.Wanted(able, limit) }

// truth is nil when every node's status is what is wanted, and what is.
func (u *tour) truth(ctx context.Context) error {
	members, others := u.members()
	for _, n := range others {
		if err := u.outside(ctx, n); err != nil {
			return err
		}
	}
	var first api.Status
	for i, n := range members {
		s, err := n.Status(ctx)
		if err != nil {
			return err
		}
		if err := u.well(n, s); err != nil {
			return fmt.Errorf("%s says: %w", n, err)
		}
		if i == 0 {
			first = s
		}
		if s.Leader != first.Leader || s.Cluster != first.Cluster || votersOf(s) != votersOf(first) || holdersOf(s) != holdersOf(first) {
			return fmt.Errorf("%s and %s differ: %+v, %+v", members[0], n, first, s)
		}
	}
	for _, g := range first.Groups {
		for _, address := range g.Addresses {
			if err := u.carried(ctx, address, g.Holder); err != nil {
				return err
			}
		}
	}
	return nil
}

// outside is nil when a node that is no member knows so, or at least what to do.
func (u *tour) outside(ctx context.Context, n *harness.Node) error {
	s, err := n.Status(ctx)
	if err != nil {
		return err
	}
	if said := strings.Join(s.Warnings, " "); s.Cluster != "" && !strings.Contains(said, "vipctl join") || s.Quorum {
		return fmt.Errorf("%s is no member, and says %+v", n, s)
	}
	return nil
}

// well is nil when a member's status is as it should be.
func (u *tour) well(n *harness.Node, s api.Status) error {
	if !s.Quorum || s.Leader == "" {
		return fmt.Errorf("no lease, or no leader: %q", s.Warnings)
	}
	votes := 0
	for _, ns := range s.Nodes {
		want, is := u.wanted[ns.Name]
		switch {
		case !is:
			return fmt.Errorf("%s is a member", ns.Name)
		case ns.State != "alive":
			return fmt.Errorf("%s is %s", ns.Name, ns.State)
		case want == state.Witness && ns.Role != "witness" && ns.Role != "learner",
			want == state.Learner && ns.Role != "learner", want == state.Voter && ns.Role != "voter", want == state.Auto && ns.Role == "witness":
			return fmt.Errorf("%s should be a %s, and is a %s", ns.Name, want, ns.Role)
		case u.moved[ns.Name] != strings.HasPrefix(ns.Address, second(u.Node(ns.Name))+":"):
			return fmt.Errorf("%s is at %s", ns.Name, ns.Address)
		}
		if ns.Role != "learner" {
			votes++
		}
	}
	if len(s.Nodes) != len(u.wanted) {
		return fmt.Errorf("of %v there are %d", u.wanted, len(s.Nodes))
	}
	if votes != u.voters() {
		return fmt.Errorf("%d vote, of %v: %+v", votes, u.wanted, s.Nodes)
	}
	if r := s.Secret; r == nil || r.Rotation != nil || r.Outdated || len(r.Stragglers) > 0 {
		return fmt.Errorf("the secret is %+v", r)
	}
	for _, g := range s.Groups {
		if g.Holder == "" || g.Waiting != "" {
			return fmt.Errorf("%s is held by %q, waits for %q: %s", g.Name, g.Holder, g.Waiting, g.Reason)
		}
	}
	return nil
}

// carried is nil when a group's address is on its holder's host alone.
func (u *tour) carried(ctx context.Context, address, holder string) error {
	ip, _, _ := strings.Cut(address, "/")
	for _, n := range u.Nodes {
		out, err := n.Host.Command(ctx, "ip", "-o", "addr", "show", "to", ip).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", n, err, out)
		}
		if has := len(out) > 0; has != (n.Name == holder) {
			return fmt.Errorf("%s is held by %s; that %s carries it is %v", address, holder, n, has)
		}
	}
	return nil
}

func votersOf(s api.Status) string {
	var names []string
	for _, n := range s.Nodes {
		names = append(names, n.Name+" "+n.Role+" "+n.State+" "+n.Address)
	}
	slices.Sort(names)
	return strings.Join(names, ",")
}

func holdersOf(s api.Status) string {
	var text string
	for _, g := range s.Groups {
		text += g.Name + " " + g.Holder + ","
	}
	return text
}

// second is the other address of a node's host.
func second(n *harness.Node) string { return "10.9.0.8" + strings.TrimPrefix(n.Name, "node") }
