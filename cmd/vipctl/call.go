package main

import (
	"context"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
)

// call is what a command asks of the daemon.
type call[Out any] func(context.Context, *api.Client) (Out, error)

// action makes a command's RunE. Errors from before it starts are of the command line.
func (c *ctl) action(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c.begun = true
		return do(cmd.Context(), args)
	}
}

// ask asks for something that changes nothing.
func ask[Out any](ctx context.Context, c *ctl, do call[Out]) (Out, error) {
	return talk(ctx, c, false, do)
}

// order asks for a change, and waits for it.
func order[Out any](ctx context.Context, c *ctl, do call[Out]) (Out, error) {
	return talk(ctx, c, true, do)
}

func talk[Out any](ctx context.Context, c *ctl, changes bool, do call[Out]) (Out, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	show := newProgress(c.stderr)
	stop := show.start()
	out, err := do(ctx, api.NewClient(c.path(), show.say))
	stop()
	if err != nil && ctx.Err() != nil {
		return out, c.giveUp(ctx, show.doing(), changes)
	}
	return out, err
}

// nothing makes a call of one that has no result.
func nothing(do func(context.Context, *api.Client) error) call[api.None] {
	return func(ctx context.Context, client *api.Client) (api.None, error) { return api.None{}, do(ctx, client) }
}

// complete offers names from the cluster's status as arguments, one list for each argument.
func (c *ctl) complete(lists ...func(api.Status) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(lists) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		status, err := ask(cmd.Context(), c, func(ctx context.Context, client *api.Client) (api.Status, error) { return client.Status(ctx) })
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return lists[len(args)](status), cobra.ShellCompDirectiveNoFileComp
	}
}

func nodeNames(s api.Status) []string {
	var names []string
	for _, n := range s.Nodes {
		names = append(names, n.Name)
	}
	return names
}

func groupNames(s api.Status) []string {
	var names []string
	for _, g := range s.Groups {
		names = append(names, g.Name)
	}
	return names
}
