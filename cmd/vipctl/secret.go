package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) secretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "secret",
		GroupID: "member",
		Short:   "Replace the cluster's secret, and show how far that is",
		Long: `secret is about the one secret that makes a node a node of this cluster: the key of what nodes tell each other
follows from it, and the authority of their certificates. It is in the tokens of vipctl token, and in each node's data
directory. No command shows it but vipctl token.

Replace it when a token or a data directory may have come into other hands, or somebody who knew it has left.`,
		Example: "  vipctl secret status\n  vipctl secret rotate",
	}
	cmd.AddCommand(c.secretRotateCommand(), c.secretStatusCommand())
	return cmd
}

func (c *ctl) secretRotateCommand() *cobra.Command {
	var r api.SecretRotateRequest
	cmd := &cobra.Command{
		Use:   "rotate [--without NODE]... | rotate --abort",
		Short: "Replace the cluster's secret by a new one, while all goes on",
		Long: `rotate gives every node a new secret and then takes the old one away. No address moves and no lease is lost.

First each node stores the new secret and accepts it beside the old one; when all have told that they did, each uses the
new one; when all have told that, too, the old one is good for nothing: tokens made before let nobody in any more, and
connections made with it are closed. The leader leads it, and the next leader goes on where it was. So a command that was
broken off has not stopped it: vipctl secret status shows how far it is, and rotate said again waits for it.

It waits for nodes that are off. --without NODE goes on without one; it may be said while rotate waits, and again for
others. Of a node that is alive it has no effect. A node that was left out, or missed it, is refused by the others when it
is back and says so in its log and its status. It is taken in again, with its data and its groups, by a new token:
vipctl token on a member, vipctl join - there.

While nodes still store the new secret, as while one that is off is waited for, --abort gives it up: the secret stays, with
the tokens made of it. Once nodes use the new one it is too late, and --abort says so.

Who is a member stays one. To shut somebody out who joined, vipctl remove him first.`,
		Example: "  vipctl secret rotate\n  vipctl secret rotate --without n3\n  vipctl secret rotate --abort",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			result, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.SecretResult, error) {
				return client.SecretRotate(ctx, r)
			})
			if err != nil {
				return err
			}
			return c.print(result, func() string { return rotatedText(r, result) })
		}),
	}
	cmd.Flags().BoolVar(&r.Abort, "abort", false, "give up the rotation that is under way, if nodes do not use the new secret yet")
	cmd.Flags().StringArrayVar(&r.Without, "without", nil, "go on without this node while it is off; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("abort", "without")
	return cmd
}

func rotatedText(asked api.SecretRotateRequest, r api.SecretResult) string {
	switch {
	case r.Aborted:
		return fmt.Sprintf("the rotation is given up; the cluster's secret is still %s\n", r.Fingerprint)
	case asked.Abort:
		return fmt.Sprintf("no rotation is under way; the cluster's secret is %s\n", r.Fingerprint)
	}
	text := fmt.Sprintf("the cluster has a new secret, %s\nTokens made before let nobody in any more.\n", r.Fingerprint)
	if len(r.Without) > 0 {
		text += fmt.Sprintf("Without it are: %s. When one is back, take it in again: `vipctl token` here, `vipctl join -` there.\n", strings.Join(r.Without, ", "))
	}
	return text
}

func (c *ctl) secretStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show which secret is in use, and how far a rotation is",
		Long: `status shows the fingerprint of the secret that this host's node uses, from which nothing can be learnt of the
secret, when the one before was given up, and how far a rotation is and for whom it waits.`,
		Example: "  vipctl secret status\n  vipctl secret status -o json | jq -r '.rotation.waiting[]?'",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			s, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.SecretStatus, error) {
				return client.SecretStatus(ctx)
			})
			if err != nil {
				return err
			}
			return c.print(s, func() string { return secretText(s) })
		}),
	}
}

func secretText(s api.SecretStatus) string {
	text := "secret " + s.Fingerprint
	if s.Rotated.IsZero() {
		text += ", never rotated\n"
	} else {
		text += ", since " + s.Rotated.Format(time.RFC3339) + "\n"
	}
	if s.Outdated {
		text += "The others have a newer one: it was rotated while this node was off. `vipctl token` on a member and `vipctl join -` here\ntake this node in again.\n"
	}
	if s.Rotation != nil {
		text += rotationText(*s.Rotation) + "\n"
	}
	for _, name := range s.Stragglers {
		text += fmt.Sprintf("%s has a former secret: `vipctl token` here and `vipctl join -` there take it in again\n", name)
	}
	return text
}

// rotationText says how far a rotation is, in a line.
func rotationText(r api.RotationStatus) string {
	what := "each node stores the next one"
	if r.Phase == "use" {
		what = "each node begins to use the next one"
	}
	text := fmt.Sprintf("the secret is being rotated since %s: %s", r.Since.Format(time.RFC3339), what)
	if r.By != "" {
		text += " (" + r.By + ")"
	}
	if len(r.Waiting) > 0 {
		text += fmt.Sprintf("; waiting for %s: if one is off, `vipctl secret rotate --without %s` goes on", strings.Join(r.Waiting, ", "), r.Waiting[0])
		if r.Phase == "offer" {
			text += ", and --abort gives it up"
		}
	}
	return text
}
