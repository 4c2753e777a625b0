package main

import (
	"context"
	"net/netip"
	"time"

	"vipd/e2e/lab"
)

// role is what the holder of the addresses is besides.
type role string

const (
	anyRole  role = ""           // keepalived knows no other
	leader   role = "leader"     // it leads the cluster, too
	follower role = "not leader" // another node leads
)

// system is keepalived or vipd on all hosts of a lab.
type system interface {
	// network is the lab; close ends all processes and removes it.
	network() *lab.Lab
	close() error
	// place returns the host that holds everything, in the given role. All
	// hosts are well before and after.
	place(ctx context.Context, r role) (*lab.Host, error)
	// start runs the daemon on a host where it does not run.
	start(ctx context.Context, h *lab.Host) error
	// kill ends the daemon as kill -9 does.
	kill(h *lab.Host) error
	// freeze suspends the process that matters, thaw resumes it.
	freeze(h *lab.Host) error
	thaw(h *lab.Host) error
	// stop ends the daemon as its users do, and waits for that.
	stop(ctx context.Context, h *lab.Host) error
	// move makes another host the holder while all are well.
	move(ctx context.Context, from *lab.Host) error
	// settle waits until all hosts are well and one host alone has each address.
	settle(ctx context.Context) error
	// pids are the daemon's processes on a host.
	pids(h *lab.Host) []int
	// leads returns the host that leads, nil where there is no such thing.
	leads(ctx context.Context) (*lab.Host, error)
	// changes counts decisions about who holds what, for comparison with a later count.
	changes(ctx context.Context) (int, error)
}

// variant is one way to run one of the programs.
type variant struct {
	name  string
	roles []role
	// patience bounds how long a failover may take.
	patience time.Duration
	// open makes a lab and runs the program on all its hosts. On an error nothing remains.
	open func(ctx context.Context, o lab.Options, s service) (system, error)
}

// service is what is served: addresses in groups that fail over by themselves.
type service struct {
	groups [][]netip.Addr
	// spread lets the holders be different ones; otherwise one host holds all.
	spread bool
}

// Where the addresses of a service begin.
var (
	first4 = netip.MustParseAddr("10.9.16.1")
	first6 = netip.MustParseAddr("fd09::16:1")
)

// newService returns n addresses in each of some groups.
func newService(first netip.Addr, groups, n int) service {
	s, next := service{}, first
	for range groups {
		var g []netip.Addr
		for range n {
			g = append(g, next)
			next = next.Next()
		}
		s.groups = append(s.groups, g)
	}
	return s
}

// all returns the addresses of all groups.
func (s service) all() []netip.Addr {
	var all []netip.Addr
	for _, g := range s.groups {
		all = append(all, g...)
	}
	return all
}

// sample returns at most n addresses, evenly spread, with the first and the last.
func (s service) sample(n int) []netip.Addr {
	all := s.all()
	if len(all) <= n {
		return all
	}
	var some []netip.Addr
	for i := range n {
		some = append(some, all[i*(len(all)-1)/(n-1)])
	}
	return some
}
