package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) recoverCommand() *cobra.Command {
	var r api.RecoverRequest
	cmd := &cobra.Command{
		Use:     "recover",
		GroupID: "member",
		Short:   "Go on from this node alone, when the majority of the voters is lost for good",
		Long: `recover has the cluster go on from this host's node, when the majority of its voters is lost and does not come
back. Bring them back with their data if that is at all possible: then nothing need be recovered, and nothing is lost.

Without --yes it changes nothing, and says what would be done: who answers, where each log ends, who is dropped. Run it on the
node with the newest log; it refuses on another and names it. It refuses while a majority answers.

With --yes this node becomes the only voter of a new generation of the cluster. Members that are left join again
(vipctl token here, vipctl join - there), as do the lost ones should they return: former members are refused by all that
this generation is made of, and stop once they reach it.

--lost NODE says that a node is off and will not run again with its data; name each one that does not answer. vipd cannot
know it. Say it only when you have seen to it: a majority that is merely cut off from here is alive, goes on holding
the addresses among itself, and until it reaches this node again two hosts answer for each address.

Groups of lost nodes are taken over when the longest lease that may have been granted is over, a minute. --down-for says for
how long all of the lost nodes have been off already, at least; as much of it is not waited for.

What the lost majority acknowledged and did not bring to this node is lost.`,
		Example: "  vipctl recover\n  vipctl recover --lost n1 --lost n2\n  vipctl recover --lost n1 --lost n2 --down-for 10m --yes",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			result, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.RecoverResult, error) {
				return client.Recover(ctx, r)
			})
			if err != nil {
				return err
			}
			return c.print(result, func() string { return recoverText(result, paintFor(c.stdout)) })
		}),
	}
	cmd.Flags().StringSliceVar(&r.Lost, "lost", nil, "a `NODE` that is off and will not run again with its data; for each one")
	cmd.Flags().DurationVar(&r.DownFor, "down-for", 0, "for how long all lost nodes have been off, at least")
	cmd.Flags().BoolVar(&r.Yes, "yes", false, "do it")
	return cmd
}

func recoverText(r api.RecoverResult, p paint) string {
	rows := make([]row, len(r.Members))
	for i, m := range r.Members {
		answers, log := "no", "-"
		if m.Answers {
			answers, log = "yes", fmt.Sprintf("term %d, entry %d", m.Term, m.Index)
		}
		rows[i].cells = []string{m.Name, m.Role, answers, log, m.Becomes}
	}
	text := table(p, []string{"NAME", "ROLE", "ANSWERS", "LOG ENDS", "BECOMES"}, rows)
	if r.Done {
		return text + fmt.Sprintf("\n%s goes on alone, as cluster %s. Groups of others are taken over within %v.\n"+
			"Let nodes in: `vipctl token` here, then `vipctl join -` there.\n", r.Node, r.Next, r.Wait.Round(time.Second))
	}
	text = fmt.Sprintf("cluster %s would go on from %s alone. Nothing has been changed.\n\n", r.Cluster, r.Node) + text
	text += fmt.Sprintf("\nGroups of others would be taken over after %v (--down-for makes it shorter).\n", r.Wait.Round(time.Second))
	if len(r.Unconfirmed) > 0 {
		return text + p.warn("These do not answer. Bring them back, or say of each that it is off for good: --lost "+strings.Join(r.Unconfirmed, " --lost ")) + "\n"
	}
	return text + "Do it with --yes, if all that are dropped are off for good.\n"
}
