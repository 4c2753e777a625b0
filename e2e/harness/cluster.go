package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/lab"
)

// Options says what [Create] makes.
type Options struct {
	// Nodes is how many hosts there are, each with a daemon.
	Nodes int
	// Profile is the lease's timing, by name; empty means lan.
	Profile string
	// Apart leaves the daemons without a cluster.
	Apart bool
	// Earlier is the commit of this repository whose daemon all nodes start with; empty: the present one. See
	// [Node.Upgrade].
	Earlier string
	// Wrapper is a command that runs the daemons, as unshare(1); none: they run by themselves.
	Wrapper []string
	// Config is added to each node file, as YAML.
	Config string
	// Backbone has the daemons talk to each other over the lab's second network, so that what is done to the
	// first concerns the addresses alone.
	Backbone bool
	// Prepare changes a host before its daemon starts, and returns what is added to its node file. Nil: nothing.
	Prepare func(*lab.Host) (config string, err error)
	// DataDir says where a node keeps its data, by host; "" from it, or nil, means below the host's directory.
	DataDir func(*lab.Host) string
	// Lab is about the network; its Hosts is overridden by Nodes.
	Lab lab.Options
}

// Cluster is a lab with a daemon on each host.
type Cluster struct {
	Lab *lab.Lab
	// Nodes are in the order of their hosts; the first founded the cluster.
	Nodes []*Node

	options Options
	bin     string
}

// Create makes the network, starts the daemons and forms the cluster of them; every node then has a lease and
// is as much of a voter as it should be. The caller closes it. If Create fails nothing remains, and the error
// has what the daemons said.
func Create(ctx context.Context, o Options) (*Cluster, error) {
	bin, err := Binaries(ctx)
	if err == nil && o.Earlier != "" {
		bin, err = BinariesOf(ctx, o.Earlier)
	}
	if err != nil {
		return nil, err
	}
	o.Lab.Hosts = o.Nodes
	o.Lab.SecondNetwork = o.Lab.SecondNetwork || o.Backbone
	l, err := lab.Create(ctx, o.Lab)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Lab: l, options: o, bin: bin}
	if err := c.begin(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("create cluster: %w\n%s", err, c.Logs(startupLog)), c.Close())
	}
	return c, nil
}

func (c *Cluster) begin(ctx context.Context) error {
	for _, h := range c.Lab.Hosts {
		o := NodeOptions{Config: c.options.Config, Backbone: c.options.Backbone}
		if c.options.Prepare != nil {
			more, err := c.options.Prepare(h)
			if err != nil {
				return fmt.Errorf("prepare %s: %w", h, err)
			}
			o.Config += more
		}
		if c.options.DataDir != nil {
			o.DataDir = c.options.DataDir(h)
		}
		if _, err := c.startNode(ctx, h, o); err != nil {
			return err
		}
	}
	if c.options.Apart || len(c.Nodes) == 0 {
		return nil
	}
	if _, err := c.Nodes[0].Client.Init(ctx, api.InitRequest{Profile: c.options.Profile}); err != nil {
		return fmt.Errorf("init on %s: %w", c.Nodes[0], err)
	}
	for _, n := range c.Nodes[1:] {
		if _, err := c.Join(ctx, n, c.Nodes[0]); err != nil {
			return err
		}
	}
	return nil
}

// Close ends all daemons and removes the network.
func (c *Cluster) Close() error { return c.Lab.Close() }

// AddHost adds a host with a daemon that belongs to no cluster yet; see [Cluster.Join].
func (c *Cluster) AddHost(ctx context.Context, name string, o NodeOptions) (*Node, error) {
	h, err := c.Lab.AddHost(name)
	if err != nil {
		return nil, err
	}
	if o.Config == "" {
		o.Config = c.options.Config
	}
	return c.startNode(ctx, h, o)
}

// AddNode adds a host and makes it a member.
func (c *Cluster) AddNode(ctx context.Context, name string) (*Node, error) {
	n, err := c.AddHost(ctx, name, NodeOptions{})
	if err != nil {
		return nil, err
	}
	leader, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	_, err = c.Join(ctx, n, leader)
	return n, err
}

func (c *Cluster) startNode(ctx context.Context, h *lab.Host, o NodeOptions) (*Node, error) {
	n, err := newNode(c.bin, h, o)
	if err != nil {
		return nil, err
	}
	n.wrapper = c.options.Wrapper
	c.Nodes = append(c.Nodes, n)
	return n, n.Start(ctx)
}

// Join makes a daemon's node a member of the cluster that another belongs to.
func (c *Cluster) Join(ctx context.Context, n, via *Node) (api.JoinResult, error) {
	token, err := via.Client.Token(ctx)
	if err != nil {
		return api.JoinResult{}, fmt.Errorf("token from %s: %w", via, err)
	}
	result, err := n.Client.Join(ctx, api.JoinRequest{Token: token.Token})
	if err != nil {
		return result, fmt.Errorf("join %s: %w", n, err)
	}
	return result, nil
}

// Apply replaces what the cluster serves, through any node with a lease, and waits until all is placed.
func (c *Cluster) Apply(ctx context.Context, groups ...state.Group) (api.ApplyResult, error) {
	n, err := c.Quorate(ctx)
	if err != nil {
		return api.ApplyResult{}, err
	}
	return n.Client.Apply(ctx, api.ApplyRequest{Groups: groups})
}

// Node returns the node of that name, or nil.
func (c *Cluster) Node(name string) *Node {
	for _, n := range c.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Except returns the nodes but some.
func (c *Cluster) Except(some ...*Node) []*Node {
	var rest []*Node
	for _, n := range c.Nodes {
		if !slices.Contains(some, n) {
			rest = append(rest, n)
		}
	}
	return rest
}
