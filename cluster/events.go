package cluster

import (
	"context"
	"errors"

	"vipd/cluster/api"
)

var errLeft = errors.New("this node ends its life in the cluster, so it learns of no more events")

// Events implements api.Backend. It follows this node's view, so that it tells what this node knows, with or without a
// majority, and costs nothing while nothing is committed.
func (n *Node) Events(ctx context.Context, r api.EventsRequest, tell api.Teller) (api.EventsResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.EventsResult{}, err
	}
	for seen, skipped := r.After, false; ; {
		changed := m.changes.wait()
		events, missed := m.View().After(seen)
		skipped = skipped || missed && seen > 0
		for _, e := range events {
			seen = e.Seq
			if !r.Wants(e) {
				continue
			}
			if err := tell(e, skipped); err != nil {
				return api.EventsResult{}, err
			}
			skipped = false
		}
		if !r.Follow {
			return api.EventsResult{Last: seen}, nil
		}
		select {
		case <-ctx.Done():
			return api.EventsResult{Last: seen}, nil
		case <-m.ended:
			return api.EventsResult{Last: seen}, errLeft
		case <-changed:
		}
	}
}
