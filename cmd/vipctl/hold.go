package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

func (c *ctl) restartHoldCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "restart-hold DURATION",
		GroupID: "operate",
		Short:   "Let this host's vipd be restarted without losing its addresses",
		Long: `restart-hold makes this node's lease last DURATION, once, so that its vipd can be restarted meanwhile: the kernel
goes on answering for the node's addresses, nobody takes them over, and the daemon goes on with them when it is
back. It returns when a majority of the voters has promised that; then restart the daemon.

Without a restart nothing happens; the node is back to the profile's lease when DURATION has passed. Until then
the others do not notice that this node has crashed: they take over only at the end of DURATION. So ask for
little more than a restart takes, 10s to 20s, and at most 1m.

A daemon that comes back too late, or after a reboot, starts as after any stop: others take its groups over at
the end of DURATION, and never before.`,
		Example: "  vipctl restart-hold 20s && systemctl restart vipd",
		Args:    operands("DURATION"),
		RunE: c.action(func(ctx context.Context, args []string) error {
			d, err := holdDuration(args[0])
			if err != nil {
				return err
			}
			result, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.HoldResult, error) {
				return client.RestartHold(ctx, api.HoldRequest{Duration: d})
			})
			if err != nil {
				return err
			}
			return c.print(result, func() string { return holdText(result) })
		}),
	}
}

func holdDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, usagef("%q is not a duration; write it as 20s", text)
	case d < time.Second || d > state.MaxLease:
		return 0, usagef("a restart-hold lasts 1s to %v, not %v", state.MaxLease, d)
	}
	return d, nil
}

func holdText(r api.HoldResult) string {
	left := r.Left.Round(100 * time.Millisecond)
	if len(r.Groups) == 0 {
		return fmt.Sprintf("vipd may be restarted within %v; this node holds nothing now\n", left)
	}
	return fmt.Sprintf("vipd may be restarted within %v without losing %s\n", left, strings.Join(r.Groups, ", "))
}
