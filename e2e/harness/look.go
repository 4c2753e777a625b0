package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vipd/cluster/api"
	"vipd/e2e/lab"
)

// Leader waits for a node that leads and has a lease, so that it is no leader of the past.
func (c *Cluster) Leader(ctx context.Context) (leader *Node, err error) {
	err = c.awaitNode(ctx, "there is a leader", func(n *Node, s api.Status) error {
		if s.Leader != n.Name {
			return fmt.Errorf("%s does not lead", n)
		}
		leader = n
		return nil
	})
	return leader, err
}

// Quorate waits for a node that has a lease.
func (c *Cluster) Quorate(ctx context.Context) (quorate *Node, err error) {
	err = c.awaitNode(ctx, "a node has a lease", func(n *Node, _ api.Status) error {
		quorate = n
		return nil
	})
	return quorate, err
}

// awaitNode waits until a node that has a lease satisfies a condition.
func (c *Cluster) awaitNode(ctx context.Context, what string, condition func(*Node, api.Status) error) error {
	return Await(ctx, what, func(ctx context.Context) error {
		errs := []error{errors.New("no node is running")}
		for _, n := range c.Nodes {
			if !n.Running() {
				continue
			}
			s, err := n.glance(ctx)
			switch {
			case err != nil:
			case !s.Quorum:
				err = fmt.Errorf("%s has no lease", n)
			default:
				err = condition(n, s)
			}
			if err == nil {
				return nil
			}
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}

// glance asks a daemon that may be suspended.
func (n *Node) glance(ctx context.Context) (api.Status, error) {
	limited, cancel := context.WithTimeout(ctx, lookFor/4)
	defer cancel()
	return n.Client.Status(limited)
}

// Holder returns the node that holds a group, by the leader's word; it waits until there is one that nobody
// stands in the way of.
func (c *Cluster) Holder(ctx context.Context, group string) (holder *Node, err error) {
	err = c.AwaitGroup(ctx, group, "is held", func(g api.GroupStatus) bool {
		holder = c.Node(g.Holder)
		return holder != nil && g.Waiting == ""
	})
	return holder, err
}

// AwaitHolder waits until a group is held by a node and let go of by all others.
func (c *Cluster) AwaitHolder(ctx context.Context, group string, n *Node) error {
	return c.AwaitGroup(ctx, group, "is held by "+n.Name, func(g api.GroupStatus) bool {
		return g.Holder == n.Name && g.Waiting == ""
	})
}

// AwaitGroup waits until what the leader says of a group satisfies a condition, described by what.
func (c *Cluster) AwaitGroup(ctx context.Context, group, what string, condition func(api.GroupStatus) bool) error {
	return c.awaitNode(ctx, group+" "+what, func(n *Node, s api.Status) error {
		if s.Leader != n.Name {
			return fmt.Errorf("%s does not lead", n)
		}
		i := slices.IndexFunc(s.Groups, func(g api.GroupStatus) bool { return g.Name == group })
		if i < 0 {
			return fmt.Errorf("%s knows no group %s", n, group)
		}
		if !condition(s.Groups[i]) {
			return fmt.Errorf("%s says %+v", n, s.Groups[i])
		}
		return nil
	})
}

// AwaitWhole waits until every running node has a lease, knows the same leader, and sees all running nodes
// alive.
func (c *Cluster) AwaitWhole(ctx context.Context) error {
	return Await(ctx, "the cluster is whole", func(ctx context.Context) error {
		var leader string
		for _, n := range c.Nodes {
			if !n.Running() {
				continue
			}
			s, err := n.Status(ctx)
			switch {
			case err != nil:
				return err
			case !s.Quorum:
				return fmt.Errorf("%s has no lease: %q", n, s.Warnings)
			case s.Leader == "" || leader != "" && leader != s.Leader:
				return fmt.Errorf("%s takes %q for the leader, others %q", n, s.Leader, leader)
			}
			leader = s.Leader
			if err := c.seesAll(n, s); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Cluster) seesAll(by *Node, s api.Status) error {
	for _, n := range c.Nodes {
		i := slices.IndexFunc(s.Nodes, func(ns api.NodeStatus) bool { return ns.Name == n.Name })
		if n.Running() && (i < 0 || s.Nodes[i].State != "alive") {
			return fmt.Errorf("%s does not see %s alive", by, n)
		}
	}
	return nil
}

// Logs returns the ends of all daemons' logs, to be read by people.
func (c *Cluster) Logs(bytes int64) string {
	var b strings.Builder
	for _, n := range c.Nodes {
		fmt.Fprintf(&b, "--- vipd on %s (node %s)\n%s\n", n.Host, n, n.Log(bytes))
	}
	return b.String()
}

// HostsOf returns the hosts of nodes, as the lab's partitions want them.
func HostsOf(nodes ...*Node) []*lab.Host {
	hosts := make([]*lab.Host, len(nodes))
	for i, n := range nodes {
		hosts[i] = n.Host
	}
	return hosts
}
