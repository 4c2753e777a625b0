package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

func (c *ctl) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "reload",
		GroupID: "operate",
		Short:   "Have this host's vipd read its node file again",
		Long: `reload has the daemon read its node file again, as systemctl reload vipd and SIGHUP do, and prints what changed
since it was read last. Bonds, labels, log.level, script_dirs, script_user and tls change at once; all other keys are
named, and change when the daemon is restarted: vipctl restart-hold 20s && systemctl restart vipd does that without a
takeover.

A file with a mistake changes nothing, and the exit code is 1. A change of the bonds that cuts this node off from its
cluster is taken back within 30s, as with vipctl bond apply, and then nothing else changes either.`,
		Example: "  vipctl reload",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			result, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.Reloaded, error) { return client.Reload(ctx) })
			if err != nil {
				return err
			}
			return c.print(result, func() string { return reloadText(result) })
		}),
	}
}

func reloadText(r api.Reloaded) string {
	if len(r.Changes) == 0 {
		return fmt.Sprintf("nothing changed in %s\n", r.File)
	}
	var b strings.Builder
	restart := false
	for _, change := range r.Changes {
		outcome := "applied"
		if !change.Live {
			outcome, restart = "takes a restart", true
		}
		fmt.Fprintf(&b, "%s: %s → %s (%s)\n", change.Key, orDash(change.Before), orDash(change.After), outcome)
		if change.Note != "" {
			fmt.Fprintf(&b, "  %s\n", change.Note)
		}
	}
	if restart {
		b.WriteString("restart without a takeover: vipctl restart-hold 20s && systemctl restart vipd\n")
	}
	return b.String()
}
