package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// vipd runs a daemon of ours on each host.
type vipd struct {
	cluster *harness.Cluster
	service service
}

func vipdVariant(profile state.Profile) variant {
	return variant{
		name: "vipd " + profile.Name, roles: []role{follower, leader}, patience: 10*profile.Lease + 10*time.Second,
		open: func(ctx context.Context, o lab.Options, s service) (system, error) {
			return openVipd(ctx, o, profile.Name, s)
		},
	}
}

func openVipd(ctx context.Context, o lab.Options, profile string, s service) (system, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, settleLimit, errors.New("it takes too long"))
	defer cancel()
	config := ""
	if o.Dir != "" { // the logs are to be read
		config = "log: {level: debug}\n"
	}
	c, err := harness.Create(ctx, harness.Options{Nodes: o.Hosts, Profile: profile, Config: config, Lab: o})
	if err != nil {
		return nil, err
	}
	v := &vipd{cluster: c, service: s}
	err = v.apply(ctx, "", false)
	if err == nil && s.spread {
		err = v.settle(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return v, nil
}

func (v *vipd) network() *lab.Lab { return v.cluster.Lab }

func (v *vipd) close() error { return v.cluster.Close() }

func groupName(i int) string { return fmt.Sprintf("group%d", i+1) }

// apply serves the groups, preferring a node if one is named.
func (v *vipd) apply(ctx context.Context, preferred string, preempt bool) error {
	var groups []state.Group
	// A host whose cable was cut twice within a minute would not be preferred, and moveAll would wait in vain.
	var undamped time.Duration
	for i, addrs := range v.service.groups {
		g := state.Group{Name: groupName(i), Interface: "eth0", Priority: state.DefaultPriority, Preempt: preempt, Damping: &undamped}
		for _, a := range addrs {
			g.Addresses = append(g.Addresses, state.Address{Prefix: netip.PrefixFrom(a, a.BitLen()), Interface: "eth0"})
		}
		if preferred != "" {
			g.Priorities = map[string]int{preferred: state.DefaultPriority + 50}
		}
		groups = append(groups, g)
	}
	result, err := v.cluster.Apply(ctx, groups...)
	if err == nil && len(result.Unheld) > 0 {
		err = fmt.Errorf("groups without a holder: %q", result.Unheld)
	}
	return err
}

// place looks for a holder in the right role first, since moving many groups takes its time.
func (v *vipd) place(ctx context.Context, r role) (*lab.Host, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, settleLimit, errors.New("it takes too long"))
	defer cancel()
	if err := v.cluster.AwaitWhole(ctx); err != nil {
		return nil, err
	}
	lead, err := v.cluster.Leader(ctx)
	if err != nil {
		return nil, err
	}
	if h, err := holderOf(v.network(), v.service); err == nil && (h == lead.Host) == (r == leader) {
		return h, nil
	}
	target := lead
	if r != leader {
		target = v.cluster.Except(lead)[0]
	}
	if err := v.moveAll(ctx, target); err != nil {
		return nil, err
	}
	return target.Host, v.settle(ctx)
}

// moveAll makes a node hold everything. One group is moved as an operator does it; for many a preference,
// taken back afterwards, is one command.
func (v *vipd) moveAll(ctx context.Context, to *harness.Node) error {
	if len(v.service.groups) == 1 {
		// A node that has just come back is refused until its health is known.
		return harness.Await(ctx, groupName(0)+" moves to "+to.Name, func(ctx context.Context) error {
			_, err := to.Client.Move(ctx, api.MoveRequest{Group: groupName(0), Node: to.Name})
			return err
		})
	}
	if err := v.apply(ctx, to.Name, true); err != nil {
		return err
	}
	if err := awaitOneHolder(ctx, v.network(), v.service); err != nil {
		return err
	}
	return v.apply(ctx, "", false)
}

func (v *vipd) node(h *lab.Host) *harness.Node { return v.cluster.Node(h.Name) }

func (v *vipd) start(ctx context.Context, h *lab.Host) error { return v.node(h).Restart(ctx) }

func (v *vipd) kill(h *lab.Host) error { return v.node(h).Kill() }

func (v *vipd) freeze(h *lab.Host) error { return v.node(h).Stop() }

func (v *vipd) thaw(h *lab.Host) error { return v.node(h).Cont() }

func (v *vipd) stop(ctx context.Context, h *lab.Host) error { return v.node(h).Terminate(ctx) }

func (v *vipd) move(ctx context.Context, from *lab.Host) error {
	to := v.cluster.Except(v.node(from))[0]
	_, err := to.Client.Move(ctx, api.MoveRequest{Group: groupName(0), Node: to.Name})
	return err
}

func (v *vipd) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, settleLimit, errors.New("it takes too long"))
	defer cancel()
	if err := v.cluster.AwaitWhole(ctx); err != nil {
		return err
	}
	// Groups that a dead holder leaves behind are spread over the others.
	s := v.service
	s.spread = true
	return awaitOneHolder(ctx, v.network(), s)
}

func (v *vipd) pids(h *lab.Host) []int { return []int{v.node(h).Process().Pid} }

func (v *vipd) leads(ctx context.Context) (*lab.Host, error) {
	n, err := v.cluster.Leader(ctx)
	if err != nil {
		return nil, err
	}
	return n.Host, nil
}

// changes is the newest serial, which each decision about a group raises.
func (v *vipd) changes(ctx context.Context) (int, error) {
	n, err := v.cluster.Leader(ctx)
	if err != nil {
		return 0, err
	}
	s, err := n.Status(ctx)
	newest := 0
	for _, g := range s.Groups {
		newest = max(newest, int(g.Serial))
	}
	return newest, err
}
