package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

// timing is what the flags of profile say; 0 is not given.
type timing struct{ renew, lease, margin time.Duration }

func (c *ctl) profileCommand() *cobra.Command {
	var t timing
	cmd := &cobra.Command{
		Use:     "profile [NAME]",
		GroupID: "serve",
		Short:   "Show or change the timing of the lease",
		Long: `profile shows how fast the cluster notices that a node is gone, or changes it for all nodes at once.

  NAME  RENEW   LEASE   MARGIN  for
  lan   100ms   280ms   10ms    hosts of one site
  fast  5ms     22ms    5ms     a quiet dedicated link, with real-time scheduling
  wan   500ms   3s      50ms    between sites

Each node renews its lease with a majority of the voters every RENEW. One that could not for LEASE serves
nothing any more, and others take over MARGIN later, which covers that kernels shut their gates a little late.
So a shorter lease fails over faster, and a busy host or network loses it more easily.

Flags change single values, of the profile that is named or else of the one in force; the result is called
custom.`,
		Example:   "  vipctl profile\n  vipctl profile wan\n  vipctl profile --lease 400ms --renew 100ms",
		ValidArgs: []string{"lan", "fast", "wan"},
		Args:      cobra.MaximumNArgs(1),
		RunE: c.action(func(ctx context.Context, args []string) error {
			request, err := c.profileRequest(ctx, args, t)
			if err != nil {
				return err
			}
			send := ask[state.Profile]
			if request.Set != nil {
				send = order[state.Profile]
			}
			p, err := send(ctx, c, func(ctx context.Context, client *api.Client) (state.Profile, error) {
				return client.Profile(ctx, request)
			})
			if err != nil {
				return err
			}
			return c.print(p, func() string { return "profile " + profileText(p) + "\n" })
		}),
	}
	cmd.Flags().DurationVar(&t.renew, "renew", 0, "how often a node renews its lease")
	cmd.Flags().DurationVar(&t.lease, "lease", 0, "how long a renewal lasts")
	cmd.Flags().DurationVar(&t.margin, "margin", 0, "what others wait beyond the lease")
	return cmd
}

// profileRequest is what arguments and flags ask for: nothing to set without any.
func (c *ctl) profileRequest(ctx context.Context, args []string, t timing) (api.ProfileRequest, error) {
	if len(args) == 0 && t == (timing{}) {
		return api.ProfileRequest{}, nil
	}
	p, err := c.baseProfile(ctx, args)
	if err != nil {
		return api.ProfileRequest{}, err
	}
	p = t.over(p)
	if err := p.Validate(); err != nil {
		return api.ProfileRequest{}, usageError{err}
	}
	return api.ProfileRequest{Set: &p}, nil
}

func (c *ctl) baseProfile(ctx context.Context, args []string) (state.Profile, error) {
	if len(args) == 0 {
		return ask(ctx, c, func(ctx context.Context, client *api.Client) (state.Profile, error) {
			return client.Profile(ctx, api.ProfileRequest{})
		})
	}
	p, err := state.ProfileNamed(args[0])
	if err != nil {
		return p, usageError{err}
	}
	return p, nil
}

// over returns p with the values that are given.
func (t timing) over(p state.Profile) state.Profile {
	set := func(value *time.Duration, given time.Duration) {
		if given != 0 {
			*value, p.Name = given, "custom"
		}
	}
	set(&p.Renew, t.renew)
	set(&p.Lease, t.lease)
	set(&p.Margin, t.margin)
	return p
}
