package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

func (c *ctl) removeCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "remove NODE",
		GroupID: "member",
		Short:   "Take a dead node out of the cluster",
		Long: `remove takes a member that does not come back out of the cluster, so that it is not counted among the voters any
more. Run it on any other member. A node that is alive leaves by vipctl leave on it; remove refuses one, except
with --force.

It refuses, with --force too, where too few of the voters that remain would be alive to decide anything.

The host can join again, with a token; its vipd says so if it is started meanwhile. A host that was wiped keeps
its name only after its old self was removed.`,
		Example:           "  vipctl remove n3\n  vipctl remove n3 --force",
		Args:              operands("NODE"),
		ValidArgsFunction: c.complete(nodeNames),
		RunE: c.action(func(ctx context.Context, args []string) error {
			r, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.RemoveResult, error) {
				return client.Remove(ctx, api.RemoveRequest{Node: args[0], Force: force})
			})
			if err != nil {
				return err
			}
			return c.print(r, func() string { return removeText(r) })
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "even if it is alive")
	return cmd
}

func removeText(r api.RemoveResult) string {
	if r.Already {
		return fmt.Sprintf("%s is no member\n", r.Node)
	}
	return fmt.Sprintf("%s is out of the cluster; %s\n", r.Node, votersText(r.Voters))
}

// votersText says who votes and what that means.
func votersText(voters []string) string {
	text := fmt.Sprintf("%s votes", strings.Join(voters, ", "))
	if len(voters) > 1 {
		text = fmt.Sprintf("%s vote", strings.Join(voters, ", "))
	}
	switch n := len(voters); n {
	case 1:
		return text + ": it is needed for every decision"
	case 2:
		return text + ": both are needed for every decision, so the loss of either stops the cluster.\n" +
			"A third node changes that, and so does a witness, which votes and holds no addresses: `vipctl join - --role witness`"
	default:
		return fmt.Sprintf("%s: the cluster survives the loss of %d", text, (n-1)/2)
	}
}

func (c *ctl) roleCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "role NODE voter|learner|witness|auto",
		GroupID: "member",
		Short:   "Say whether a node votes, and whether it holds addresses",
		Long: `role says what a member should be:

  voter     it votes, before others, and no other takes its place when it is dead
  learner   it never votes; it holds addresses all the same
  witness   it votes and never holds addresses: the third voter beside two nodes
  auto      the cluster decides, see vipctl voters

It returns when that is so. One voter changes at a time, and what is held stays where it is.`,
		Example:           "  vipctl role n3 witness\n  vipctl role n4 auto",
		Args:              operands("NODE", "ROLE"),
		ValidArgsFunction: c.complete(nodeNames, func(api.Status) []string { return []string{"voter", "learner", "witness", "auto"} }),
		RunE: c.action(func(ctx context.Context, args []string) error {
			if _, err := state.RoleNamed(args[1]); err != nil {
				return usageError{err}
			}
			r, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.RoleResult, error) {
				return client.Role(ctx, api.RoleRequest{Node: args[0], Role: args[1]})
			})
			if err != nil {
				return err
			}
			return c.print(r, func() string { return fmt.Sprintf("%s is a %s; %s\n", r.Node, r.Role, votersText(r.Voters)) })
		}),
	}
}

func (c *ctl) votersCommand() *cobra.Command {
	var after time.Duration
	cmd := &cobra.Command{
		Use:     "voters [1|3|5|auto]",
		GroupID: "member",
		Short:   "Show who votes, or say how many should",
		Long: `voters shows which members vote, and with a number makes that many do, or as many of them as there are. auto, which
is where a cluster starts, is an odd number up to five, and two of two.

The cluster keeps to the number: it promotes learners that are alive and have caught up, and demotes who is
one too many. A voter that is dead for --replace-after (2m unless set) gives its vote to a learner, if there is one; it comes
back as a learner. Nobody is demoted for being dead where no other can vote instead, for then each death
would make the majority smaller.`,
		Example: "  vipctl voters\n  vipctl voters 3\n  vipctl voters --replace-after 30s",
		Args:    cobra.MaximumNArgs(1),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var r api.VotersRequest
		if cmd.Flags().Changed("replace-after") {
			r.ReplaceAfter = &after
		}
		if len(args) == 1 {
			limit, err := votersNamed(args[0])
			if err != nil {
				return err
			}
			r.Limit = &limit
		}
		c.begun = true
		result, err := order(cmd.Context(), c, func(ctx context.Context, client *api.Client) (api.VotersResult, error) {
			return client.Voters(ctx, r)
		})
		if err != nil {
			return err
		}
		return c.print(result, func() string { return votersText(result.Voters) + "\n" })
	}
	cmd.Flags().DurationVar(&after, "replace-after", state.DefaultReplaceAfter, "how long a voter has to be dead before a learner votes instead")
	return cmd
}

func votersNamed(text string) (int, error) {
	if text == "auto" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err == nil {
		err = state.Voting{Limit: n}.Validate()
	}
	if err != nil || n == 0 {
		return 0, usagef("%q is no number of voters: it is 1, 3, 5 or auto, since an even one survives no more failures than the odd one below it", text)
	}
	return n, nil
}
