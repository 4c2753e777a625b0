package vrrp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

// fallingBack is the flavour of these tests.
var fallingBack = flavour{
	section: state.VRRP{Version: 3, AdvertInt: 100 * time.Millisecond}, address: "10.9.0.50/24",
	lines: "  version 3\n  advert_int 0.1\n",
}

func fallbackGroup(f flavour) state.Group {
	g := group(f.section, f.address)
	g.OnQuorumLoss = state.FallBack
	return g
}

// alone is the state of VRRP in which a node says that it speaks for the group without a lease; empty if it does
// not.
func alone(ctx context.Context, n *harness.Node) (state string, warnings []string, err error) {
	status, err := n.Status(ctx)
	for _, g := range status.Groups {
		if g.VRRP != nil && g.VRRP.Alone {
			state = g.VRRP.State
		}
	}
	return state, status.Warnings, err
}

// says waits until a node is alone in a state.
func (s *scene) says(n *harness.Node, want string) {
	s.Helper()
	s.await(fmt.Sprintf("%s alone is %q", n, want), func(ctx context.Context) error {
		got, warnings, err := alone(ctx, n)
		if err == nil && got != want {
			err = fmt.Errorf("it is %q; warnings %q", got, warnings)
		}
		return err
	})
}

// saysFirst waits until any node is alone in a state, and returns it.
func (s *scene) saysFirst(want string) (first *harness.Node) {
	s.Helper()
	s.await("a node alone is "+want, func(ctx context.Context) error {
		for _, n := range s.Nodes {
			if got, _, err := alone(ctx, n); err == nil && got == want {
				first = n
				return nil
			}
		}
		return errors.New("none is")
	})
	return first
}

// The last of three nodes goes on by VRRP alone when the other two are killed. When one comes back the consensus
// decides again, and nobody has seen two holders.
func TestFallBack(t *testing.T) {
	f := fallingBack
	s := form(t, 3)
	s.apply(fallbackGroup(f))
	s.becomes("MASTER")
	w := s.watch(f.addr())
	w.answered("")

	last := s.Except(s.holder())[0]
	for _, n := range s.Except(last) {
		s.must(n.Kill())
	}
	at := time.Now()
	w.answeredByCluster(at.Add(time.Second), nil)
	t.Logf("%s answered %v after the others were killed", last, time.Since(at).Round(time.Millisecond))
	s.says(last, "MASTER")
	w.answered(last.Host.Name)

	t.Log("suspended, it is silent; resumed, it listens first and goes on")
	s.must(last.Stop())
	s.await("nobody answers", func(context.Context) error { return w.silentFor(500 * time.Millisecond) })
	s.must(last.Cont())
	s.says(last, "")
	w.answered(last.Host.Name)

	other := s.Except(last)[0]
	t.Logf("%s comes back", other)
	at = time.Now()
	s.must(other.Restart(s.wait()))
	s.says(last, "")
	s.must(last.AwaitLease(s.wait()))
	s.becomes("MASTER")
	w.answered("")
	t.Logf("the consensus had decided after %v; the longest silence since was %v", time.Since(at).Round(time.Millisecond), w.longestSilence(at).Round(time.Millisecond))
}

// Two and one with a keepalived: the one goes on beside the keepalived, by priority, and neither part notices the
// other before they meet.
func TestFallBackBesideKeepalived(t *testing.T) {
	f := fallingBack
	s := form(t, 3)
	s.apply(fallbackGroup(f))
	s.becomes("MASTER")
	s.peer.start(instance("  priority 60\n"+f.lines, f.address))
	w := s.watch(f.addr())
	holder := s.holder()
	w.answered(holder.Host.Name)
	w.merges = 500 * time.Millisecond // when the parts meet, each has a holder

	lone := s.Except(holder)[0]
	majority := append(harness.HostsOf(s.Except(lone)...), s.Lab.Client)
	s.must(s.Lab.Partition(majority, []*lab.Host{lone.Host, s.peer.host}))
	s.peer.said("Entering MASTER STATE", 1)
	s.says(lone, "MASTER")
	s.peer.said("Entering BACKUP STATE", 2)
	if holder = s.holder(); holder == lone {
		t.Errorf("%s holds the group by consensus", lone)
	}
	w.answered(holder.Host.Name)

	t.Log("the parts meet")
	at := time.Now()
	s.must(s.Lab.Heal())
	s.says(lone, "")
	s.must(s.AwaitWhole(s.wait()))
	w.answered(s.holder().Host.Name)
	t.Logf("the cluster was whole after %v", time.Since(at).Round(time.Millisecond))
	s.peer.stop()
}

