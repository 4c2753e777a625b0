package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

// versions is the result of `vipctl version`.
type versions struct {
	Client string `json:"client"`
	Daemon string `json:"daemon,omitempty"` // empty: it does not answer
}

func (c *ctl) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		GroupID: "look",
		Short:   "Show the versions of vipctl and of this host's vipd",
		Long: `version shows what version this vipctl is, and what version the vipd is that runs on this host. If no vipd
answers, vipctl's own is shown all the same, and the exit code is 3. The other nodes' versions are in
the output of vipctl status.`,
		Example: "  vipctl version",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			v := versions{Client: version}
			status, err := ask(ctx, c, func(ctx context.Context, client *api.Client) (api.Status, error) { return client.Status(ctx) })
			v.Daemon = status.Version
			if printErr := c.print(v, v.table); printErr != nil {
				return printErr
			}
			return err
		}),
	}
}

func (v versions) table() string {
	text := fmt.Sprintf("vipctl  %s\n", v.Client)
	if v.Daemon != "" {
		text += fmt.Sprintf("vipd    %s\n", v.Daemon)
	}
	return text
}
