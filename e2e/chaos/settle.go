package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// settleLimit is how long the cluster may take after the last fault. A node that joined votes after ten stable seconds,
// and each further one after it; a machine that does other things is slower.
const settleLimit = 90 * time.Second

// mendAll undoes whatever the faults may have left, on hosts and network; what takes the cluster is mended in settle.
func (a *arena) mendAll() error {
	errs := []error{a.Lab.Heal()}
	for _, h := range a.Lab.Hosts {
		errs = append(errs, h.Mend())
	}
	for _, n := range a.Nodes {
		errs = append(errs, a.emptyDisk(context.Background(), n))
		a.keeper.want(n)
		if n.Running() {
			errs = append(errs, n.Cont())
		}
	}
	for _, p := range a.peers {
		errs = append(errs, p.revive(context.Background()))
	}
	errs = append(errs, a.upgradeRest(context.Background()))
	return errors.Join(errs...)
}

// settle waits until all is well again, and says what it waited for if it never was.
func (a *arena) settle(ctx context.Context) []Verdict {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	from := a.since()
	err := errors.Join(a.mendAll(), harness.Await(ctx, "all nodes are in the cluster and all groups held", a.whole))
	if err == nil {
		err = a.restore(ctx)
	}
	if err == nil {
		err = harness.Await(ctx, "all nodes say the same", a.agree)
	}
	verdict := Verdict{Question: "after the faults every group has a holder, and all nodes say the same", OK: err == nil}
	verdict.Text = fmt.Sprintf("%.1f s after the last fault", (a.since() - from).Seconds())
	truth := Verdict{Question: "status says the truth", Text: "the clients' answers and the hosts' addresses agree with it"}
	verdicts := []Verdict{verdict, truth}
	if err != nil {
		verdicts[0].Text = err.Error()
		verdicts[1].Text = "not asked, since the nodes do not agree"
		return verdicts
	}
	err = until(ctx, a.truthful)
	if verdicts[1].OK = err == nil; err != nil {
		verdicts[1].Text = err.Error()
	}
	if a.releases.earlier != "" {
		verdicts = append(verdicts, a.releases.verdict(harness.Await(ctx, "all nodes are upgraded", a.allUpgraded), a.since()))
	}
	return verdicts
}

// whole is nil when each node runs, is a member and has a lease; one that is no member joins again.
func (a *arena) whole(ctx context.Context) error {
	var errs []error
	for _, n := range a.Nodes {
		s, err := n.Status(ctx)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", n, err))
		case s.Cluster == "" || slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "was taken out of the cluster") }):
			errs = append(errs, fmt.Errorf("%s is no member", n), a.joinAgain(ctx, n))
		case a.outdated(ctx, n):
			errs = append(errs, fmt.Errorf("%s has a former secret", n), a.joinAgain(ctx, n))
		case !s.Quorum:
			errs = append(errs, fmt.Errorf("%s has no lease: %q", n, s.Warnings))
		}
	}
	return errors.Join(errs...)
}

// outdated reports whether a node missed the end of a rotation of the secret; it joins again with a token.
func (a *arena) outdated(ctx context.Context, n *harness.Node) bool {
	s, err := n.Client.SecretStatus(ctx)
	return err == nil && s.Outdated
}

// restore ends what operators began.
func (a *arena) restore(ctx context.Context) error {
	for _, n := range a.Nodes {
		for _, undo := range []func(context.Context, *arena, Fault) error{drain(false), role("auto")} {
			if err := undo(ctx, a, Fault{Target: n.Name}); err != nil {
				return fmt.Errorf("undo commands on %s: %w", n, err)
			}
		}
	}
	return errors.Join(pause(false)(ctx, a, Fault{}), profile(state.LAN)(ctx, a, Fault{}), voters(0)(ctx, a, Fault{}),
		command(awaitRotation)(ctx, a, Fault{}))
}

// told is what all nodes' status must have in common.
type told struct {
	Leader string
	Voters []string
	States map[string]string
	Groups map[string]string
	Value  int
}

// agree is nil when all nodes say the same, and that is well.
func (a *arena) agree(ctx context.Context) error {
	var first told
	for i, n := range a.Nodes {
		s, err := n.Status(ctx)
		if err != nil {
			return err
		}
		served, err := n.Client.Spec(ctx, api.SpecRequest{})
		if err != nil {
			return err
		}
		says := told{Leader: s.Leader, States: map[string]string{}, Groups: map[string]string{}}
		says.Value, _ = valueOf(served.Groups)
		for _, ns := range s.Nodes {
			says.States[ns.Name] = ns.State
			if ns.Role == "voter" {
				says.Voters = append(says.Voters, ns.Name)
			}
		}
		for _, g := range s.Groups {
			says.Groups[g.Name] = g.Holder
			if g.Holder == "" || g.Waiting != "" {
				return fmt.Errorf("%s says of %s: held by %q, waiting for %q, %s", n, g.Name, g.Holder, g.Waiting, g.Reason)
			}
		}
		if err := says.well(); err != nil {
			return fmt.Errorf("%s says %w", n, err)
		}
		if i == 0 {
			first = says
		} else if diff := cmp.Diff(first, says); diff != "" {
			return fmt.Errorf("%s and %s differ (-, +)\n%s", a.Nodes[0], n, diff)
		}
	}
	return nil
}

func (t told) well() error {
	if t.Leader == "" || len(t.Voters) != nodeCount || len(t.States) != nodeCount {
		return fmt.Errorf("leader %q, voters %q, nodes %v", t.Leader, t.Voters, t.States)
	}
	for name, s := range t.States {
		if s != "alive" {
			return fmt.Errorf("that %s is %s", name, s)
		}
	}
	return nil
}

// until tries something that may take some seconds each time.
func until(ctx context.Context, try func(context.Context) error) error {
	for {
		limited, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := try(limited)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// truthful is nil when the addresses answer where status says, and no other host of the cluster has them.
func (a *arena) truthful(ctx context.Context) error {
	n, err := a.Leader(ctx)
	if err != nil {
		return err
	}
	s, err := n.Status(ctx)
	if err != nil {
		return err
	}
	carried, err := a.carried(ctx)
	if err != nil {
		return err
	}
	for _, g := range s.Groups {
		holder := g.Holder
		if g.VRRP != nil && g.VRRP.State != "MASTER" {
			holder = "" // a peer has them
		}
		for _, text := range g.Addresses {
			addr := netip.MustParsePrefix(text).Addr()
			if on := strings.Join(carried[addr], " and "); on != holder {
				err = errors.Join(err, fmt.Errorf("%s is on %q, by status on %q", addr, on, holder))
			}
			if slices.Contains(watched, addr) {
				err = errors.Join(err, a.watch.await(ctx, addr, holder))
			}
		}
	}
	return err
}

// carried is which of the cluster's hosts have each address.
func (a *arena) carried(ctx context.Context) (map[netip.Addr][]string, error) {
	on := map[netip.Addr][]string{}
	for _, n := range a.Nodes {
		out, err := n.Host.Command(ctx, "ip", "-o", "addr", "show", "dev", "eth0").Output()
		if err != nil {
			return nil, fmt.Errorf("list the addresses of %s: %w", n, err)
		}
		for _, field := range strings.Fields(string(out)) {
			if prefix, err := netip.ParsePrefix(field); err == nil {
				on[prefix.Addr()] = append(on[prefix.Addr()], n.Name)
			}
		}
	}
	return on, nil
}
