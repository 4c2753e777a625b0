package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) moveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "move GROUP NODE",
		GroupID: "operate",
		Short:   "Move a group to a node",
		Long: `move gives a group to a node and returns when that node serves it. The old holder lets go first, so the
group is away for a moment: usually a few milliseconds.

The group is pinned to its new holder: it stays there, whatever the priorities say, as long as that node can
hold it. When the node fails the group moves on, and the pin is gone.`,
		Example:           "  vipctl move web n2",
		Args:              operands("GROUP", "NODE"),
		ValidArgsFunction: c.complete(groupNames, nodeNames),
		RunE: c.action(func(ctx context.Context, args []string) error {
			g, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.GroupStatus, error) {
				return client.Move(ctx, api.MoveRequest{Group: args[0], Node: args[1]})
			})
			if err != nil {
				return err
			}
			return c.print(g, func() string { return moveText(g) })
		}),
	}
}

func moveText(g api.GroupStatus) string {
	switch {
	case g.Holder == "":
		return fmt.Sprintf("nobody holds %s: %s\n", g.Name, g.Reason)
	case g.Waiting != "":
		return fmt.Sprintf("%s goes to %s as soon as %s has let go\n", g.Name, g.Holder, g.Waiting)
	}
	return fmt.Sprintf("%s holds %s: %s\n", g.Holder, g.Name, g.Reason)
}

func (c *ctl) drainCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "drain NODE",
		GroupID: "operate",
		Short:   "Make a node hold nothing, before work on it",
		Long: `drain moves everything that a node holds to others and gives it nothing until vipctl undrain. The node stays a
member and goes on voting. drain returns when the node holds nothing.

It refuses if that would leave a group that nobody else can hold; --force drains all the same, and such a
group is then not served.`,
		Example:           "  vipctl drain n1 && ssh n1 apt-get upgrade\n  vipctl undrain n1",
		Args:              operands("NODE"),
		ValidArgsFunction: c.complete(nodeNames),
		RunE: c.action(func(ctx context.Context, args []string) error {
			return c.drain(ctx, api.DrainRequest{Node: args[0], On: true, Force: force},
				args[0]+" holds nothing, and gets nothing until `vipctl undrain "+args[0]+"`")
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "even if groups are left that nobody else can hold")
	return cmd
}

func (c *ctl) undrainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "undrain NODE",
		GroupID: "operate",
		Short:   "Let a node hold groups again",
		Long: `undrain ends what vipctl drain began. Groups for which the node is the best come back to it, if they preempt
and once their preempt_delay is over.`,
		Example:           "  vipctl undrain n1",
		Args:              operands("NODE"),
		ValidArgsFunction: c.complete(nodeNames),
		RunE: c.action(func(ctx context.Context, args []string) error {
			return c.drain(ctx, api.DrainRequest{Node: args[0]}, args[0]+" may hold groups again")
		}),
	}
}

func (c *ctl) drain(ctx context.Context, r api.DrainRequest, done string) error {
	result, err := order(ctx, c, nothing(func(ctx context.Context, client *api.Client) error { return client.Drain(ctx, r) }))
	if err != nil {
		return err
	}
	return c.print(result, func() string { return done + "\n" })
}
