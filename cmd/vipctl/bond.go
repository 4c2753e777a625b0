package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) bondCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bond",
		GroupID: "look",
		Short:   "Show this host's bonds and what is wrong with them, and change them",
		Long: `bond lists the bonds and team devices of this host, and the interfaces that groups' addresses are on: which
member is active, how many links can be used, and in words what is wrong and what to do about it.

Bonds are described in the node file, under bonds; vipd --print-reference explains every key. vipd builds those
that are not there when it starts. A bond that others made is only watched, unless the file says manage: true.`,
		Example: "  vipctl bond\n  vipctl bond show bond0\n  vipctl bond plan",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			return c.showBonds(ctx, api.BondsRequest{})
		}),
	}
	cmd.AddCommand(c.bondShowCommand(), c.bondPlanCommand(), c.bondApplyCommand(), c.bondFailoverCommand())
	return cmd
}

func (c *ctl) bondShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show all that is known of one bond, and what happened to it",
		Long: `show tells of one bond, team or interface what vipctl bond lists and more: each member with its speed and what
LACP agreed on, the groups on it, what is wrong, and what happened since vipd started, the newest last.`,
		Example:           "  vipctl bond show bond0\n  vipctl bond show bond0 -o json | jq .bonds[0].members",
		Args:              operands("NAME"),
		ValidArgsFunction: c.completeBonds,
		RunE: c.action(func(ctx context.Context, args []string) error {
			return c.showBonds(ctx, api.BondsRequest{Name: args[0]})
		}),
	}
}

func (c *ctl) showBonds(ctx context.Context, r api.BondsRequest) error {
	list, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.Bonds, error) { return client.Bonds(ctx, r) })
	if err != nil {
		return err
	}
	return c.print(list, func() string {
		if r.Name != "" {
			return bondText(list.Bonds[0], paintFor(c.stdout))
		}
		return bondsText(list, paintFor(c.stdout))
	})
}

func (c *ctl) bondPlanCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "plan",
		Short: "Show what vipctl bond apply would change",
		Long: `plan reads the node file as it is on the disk now, compares its bonds with those of the host, and prints the
changes in their order. It changes nothing. A mistake in the file is reported with its line.`,
		Example: "  vipctl bond plan",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			p, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.BondPlan, error) { return client.BondPlan(ctx) })
			if err != nil {
				return err
			}
			return c.print(p, func() string { return planText(p, "would change") })
		}),
	}
}

func (c *ctl) bondApplyCommand() *cobra.Command {
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Make the bonds as the node file says now",
		Long: `apply reads the node file as it is on the disk now and makes the host's bonds so. Only what differs is changed,
in place where the driver allows it; addresses and routes of interfaces that become members move to the bond. If
a step fails, those before it are taken back.

A change may cut this host off. If the cluster was in touch before, and no majority of it answers within the time
that --confirm-within gives, everything is taken back as well. This takes a daemon that goes on running, and it
sees the cluster only: whether you can still reach this host is for you to find out. 0 takes nothing back.`,
		Example: "  vipctl bond plan && vipctl bond apply\n  vipctl bond apply --confirm-within 1m",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			if within < 0 {
				return usagef("--confirm-within is a time, as 30s, or 0")
			}
			c.timeout += within
			p, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.BondPlan, error) {
				return client.BondApply(ctx, api.BondApplyRequest{ConfirmWithin: within})
			})
			if err != nil {
				return err
			}
			return c.print(p, func() string { return planText(p, "changed") })
		}),
	}
	cmd.Flags().DurationVar(&within, "confirm-within", 30*time.Second, "how long the cluster may take to answer before the change is taken back")
	return cmd
}

func (c *ctl) bondFailoverCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "failover BOND MEMBER",
		Short: "Make another member of a bond the active one",
		Long: `failover makes a member with a working link the active one, in the modes that have an active member
(active-backup, balance-tlb, balance-alb), as before work on a cable or switch. The addresses on the bond are
announced again. A primary that works may take over again, as primary_reselect says.`,
		Example: "  vipctl bond failover bond0 eth1",
		Args:    operands("BOND", "MEMBER"),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return c.completeMembers(cmd.Context(), args[0])
			}
			return c.completeBonds(cmd, args, prefix)
		},
		RunE: c.action(func(ctx context.Context, args []string) error {
			result, err := order(ctx, c, nothing(func(ctx context.Context, client *api.Client) error {
				return client.BondFailover(ctx, api.BondFailoverRequest{Bond: args[0], Member: args[1]})
			}))
			if err != nil {
				return err
			}
			return c.print(result, func() string { return fmt.Sprintf("%s is the active member of %s\n", args[1], args[0]) })
		}),
	}
}

// completeBonds offers the names of bonds as the first argument.
func (c *ctl) completeBonds(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := c.bondList(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, b := range list.Bonds {
		names = append(names, b.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (c *ctl) completeMembers(ctx context.Context, bond string) ([]cobra.Completion, cobra.ShellCompDirective) {
	list, err := c.bondList(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, b := range list.Bonds {
		for _, m := range b.Members {
			if b.Name == bond {
				names = append(names, m.Name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (c *ctl) bondList(ctx context.Context) (api.Bonds, error) {
	return ask(ctx, c, func(ctx context.Context, client *api.Client) (api.Bonds, error) {
		return client.Bonds(ctx, api.BondsRequest{})
	})
}
