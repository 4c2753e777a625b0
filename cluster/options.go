// Package cluster is one node's life in a cluster: it starts the parts (gossip, Raft, the lease, the
// addresses), joins them, and stops them in an order in which nothing is answered for that should not be.
package cluster

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"vipd/bond"
	"vipd/cluster/api"
	"vipd/cluster/health"
	"vipd/cluster/links"
	"vipd/cluster/trust"
	"vipd/storage"
)

// Options are what a Node is made of.
type Options struct {
	Name        string     // of this node
	Listen      netip.Addr // that peers reach this node at
	GossipPort  int
	ClusterPort int
	Socket      string            // for vipctl
	Access      api.Access        // to the socket
	Labels      map[string]string // of this node, by which groups choose nodes
	Fence       bool              // whether the kernel enforces the lease
	TLS         *trust.Own        // certificates that take the place of those that follow from the secret; nil: none
	Dir         *storage.Dir
	Scripts     health.Scripts // of checks
	Logger      *slog.Logger
	Version     string       // of this build
	Links       *links.Links // of this host; nil: they are watched, and none is built
	// Bonds reads the node file's bonds as they are written now; nil: there are none.
	Bonds func() ([]bond.Config, error)
	// Reload reads the node file again and does what can be done without a restart; nil: there is none.
	Reload func(context.Context, api.Progress) (api.Reloaded, error)
	// Ready is called once the socket is served.
	Ready func()
}

func (o Options) gossipAddress() string {
	return net.JoinHostPort(o.Listen.String(), strconv.Itoa(o.GossipPort))
}

func (o Options) clusterAddress() string {
	return net.JoinHostPort(o.Listen.String(), strconv.Itoa(o.ClusterPort))
}

// stopLimit bounds a clean stop: handing groups over takes milliseconds, if there is anyone to take them.
const stopLimit = 5 * time.Second
