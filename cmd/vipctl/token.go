package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) tokenCommand() *cobra.Command {
	var r api.TokenRequest
	cmd := &cobra.Command{
		Use:     "token [--ttl DURATION] [--once]",
		GroupID: "member",
		Short:   "Print the token that lets another node in",
		Long: `token prints what vipctl join needs on another host: the addresses of members, and the cluster's secret.

Whoever has the token can become a member and read all that the cluster's nodes tell each other. Pass it on
like a password.

With --ttl or --once the token does not have the secret in it but a key, for which members hand the secret out: until
DURATION has passed (1h unless set), by the leader's clock, and with --once to one node. The token has the fingerprint of
the cluster's authority too, so the node gives the key to nobody but a member. It is good for nothing else. A
rotation of the secret makes all tokens void.`,
		Example: "  vipctl token\n  vipctl token | ssh n2 vipctl join -\n  vipctl token --ttl 10m --once",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			if r.TTL < 0 {
				return usagef("--ttl %v: it takes a duration above 0, as 1h", r.TTL)
			}
			send := ask[api.TokenText]
			if r != (api.TokenRequest{}) {
				send = order[api.TokenText]
			}
			t, err := send(ctx, c, func(ctx context.Context, client *api.Client) (api.TokenText, error) { return client.TokenFor(ctx, r) })
			if err != nil {
				return err
			}
			return c.print(t, func() string { return t.Token + "\n" })
		}),
	}
	cmd.Flags().DurationVar(&r.TTL, "ttl", 0, "make a token without the secret, that is good for so long, as 1h")
	cmd.Flags().BoolVar(&r.Once, "once", false, "make a token without the secret, that lets one node in")
	cmd.AddCommand(c.tokenListCommand(), c.tokenRevokeCommand())
	return cmd
}

func (c *ctl) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show the tokens that end",
		Long: `list shows the tokens that vipctl token made with --ttl or --once, without what makes them good; a day after their
end they are forgotten. Of tokens with the secret in them nobody keeps a list.`,
		Example: "  vipctl token list",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			list, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.TokenList, error) { return client.TokenList(ctx) })
			if err != nil {
				return err
			}
			return c.print(list, func() string { return tokensText(list, paintFor(c.stdout)) })
		}),
	}
}

func tokensText(list api.TokenList, p paint) string {
	if len(list.Tokens) == 0 {
		return "No tokens that end.\n"
	}
	var rows []row
	for _, t := range list.Tokens {
		uses := "any number"
		if t.Once {
			uses = "one"
		}
		by := t.By
		if by == "" {
			by = "-"
		}
		rows = append(rows, row{cells: []string{t.ID, t.State, t.Expires.Format(time.RFC3339), uses, fmt.Sprint(t.Used), by}})
	}
	return table(p, []string{"ID", "STATE", "EXPIRES", "NODES", "USED", "BY"}, rows)
}

func (c *ctl) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Make a token void before its end",
		Long: `revoke makes a token of vipctl token list void. A node that it let in before stays a member. A token with the
secret in it is made void by vipctl secret rotate.`,
		Example: "  vipctl token revoke 1f0a9b3c",
		Args:    operands("ID"),
		RunE: c.action(func(ctx context.Context, args []string) error {
			r, err := order(ctx, c, nothing(func(ctx context.Context, client *api.Client) error {
				return client.TokenRevoke(ctx, api.TokenRevokeRequest{ID: args[0]})
			}))
			if err != nil {
				return err
			}
			return c.print(r, func() string { return "token " + args[0] + " lets nobody in any more\n" })
		}),
	}
}
