package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) checksCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "checks",
		GroupID: "look",
		Short:   "Show what the checks say on each node",
		Long: `checks shows each check of the specification on each node that runs it: those that may hold a group that
names it. "waiting" is a check that has not run yet, or a node that has not said so yet; until then the node
keeps what it has and gets nothing new.

GROUPS are those that depend on the check, each with the weight that the check has for it: a negative one is
taken off the node's priority while the check fails, a positive one is added while it does not, and with 0 a
node on which it fails cannot hold the group. "reversed" turns that round: the sign of the weight, or with 0 a
node on which it does not fail. SAYS is the first line of what the last run said.`,
		Example: "  vipctl checks\n  vipctl checks -o json | jq -r '.checks[] | .name as $c | .nodes[] | select(.state == \"failing\") | \"\\($c) \\(.node)\"'",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			list, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.CheckList, error) { return client.Checks(ctx) })
			if err != nil {
				return err
			}
			return c.print(list, func() string { return checksText(list, paintFor(c.stdout), time.Now()) })
		}),
	}
}

func checksText(list api.CheckList, p paint, now time.Time) string {
	if len(list.Checks) == 0 {
		return "No checks: list them under `checks:` in what `vipctl apply` takes.\n"
	}
	var rows []row
	for _, c := range list.Checks {
		groups := groupsText(c.Groups)
		if len(c.Nodes) == 0 {
			rows = append(rows, row{cells: []string{c.Name, "-", "-", "-", groups, "no node runs it, since no group that a node may hold names it"}})
		}
		for _, n := range c.Nodes {
			rows = append(rows, row{
				cells: []string{c.Name, n.Node, n.State, ago(n.Since, now), groups, orDash(n.Text)},
				bad:   n.State == "failing",
			})
		}
	}
	return table(p, []string{"NAME", "NODE", "STATE", "SINCE", "GROUPS", "SAYS"}, rows)
}

func groupsText(uses []api.CheckUse) string {
	var groups []string
	for _, u := range uses {
		reverse := ""
		if u.Reverse {
			reverse = " reversed"
		}
		groups = append(groups, fmt.Sprintf("%s(%d%s)", u.Group, u.Weight, reverse))
	}
	if len(groups) == 0 {
		return "-"
	}
	return strings.Join(groups, ",")
}
