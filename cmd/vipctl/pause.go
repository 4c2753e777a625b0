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

func (c *ctl) pauseCommand() *cobra.Command {
	var r api.PauseRequest
	cmd := &cobra.Command{
		Use:     "pause [--reason TEXT] [--for DURATION]",
		GroupID: "operate",
		Short:   "Leave all groups where they are, for maintenance",
		Long: `pause keeps vipd from moving groups by itself, in the whole cluster, until vipctl resume or the end of DURATION.

THE GROUPS OF A HOLDER THAT DIES, IS STOPPED, OR CANNOT HOLD THEM ANY MORE ARE NOT TAKEN OVER MEANWHILE: nobody
answers for them until that node is back, which then gets them again, or until somebody moves them. Leases go on:
two nodes never answer for one address.

What somebody asks for still happens: vipctl move and vipctl drain, also of groups of a dead holder, and the
placing of new groups. So daemons can be restarted one by one, and each loses its own groups for just that long.

Said again, pause replaces the reason and the time that is left. vipctl status shows that moves are paused.`,
		Example: "  vipctl pause --reason 'switch replaced' --for 2h\n  vipctl resume",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			if r.For < 0 {
				return usagef("--for %v: it takes a duration above 0, as 2h", r.For)
			}
			r.On = true
			return c.setPause(ctx, r)
		}),
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "what for, to be shown by status")
	cmd.Flags().DurationVar(&r.For, "for", 0, "resume by itself after so long, as 2h (default: never)")
	return cmd
}

func (c *ctl) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "resume",
		GroupID: "operate",
		Short:   "Let groups move by themselves again",
		Long: `resume ends what vipctl pause began: groups that nobody holds get a holder, and those that should be elsewhere
move there, as after any change. Where nothing is paused it does nothing.`,
		Example: "  vipctl resume",
		Args:    operands(),
		RunE:    c.action(func(ctx context.Context, _ []string) error { return c.setPause(ctx, api.PauseRequest{}) }),
	}
}

func (c *ctl) setPause(ctx context.Context, r api.PauseRequest) error {
	result, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.PauseResult, error) { return client.Pause(ctx, r) })
	if err != nil {
		return err
	}
	return c.print(result, func() string {
		if result.Paused == nil {
			return "groups move by themselves\n"
		}
		return pauseText(*result.Paused) + "\n"
	})
}

// pauseText says that moves are paused, and what that means.
func pauseText(p state.Pause) string {
	end := "until `vipctl resume`"
	if !p.Until.IsZero() {
		end = "until " + p.Until.Format(time.RFC3339)
	}
	text := fmt.Sprintf("automatic moves are paused since %s %s", p.Since.Format(time.RFC3339), end)
	if p.Reason != "" {
		text += " (" + strings.TrimSpace(p.Reason) + ")"
	}
	return text + ": groups of a holder that fails are not taken over"
}
