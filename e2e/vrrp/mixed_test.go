package vrrp

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// flavour is a way to speak VRRP.
type flavour struct {
	name    string
	section state.VRRP
	address string // virtual, with its prefix length
	lines   string // of keepalived's instance
}

func (f flavour) addr() netip.Addr { return netip.MustParsePrefix(f.address).Addr() }

// down is how long a backup of a priority waits for a master's adverts.
func (f flavour) down(priority int) time.Duration {
	unit := time.Second
	if f.section.Version == 3 {
		unit = f.section.AdvertInt
	}
	return 3*f.section.AdvertInt + time.Duration(256-priority)*unit/256
}

var flavours = []flavour{
	{"version 2 with a password", state.VRRP{Version: 2, AdvertInt: time.Second, AuthPass: "secret"}, "10.9.0.50/24",
		"  advert_int 1\n  authentication {\n    auth_type PASS\n    auth_pass secret\n  }\n"},
	{"version 3", state.VRRP{Version: 3, AdvertInt: 100 * time.Millisecond}, "10.9.0.50/24", "  version 3\n  advert_int 0.1\n"},
	{"IPv6", state.VRRP{Version: 3, AdvertInt: 500 * time.Millisecond}, "fd09::50:1/64", "  version 3\n  advert_int 0.5\n"},
	{"unicast", state.VRRP{Version: 3, AdvertInt: 200 * time.Millisecond, UnicastPeers: []netip.Addr{netip.MustParseAddr("10.9.0.4")}}, "10.9.0.50/24",
		"  version 3\n  advert_int 0.2\n  unicast_peer {\n    10.9.0.1\n    10.9.0.2\n    10.9.0.3\n  }\n"},
}

// When the speaker is killed while it is master, its successor is master from its first advert, and keepalived
// notices nothing.
func TestSpeakerKilled(t *testing.T) {
	f := flavours[0]
	s := form(t, 3)
	g := group(f.section, f.address)
	// keepalived is between the best node and the others.
	g.Priorities = map[string]int{"node1": 120, "node2": 80, "node3": 80}
	g.Preempt = false
	s.apply(g)
	s.becomes("MASTER")
	s.peer.start(instance("  priority 90\n"+f.lines, f.address))
	w := s.watch(f.addr())
	w.answered("")
	began := time.Now()
	ear := s.listen()
	s.await("an advert is heard", func(context.Context) error {
		if len(ear.since(began)) == 0 {
			return errors.New("none was")
		}
		return nil
	})
	for _, fault := range []struct {
		name       string
		fail, mend func(*harness.Node) error
	}{
		{"is killed", (*harness.Node).Kill, func(n *harness.Node) error { return n.Restart(s.wait()) }},
		{"stops", func(n *harness.Node) error { return n.Terminate(s.wait()) }, func(n *harness.Node) error { return n.Restart(s.wait()) }},
		{"is cut off", func(n *harness.Node) error { return n.Host.Cut() }, func(n *harness.Node) error { return n.Host.Mend() }},
		{"hangs", (*harness.Node).Stop, (*harness.Node).Cont},
	} {
		n := s.holder()
		at := time.Now()
		t.Logf("%s %s", n, fault.name)
		s.must(fault.fail(n))
		s.must(s.AwaitGroup(s.wait(), "web", "is elsewhere", func(g api.GroupStatus) bool {
			return g.Holder != "" && g.Holder != n.Name && g.VRRP.State == "MASTER"
		}))
		took := w.answeredByCluster(at, n).Sub(at)
		t.Logf("the next node answered after %v", took.Round(time.Millisecond))
		if took > time.Second+loaded {
			t.Errorf("the next node answered after %v", took)
		}
		s.must(fault.mend(n))
		s.must(s.AwaitWhole(s.wait()))
	}
	ear.unnoticed(began, 120, f.down(90), 4)
	if n := s.peer.masters(); n > 0 {
		t.Errorf("keepalived was master %d times", n)
	}
}

