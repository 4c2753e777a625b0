package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/backup"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// alone are the changes of a cluster of one, in order.
var alone = []change{
	{
		name: "init", lasts: 400 * time.Millisecond,
		pick: (*tour).only,
		begin: func(_ *tour, n, _ *harness.Node) command {
			return func(ctx context.Context) error {
				_, err := n.Client.Init(ctx, api.InitRequest{Profile: "wan"})
				return err
			}
		},
		after: func(u *tour, n *harness.Node) {
			u.wanted[n.Name] = state.Auto
			if p := u.status(n).Profile; p == nil || *p != state.WAN {
				u.Errorf("the profile is %v", p)
			}
			lan := state.LAN
			_, err := n.Client.Profile(u.wait(), api.ProfileRequest{Set: &lan})
			u.must(err)
		},
	},
	{
		name: "restore", lasts: 300 * time.Millisecond,
		pick: (*tour).only,
		begin: func(u *tour, n, _ *harness.Node) command {
			s := &state.State{Groups: map[string]*state.Group{"web": &web}, Profile: state.LAN, LastSerial: 5000}
			b := backup.Of(s, false)
			return restoring(u, n, b)
		},
		after: func(u *tour, n *harness.Node) {
			u.await("web is held by a serial above the backup's", func(context.Context) error {
				if g := u.status(n).Groups; len(g) != 1 || g[0].Holder != n.Name || g[0].Serial <= 5000 {
					return fmt.Errorf("the groups are %+v", g)
				}
				return nil
			})
		},
	},
	{
		name: "leave --force", lasts: 300 * time.Millisecond,
		pick: (*tour).only,
		begin: func(_ *tour, n, _ *harness.Node) command {
			return func(ctx context.Context) error { return n.Client.Leave(ctx, api.LeaveRequest{Force: true}) }
		},
		after: func(u *tour, n *harness.Node) {
			delete(u.wanted, n.Name)
			if s := u.status(n); s.Cluster != "" || u.carries(n, web4) {
				u.Errorf("after it left: %+v", s)
			}
		},
	},
}

// together are those of a cluster of up to five.
var together = []change{
	{
		name: "join", lasts: 1500 * time.Millisecond,
		pick:  func(u *tour) *harness.Node { _, others := u.members(); return u.any(others) },
		begin: joining(""), after: joined(state.Auto),
	},
	{
		name: "join as a witness", lasts: 1500 * time.Millisecond,
		pick:  func(u *tour) *harness.Node { _, others := u.members(); return u.any(others) },
		begin: joining("witness"), after: joined(state.Witness),
	},
	{
		name: "leave", lasts: 1500 * time.Millisecond, fewer: true,
		pick: expendable,
		begin: func(_ *tour, n, _ *harness.Node) command {
			return func(ctx context.Context) error { return n.Client.Leave(ctx, api.LeaveRequest{}) }
		},
		after: gone,
	},
	{
		name: "remove", lasts: 1500 * time.Millisecond, fewer: true,
		pick: expendable, via: (*tour).another,
		begin: removing, after: gone,
	},
	{
		name: "remove of one that is dead", lasts: 1000 * time.Millisecond, fewer: true,
		pick: func(u *tour) *harness.Node {
			n := expendable(u)
			if n != nil {
				u.must(n.Kill())
			}
			return n
		},
		via: (*tour).another,
		begin: func(u *tour, n, via *harness.Node) command {
			do := removing(u, n, via)
			return func(ctx context.Context) error {
				if err := do(ctx); err != nil || n.Running() {
					return err
				}
				return n.Start(ctx)
			}
		},
		after: gone,
	},
	{
		name: "rejoin of one that was wiped", lasts: 2500 * time.Millisecond, fewer: true,
		pick: func(u *tour) *harness.Node {
			n := expendable(u)
			if n != nil {
				u.must(n.Kill())
				u.must(os.RemoveAll(n.DataDir))
				u.must(n.Start(u.wait()))
			}
			return n
		},
		begin: func(u *tour, n, _ *harness.Node) command {
			join := joining("")(u, n, n)
			return func(ctx context.Context) error {
				err := join(ctx)
				if err == nil || !strings.Contains(err.Error(), "vipctl remove "+n.Name) {
					return err
				}
				if err := removing(u, n, u.another(n))(ctx); err != nil {
					return err
				}
				return join(ctx)
			}
		},
		after: joined(state.Auto),
	},
	role(state.Voter), role(state.Learner), role(state.Witness), role(state.Auto),
	voters(1), voters(3), voters(5), voters(0),
	{
		name: "another address", lasts: 2 * time.Second,
		pick: func(u *tour) *harness.Node { members, _ := u.members(); return u.any(members) },
		begin: func(u *tour, n, _ *harness.Node) command {
			u.must(n.Terminate(u.wait()))
			first, second := n.Host.IPv4.Addr().String(), second(n)
			if u.moved[n.Name] {
				u.edit(n, "listen: "+second, "listen: "+first)
			} else {
				u.edit(n, "listen: "+first, "listen: "+second)
			}
			u.moved[n.Name] = !u.moved[n.Name]
			u.must(n.Start(u.wait()))
			return n.AwaitLease
		},
		after: func(*tour, *harness.Node) {},
	},
	{
		name: "secret rotate", lasts: time.Second,
		pick: func(u *tour) *harness.Node { members, _ := u.members(); return u.any(members) },
		begin: func(_ *tour, n, _ *harness.Node) command {
			return func(ctx context.Context) error {
				_, err := n.Client.SecretRotate(ctx, api.SecretRotateRequest{})
				return err
			}
		},
		after: func(*tour, *harness.Node) {},
	},
	{
		name: "restore", lasts: 300 * time.Millisecond,
		pick: func(u *tour) *harness.Node { members, _ := u.members(); return u.any(members) },
		begin: func(u *tour, n, _ *harness.Node) command {
			b, err := n.Client.Backup(u.wait(), api.BackupRequest{})
			u.must(err)
			b.LastSerial += 1000 // as one of a cluster that was further
			return restoring(u, n, b)
		},
		after: func(*tour, *harness.Node) {},
	},
	{
		name: "recover", lasts: 600 * time.Millisecond, fewer: true,
		pick: loseMajority, begin: recovering, after: recovered,
	},
}
