package main

import (
	"context"
	"fmt"
	"strings"

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
the group when its holder cannot keep it, and takes it from a holder of lower priority if the group preempts.

Below each node stand the terms of the sum: its priority as configured, the weight of each check and of missing
links. Before priorities two things count: a node that lost the group twice within a minute, by its checks or its
lease, comes after all others until it has been stable for the group's damping (vipctl move overrides that), and so
do nodes that have groups which this one is kept apart from. Of equal nodes the holder comes first, then the one
with fewest groups.`,
		Example:           "  vipctl why web\n  vipctl why web -o json | jq -r '.nodes[] | select(.eligible).node'",
		Args:              operands("GROUP"),
		ValidArgsFunction: c.complete(groupNames),
		RunE: c.action(func(ctx context.Context, args []string) error {
			g, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.GroupStatus, error) {
				return client.Why(ctx, api.WhyRequest{Group: args[0]})
			})
			if err != nil {
				return err
			}
			return c.print(g, func() string { return whyText(g, paintFor(c.stdout)) })
		}),
	}
}

func whyText(g api.GroupStatus, p paint) string {
	text := fmt.Sprintf("%s holds %s: %s\n\n", g.Holder, g.Name, g.Reason)
	if g.Holder == "" {
		text = p.bad(fmt.Sprintf("nobody holds %s: %s", g.Name, g.Reason)) + "\n\n"
	}
	if g.Paused {
		text += p.bad("Automatic moves are paused: it stays where it is until `vipctl resume` or `vipctl move`.") + "\n\n"
	}
	rows := make([]row, len(g.Nodes))
	for i, n := range g.Nodes {
		priority := "-"
		if n.Priority > 0 {
			priority = fmt.Sprint(n.Priority)
		}
		rows[i].cells = []string{n.Node, priority, place(g, n), orDash(reason(n))}
		rows[i].bad = !n.Eligible
		rows[i].notes = terms(n)
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
	case n.Eligible && n.Damped != "":
		return "not preferred"
	case n.Eligible:
		return "eligible"
	case n.Priority > 0:
		return "gets nothing new"
	}
	return "not eligible"
}

// terms says what a node's priority is the sum of, and what counts before it.
func terms(n api.Candidate) []string {
	var notes, sum []string
	total := 0
	for i, t := range n.Terms {
		total += t.By
		if i == 0 {
			sum = append(sum, fmt.Sprintf("%d: %s", t.By, t.What))
		} else {
			sum = append(sum, fmt.Sprintf("%+d: %s", t.By, t.What))
		}
	}
	if total != n.Priority && len(sum) > 0 {
		sum = append(sum, fmt.Sprintf("= %d, kept within 1 to 254", total))
	}
	if len(sum) > 0 {
		notes = append(notes, strings.Join(sum, "; "))
	}
	if n.Holding != 0 {
		notes = append(notes, fmt.Sprintf("%d while it holds the group: missing links of a bond move nothing", n.Holding))
	}
	if n.Crowd > 0 {
		notes = append(notes, fmt.Sprintf("groups there that this one is kept apart from: %d", n.Crowd))
	}
	if n.Damped != "" {
		notes = append(notes, n.Damped)
	}
	return notes
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