// What is wrong with a packet is counted by name.
func TestDropsAreCounted(t *testing.T) {
	f := flavours[0]
	s := form(t, 1)
	s.apply(group(f.section, f.address))
	s.becomes("MASTER")
	s.peer.start("global_defs {\n}\n" + instance("  priority 90\n  advert_int 1\n  authentication {\n    auth_type PASS\n    auth_pass other\n  }\n", f.address))
	s.router("counts the wrong password", func(v api.VRRPStatus) bool { return v.Dropped["auth mismatch"] > 0 })
}

// The cluster becomes master again only by the rules: with nopreempt it leaves a lesser master alone, and takes
// over as soon as that says goodbye.
func TestNoPreempt(t *testing.T) {
	f := flavours[1]
	s := form(t, 1)
	s.peer.start(instance("  priority 50\n"+f.lines, f.address))
	s.peer.said("Entering MASTER STATE", 1)
	g := group(f.section, f.address)
	g.Preempt = false
	s.apply(g)
	w := s.watch(f.addr())
	s.router("hears the master", func(v api.VRRPStatus) bool { return v.State == "BACKUP" && v.Received > 20 })
	w.answered(s.peer.host.Name)
	at := time.Now()
	s.peer.stop()
	took := w.answeredByCluster(at, nil).Sub(at)
	t.Logf("the cluster took over in %v", took.Round(time.Millisecond))
	if took > f.section.AdvertInt+loaded {
		t.Errorf("the cluster took over in %v", took)
	}
}

// Three nodes of vipd and two of keepalived lose nodes one after the other: there is always one master, the best
// that is left.
func TestMixedClusterShrinks(t *testing.T) {
	f := flavour{section: state.VRRP{Version: 3, AdvertInt: 100 * time.Millisecond}, address: "10.9.0.50/24"}
	lines := func(priority string) string { return "  version 3\n  advert_int 0.1\n  priority " + priority + "\n" }
	s := form(t, 3)
	h, err := s.Lab.AddHost("legacy2")
	s.must(err)
	better, worse := s.peer, &keepalived{scene: s, host: h}
	s.apply(group(f.section, f.address))
	s.becomes("MASTER")
	better.start(instance(lines("150"), f.address))
	worse.start(instance(lines("60"), f.address))
	w := s.watch(f.addr())
	w.answered(better.host.Name)

	t.Log("the better keepalived is killed: the cluster")
	at := time.Now()
	better.kill(f.address)
	w.answeredByCluster(at, nil)
	s.becomes("MASTER")

	first := s.holder()
	t.Logf("%s is killed: another of the cluster", first)
	at = time.Now()
	s.must(first.Kill())
	w.answeredByCluster(at, first)
	s.becomes("MASTER")

	second := s.holder()
	t.Logf("%s is cut off: the cluster has lost its majority, so keepalived", second)
	s.must(second.Host.Cut())
	w.answered(worse.host.Name)

	t.Log("it comes back: the cluster, which is better")
	at = time.Now()
	s.must(second.Host.Mend())
	w.answeredByCluster(at, nil)
	s.becomes("MASTER")
	worse.stop()
}

// A cluster that stops as a whole says goodbye, once its addresses are gone.
func TestGoodbye(t *testing.T) {
	f := flavours[0]
	s := form(t, 1)
	s.apply(group(f.section, f.address))
	s.becomes("MASTER")
	s.peer.start(instance("  priority 50\n"+f.lines, f.address))
	w := s.watch(f.addr())
	w.answered("")
	ear := s.listen()
	at := time.Now()
	s.must(s.Nodes[0].Terminate(s.wait()))
	w.answered(s.peer.host.Name)
	took := time.Since(at)
	t.Logf("keepalived answered after %v", took.Round(time.Millisecond))
	if took > 206*time.Second/256+loaded {
		t.Errorf("keepalived answered after %v", took)
	}
	var said []uint8
	for _, h := range ear.since(at) {
		if h.from == s.Nodes[0].Host.IPv4.Addr() {
			said = append(said, h.priority)
		}
	}
	if len(said) == 0 || said[len(said)-1] != 0 {
		t.Errorf("the cluster's last adverts had the priorities %v", said)
	}
}
