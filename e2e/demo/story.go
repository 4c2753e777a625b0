package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/probe"
)

// The addresses that the story is about.
var (
	vip4 = netip.MustParseAddr("10.9.0.50")
	vip6 = netip.MustParseAddr("fd09::50")
)

const specification = `groups:
- name: web
  interface: eth0
  addresses: [10.9.0.50/24, fd09::50/64]
`

// patience bounds a chapter.
const patience = 30 * time.Second

// build makes the network and starts the daemons.
func (d *demo) build(ctx context.Context) error {
	d.chapter("Three nodes and a client on one switch, in network namespaces")
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	var err error
	if d.bin, err = harness.Binaries(ctx); err != nil {
		return err
	}
	if d.cluster, err = harness.Create(ctx, harness.Options{Nodes: 3, Apart: true}); err != nil {
		return err
	}
	for _, n := range d.cluster.Nodes {
		d.say("  %-7s %-10s  runs vipd, pid %d", n, n.Host.IPv4.Addr(), n.Process().Pid)
	}
	client := d.cluster.Lab.Client
	d.say("  %-7s %-10s  asks for the addresses a thousand times a second", client, client.IPv4.Addr())
	return nil
}

// form makes a cluster of the nodes.
func (d *demo) form(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	nodes := d.cluster.Nodes
	d.chapter("They become a cluster")
	if err := d.vipctl(ctx, nodes[0], "", "init"); err != nil {
		return err
	}
	token, err := d.quiet(ctx, nodes[0], "", "token")
	if err != nil {
		return fmt.Errorf("vipctl token on %s: %w", nodes[0], err)
	}
	for _, n := range nodes[1:] {
		if err := d.vipctl(ctx, n, token, "join", "-"); err != nil {
			return err
		}
	}
	return d.cluster.AwaitWhole(ctx)
}

// serve has the cluster serve two addresses, and the client look at them.
func (d *demo) serve(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d.chapter("The cluster serves an IPv4 and an IPv6 address")
	file := filepath.Join(d.cluster.Lab.Dir, "vips.yaml")
	if err := os.WriteFile(file, []byte(specification), 0o644); err != nil {
		return err
	}
	if err := d.vipctl(ctx, d.cluster.Nodes[0], "", "apply", "-f", file); err != nil {
		return err
	}
	if err := d.vipctl(ctx, d.cluster.Nodes[0], "", "status"); err != nil {
		return err
	}
	var err error
	if d.probe, err = probe.Start(d.cluster.ProbeOptions(vip4, vip6)); err != nil {
		return err
	}
	return d.answers(ctx, "")
}

// cutCable takes the holder's network away and gives it back.
func (d *demo) cutCable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	holder, err := d.cluster.Holder(ctx, "web")
	if err != nil {
		return err
	}
	d.chapter("The cable of %s, which holds the addresses, is cut at the switch", holder)
	at := time.Now()
	if err := holder.Host.Cut(); err != nil {
		return err
	}
	next, err := d.taken(ctx, holder)
	if err != nil {
		return err
	}
	d.tell(at, "cable cut", fmt.Sprintf("the cable of %s is cut; its kernel shuts the addresses off when the lease runs out", holder))
	if err := d.vipctl(ctx, next, "", "status"); err != nil {
		return err
	}
	d.say("The cable is mended; %s keeps the addresses.", next)
	if err := holder.Host.Mend(); err != nil {
		return err
	}
	return d.cluster.AwaitWhole(ctx)
}

// killLeader ends the leader's daemon as a crash does, holding the addresses or not, and starts it again.
func (d *demo) killLeader(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	leader, err := d.cluster.Leader(ctx)
	if err != nil {
		return err
	}
	if err := d.moveTo(ctx, leader); err != nil {
		return err
	}
	d.chapter("The daemon of %s, which leads the cluster and holds the addresses, is killed with -9", leader)
	at := time.Now()
	if err := leader.Kill(); err != nil {
		return err
	}
	next, err := d.taken(ctx, leader)
	if err != nil {
		return err
	}
	d.tell(at, "leader killed", fmt.Sprintf("the daemon of %s is dead; its kernel goes on answering until the lease runs out", leader))
	if err := d.vipctl(ctx, next, "", "status"); err != nil {
		return err
	}
	d.say("The daemon is started again.")
	if err := leader.Restart(ctx); err != nil {
		return err
	}
	return d.cluster.AwaitWhole(ctx)
}

// move has an operator move the addresses.
func (d *demo) move(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	holder, err := d.cluster.Holder(ctx, "web")
	if err != nil {
		return err
	}
	to := d.cluster.Except(holder)[0]
	if err := d.movable(ctx, to); err != nil {
		return err
	}
	d.chapter("An operator moves the addresses from %s to %s", holder, to)
	at := time.Now()
	if err := d.vipctl(ctx, to, "", "move", "web", to.Name); err != nil {
		return err
	}
	if err := d.answers(ctx, to.Host.Name); err != nil {
		return err
	}
	d.tell(at, "planned move", fmt.Sprintf("%s is told to let go, and tells %s when it has", holder, to))
	return nil
}

// taken waits until another node holds the addresses and the client gets its answers.
func (d *demo) taken(ctx context.Context, from *harness.Node) (holder *harness.Node, err error) {
	err = harness.Await(ctx, "another node answers", func(ctx context.Context) error {
		if holder, err = d.cluster.Holder(ctx, "web"); err != nil {
			return err
		}
		if holder == from {
			return errors.New(from.Name + " still holds them")
		}
		return d.answers(ctx, holder.Host.Name)
	})
	return holder, err
}

func (d *demo) answers(ctx context.Context, host string) error {
	return errors.Join(d.probe.Await(ctx, vip4, host), d.probe.Await(ctx, vip6, host))
}
