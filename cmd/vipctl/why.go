package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "why GROUP",
		GroupID: "look",
		Short:   "Show how all nodes stand for a group",
		Long: `why ranks the nodes for a group, best first, each with its effective priority, which is the configured one plus
what its health adds or takes off, and with the reason if it cannot hold the group. The first eligible node gets
the group when its holder cannot keep it, and takes it from a holder of lower priority if the group preempts.`,
		Example:           "  vipctl why web\n  vipctl why web -o json | jq -r '.nodes[] | select(.eligible).node'",
		Args:              operands("GROUP"),
		ValidArgsFunction: c.complete(groupNames),
		RunE: c.action(func(ctx context.Context, args []string) error {
			status, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.Status, error) { return client.Status(ctx) })
			if err != nil {
				return err
			}
			i := slices.IndexFunc(status.Groups, func(g api.GroupStatus) bool { return g.Name == args[0] })
			if i < 0 {
				return fmt.Errorf("there is no group %s; `vipctl status` lists them", args[0])
			}
			return c.print(status.Groups[i], func() string { return whyText(status.Groups[i], paintFor(c.stdout)) })
		}),
	}
}

func whyText(g api.GroupStatus, p paint) string {
	text := fmt.Sprintf("%s holds %s: %s\n\n", g.Holder, g.Name, g.Reason)
	if g.Holder == "" {
		text = p.bad(fmt.Sprintf("nobody holds %s: %s", g.Name, g.Reason)) + "\n\n"
	}
	rows := make([]row, len(g.Nodes))
	for i, n := range g.Nodes {
		priority := "-"
		if n.Priority > 0 {
			priority = fmt.Sprint(n.Priority)
		}
		rows[i].cells = []string{n.Node, priority, place(g, n), orDash(reason(n))}
		rows[i].bad = !n.Eligible
	}
	text += table(p, []string{"NODE", "PRIORITY", "IS", "BECAUSE"}, rows)
	for _, note := range asides(g, p) {
		text += "\n" + note + "\n"
	}
	return text
}

// place says what a node is to a group.
func place(g api.GroupStatus, n api.Candidate) string {
	switch {
	case g.Holder == n.Node && g.Pinned:
		return "holder (pinned)"
	case g.Holder == n.Node:
		return "holder"
	case n.Eligible:
		return "eligible"
	case n.Priority > 0:
		return "gets nothing new"
	}
	return "not eligible"
}

func reason(n api.Candidate) string {
	switch {
	case n.Why != "" && n.Adjusted != "":
		return n.Why + "; " + n.Adjusted
	case n.Why != "":
		return n.Why
	}
	return n.Adjusted
}