// Nodes that lost each other and still meet on the network of the addresses have one holder there: the first of
// those without a lease, until two of them are a majority again and overrule it, whatever the priorities.
func TestFallBackOnAnotherNetwork(t *testing.T) {
	need(t)
	f := flavour{section: fallingBack.section, address: "10.10.0.50/24"}
	s := &scene{T: t, Cluster: harness.New(t, harness.Options{Nodes: 3, Lab: lab.Options{SecondNetwork: true}})}
	s.must(s.AwaitWhole(s.wait()))
	g := fallbackGroup(f)
	g.Interface, g.Addresses[0].Interface = "eth1", "eth1"
	g.Priorities = map[string]int{"node1": 150, "node2": 80, "node3": 90}
	g.VRRP.Priority = 70 // less than what each advertises alone
	s.apply(g)
	s.becomes("MASTER")
	w := s.watchSecond(f.addr())
	best := s.Node("node1")
	w.answered(best.Host.Name)

	t.Log("the holder is cut off from the others: they serve, and it does not take what they advertise")
	s.must(best.Host.Port.Cut())
	s.says(best, "BACKUP")
	holder := s.holder()
	w.answered(holder.Host.Name)
	s.must(best.Host.Port.Mend())
	s.must(s.AwaitWhole(s.wait()))
	s.must(s.AwaitHolder(s.wait(), "web", best))
	w.answered(best.Host.Name)

	t.Log("all are cut off from each other: one of them, and it is left alone")
	for _, n := range s.Nodes {
		s.must(n.Host.Port.Cut())
	}
	lone := s.saysFirst("MASTER")
	for _, n := range s.Except(lone) {
		s.says(n, "BACKUP")
	}
	s.says(lone, "MASTER")
	w.answered(lone.Host.Name)

	t.Log("the other two are a majority again")
	at := time.Now()
	for _, n := range s.Except(lone) {
		s.must(n.Host.Port.Mend())
	}
	s.says(lone, "BACKUP")
	w.answeredByCluster(at, lone)
	t.Logf("the majority had the address after %v", time.Since(at).Round(time.Millisecond))
	s.must(s.AwaitGroup(s.wait(), "web", "is that of the majority", func(g api.GroupStatus) bool {
		return g.Holder != lone.Name && g.VRRP.State == "MASTER" && !g.VRRP.Alone
	}))
	w.answered(s.holder().Host.Name)
	s.says(lone, "BACKUP")
}

// watchSecond watches addresses on the second network.
func (s *scene) watchSecond(addrs ...netip.Addr) *watch {
	s.Helper()
	o := s.ProbeOptions(addrs...)
	second := s.Lab.Client.Second
	o.Interface, o.Source4, o.Source6 = second.Interface, second.IPv4.Addr(), second.IPv6.Addr()
	o.Hosts = nil
	for _, h := range s.Lab.Hosts {
		o.Hosts = append(o.Hosts, probe.Station{Name: h.Name, MAC: h.Second.MAC})
	}
	return s.watchWith(o)
}

// silentFor reports whether nobody has answered an echo for a time.
func (w *watch) silentFor(d time.Duration) error {
	rec := w.probe.Recording()
	since := time.Now().Add(-d).UnixNano()
	for _, e := range rec.Events {
		if e.Received > since && !e.Announcement {
			return fmt.Errorf("%s answered %v ago", rec.Hosts[e.Host].Name, time.Since(time.Unix(0, e.Received)))
		}
	}
	return nil
}

// longestSilence returns the longest time without an answer that ended after a time.
func (w *watch) longestSilence(from time.Time) (longest time.Duration) {
	report := w.probe.Report()
	for _, silence := range report.Address(w.addrs[0]).Echo.Silences {
		if silence.End.After(from) {
			longest = max(longest, silence.Duration-silence.Stalled)
		}
	}
	return longest
}
