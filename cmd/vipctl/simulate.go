package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) simulateCommand() *cobra.Command {
	var r api.SimulateRequest
	var fail []string
	var file string
	cmd := &cobra.Command{
		Use:     "simulate [--node-down NODE] [--drain NODE] [--check-fail CHECK@NODE] [-f FILE]",
		GroupID: "look",
		Short:   "Show what would move if something were so",
		Long: `simulate asks this host's vipd which groups would have another holder if nodes died, were drained, checks failed,
or another specification were applied, and why. All that is said is supposed at once; flags can be repeated. It is
decided as the cluster decides, from the state and the health that this host knows now, until nothing is left to do,
preempt_delay included. Nothing is touched.

Not foreseen is what the fault itself does to other nodes, as to checks that fail on them too.

Without flags it shows what is going to move anyway.`,
		Example: "  vipctl simulate --node-down n1\n  vipctl simulate --node-down n1 --check-fail nginx@n2\n  vipctl simulate -f new.yaml --drain n3 -o json",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			for _, text := range fail {
				check, node, ok := strings.Cut(text, "@")
				if !ok || check == "" || node == "" {
					return usagef("--check-fail %q: write it as CHECK@NODE, as nginx@n2", text)
				}
				r.ChecksFail = append(r.ChecksFail, api.CheckAt{Check: check, Node: node})
			}
			if file != "" {
				wanted, err := c.readSpec(file)
				if err != nil {
					return err
				}
				r.Spec = &api.Specification{Groups: wanted.Groups, Checks: wanted.Checks}
			}
			result, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.SimulateResult, error) {
				return client.Simulate(ctx, r)
			})
			if err != nil {
				return err
			}
			return c.print(result, func() string { return simulateText(result, paintFor(c.stdout)) })
		}),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&r.NodesDown, "node-down", nil, "suppose that a node died")
	flags.StringSliceVar(&r.Drain, "drain", nil, "suppose that a node is drained")
	flags.StringSliceVar(&fail, "check-fail", nil, "suppose that a check fails on a node: CHECK@NODE")
	flags.StringVarP(&file, "file", "f", "", "suppose that this specification is applied; - is standard input")
	return cmd
}

func simulateText(r api.SimulateResult, p paint) string {
	var b strings.Builder
	for _, text := range r.Assumed {
		fmt.Fprintln(&b, p.warn("assumed: "+text))
	}
	rows := make([]row, len(r.Groups))
	for i, g := range r.Groups {
		to, after := g.To, "-"
		if to == "" {
			to, rows[i].bad = "NOBODY", true
		}
		if g.After > 0 {
			after = g.After.String()
		}
		rows[i].cells = []string{g.Group, orDash(g.From), to, after, orDash(g.Reason)}
	}
	if len(rows) > 0 {
		b.WriteString(table(p, []string{"GROUP", "FROM", "TO", "AFTER", "BECAUSE"}, rows))
	}
	fmt.Fprintf(&b, "groups that would move: %d; that would stay: %d; nothing was changed\n", len(r.Groups), r.Unchanged)
	return b.String()
}
