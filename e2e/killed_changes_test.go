package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/backup"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

type (
	command   = func(context.Context) error
	beginning = func(u *tour, n, via *harness.Node) command
)

func (u *tour) only() *harness.Node { return u.Nodes[0] }

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

// restoring restores a backup as one that was in a file.
func restoring(u *tour, n *harness.Node, b backup.Backup) command {
	text, err := b.Marshal()
	u.must(err)
	b, err = backup.Parse("backup", text)
	u.must(err)
	return func(ctx context.Context) error {
		_, err := n.Client.Restore(ctx, api.RestoreRequest{Backup: b})
		return err
	}
}

// expendable draws a member without which enough remain.
func expendable(u *tour) *harness.Node {
	members, _ := u.members()
	if len(members) < u.keeps || len(members) > 3 && u.voters() < 3 {
		return nil
	}
	return u.any(members)
}

func joining(role string) beginning {
	return func(u *tour, n, _ *harness.Node) command {
		once := u.rand.IntN(2) == 0
		var token api.TokenText
		return func(ctx context.Context) error {
			if token.Token == "" {
				via, err := u.Quorate(ctx)
				if err != nil {
					return err
				}
				if token, err = via.Client.TokenFor(ctx, api.TokenRequest{Once: once}); err != nil {
					return err
				}
			}
			_, err := n.Client.Join(ctx, api.JoinRequest{Token: token.Token, Role: role})
			if err != nil && (strings.Contains(err.Error(), "vipctl token") || strings.Contains(err.Error(), "used already")) {
				token = api.TokenText{}
			}
			return err
		}
	}
}

func joined(role state.Role) func(*tour, *harness.Node) {
	return func(u *tour, n *harness.Node) { u.wanted[n.Name] = role }
}

func gone(u *tour, n *harness.Node) { delete(u.wanted, n.Name) }

func removing(_ *tour, n, via *harness.Node) command {
	return func(ctx context.Context) error {
		_, err := via.Client.Remove(ctx, api.RemoveRequest{Node: n.Name, Force: true})
		return err
	}
}

func role(r state.Role) change {
	name := string(r)
	if r == state.Auto {
		name = "auto"
	}
	return change{
		name: "role " + name, lasts: 800 * time.Millisecond, fewer: true,
		pick: func(u *tour) *harness.Node {
			members, _ := u.members()
			n := u.any(members)
			learners := 0
			for name, is := range u.wanted {
				if is == state.Learner && name != n.Name {
					learners++
				}
			}
			if r == state.Learner && learners > 0 || u.wanted[n.Name] == r {
				return nil
			}
			witnesses := 0
			for _, is := range u.wanted {
				if is == state.Witness {
					witnesses++
				}
			}
			if r == state.Witness && witnesses > 0 || r == state.Voter && u.limit != 0 {
				return nil
			}
			return n
		},
		via: (*tour).another,
		begin: func(_ *tour, n, via *harness.Node) command {
			return func(ctx context.Context) error {
				_, err := via.Client.Role(ctx, api.RoleRequest{Node: n.Name, Role: name})
				return err
			}
		},
		after: joined(r),
	}
}

func voters(limit int) change {
	return change{
		name: fmt.Sprintf("%d voters", limit), lasts: 2 * time.Second, fewer: true,
		pick: func(u *tour) *harness.Node {
			if limit != 0 && slices.ContainsFunc(u.Nodes, func(n *harness.Node) bool { return u.wanted[n.Name] == state.Voter }) {
				return nil
			}
			members, _ := u.members()
			return u.any(members)
		},
		begin: func(_ *tour, n, _ *harness.Node) command {
			return func(ctx context.Context) error {
				_, err := n.Client.Voters(ctx, api.VotersRequest{Limit: &limit})
				return err
			}
		},
		after: func(u *tour, _ *harness.Node) { u.limit = limit },
	}
}

// loseMajority kills so many that those left are none, and returns one of the latter whose log is the newest.
func loseMajority(u *tour) *harness.Node {
	members, _ := u.members()
	if u.limit == 1 {
		return nil
	}
	left := u.any(members)
	for _, n := range members {
		if n != left {
			u.must(n.Kill())
		}
	}
	<-time.After(time.Second) // their leases, of which recover is told that they are over
	return left
}

func recovering(u *tour, n, _ *harness.Node) command {
	var lost []string
	for name := range u.wanted {
		if name != n.Name {
			lost = append(lost, name)
		}
	}
	return func(ctx context.Context) error {
		_, err := n.Client.Recover(ctx, api.RecoverRequest{Lost: lost, DownFor: time.Hour, Yes: true})
		if err != nil && strings.Contains(err.Error(), "nothing to recover: this node has a lease") {
			return nil
		}
		return err
	}
}

func recovered(u *tour, left *harness.Node) {
	members, _ := u.members()
	u.must(left.AwaitLease(u.wait()))
	generation := u.status(left).Cluster
	for _, n := range members {
		if n == left {
			continue
		}
		u.must(n.Start(u.wait()))
		u.superseded(n, generation)
		u.must(harness.Await(u.within(againLimit), n.Name+" joins again", func(ctx context.Context) error {
			token, err := left.Client.Token(ctx)
			if err != nil {
				return err
			}
			limited, cancel := context.WithTimeout(u.Context(), 30*time.Second)
			defer cancel()
			_, err = n.Client.Join(limited, api.JoinRequest{Token: token.Token})
			return errors.Join(err, ctx.Err())
		}))
		u.wanted[n.Name] = state.Auto
	}
}
