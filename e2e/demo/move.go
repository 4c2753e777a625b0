package main

import (
	"context"
	"slices"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

// movable waits until the leader has heard that a node can hold the addresses.
func (d *demo) movable(ctx context.Context, to *harness.Node) error {
	return d.cluster.AwaitGroup(ctx, "web", "can be held by "+to.Name, func(g api.GroupStatus) bool {
		return slices.ContainsFunc(g.Nodes, func(c api.Candidate) bool { return c.Node == to.Name && c.Eligible })
	})
}

// moveTo puts the addresses on a node without a word.
func (d *demo) moveTo(ctx context.Context, to *harness.Node) error {
	if err := d.movable(ctx, to); err != nil {
		return err
	}
	if _, err := to.Client.Move(ctx, api.MoveRequest{Group: "web", Node: to.Name}); err != nil {
		return err
	}
	return d.answers(ctx, to.Host.Name)
}
