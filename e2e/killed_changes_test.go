package e2e

import (
	"context"
	"errors"
	"fmt"
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
