package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
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

// The cluster takes the addresses when it is alone, yields to a keepalived of higher priority, takes over when
// that is killed or stops, and does not yield to one of lower priority.
func TestSharesWithKeepalived(t *testing.T) {
	for _, f := range flavours {
		t.Run(f.name, func(t *testing.T) {
			s := form(t, 3)
			if got := s.peer.host.IPv4.Addr(); len(f.section.UnicastPeers) > 0 && got != f.section.UnicastPeers[0] {
				t.Fatalf("the peer is %s", got)
			}
			s.apply(group(f.section, f.address))
			w := s.watch(f.addr())
			s.becomes("MASTER")
			w.answered("")

			t.Log("a keepalived of higher priority comes")
			s.peer.start(instance("  priority 200\n"+f.lines, f.address))
			s.peer.said("Entering MASTER STATE", 1)
			v := s.becomes("BACKUP")
			w.answered(s.peer.host.Name)
			s.router("knows the master", func(v api.VRRPStatus) bool {
				return v.Master != "" && netip.MustParseAddr(v.Master).Is6() == f.addr().Is6()
			})
			if v.Priority != 100 || len(v.Dropped) > 0 {
				t.Errorf("%+v", v)
			}

			t.Log("it is killed")
			at := time.Now()
			s.peer.kill(f.address)
			took := w.answeredByCluster(at, nil).Sub(at)
			t.Logf("the cluster took over in %v; a backup waits at most %v", took.Round(time.Millisecond), f.down(100))
			if took > f.down(100)+20*time.Millisecond+loaded {
				t.Errorf("the cluster took over in %v", took)
			}
			s.becomes("MASTER")

			t.Log("one of lower priority comes")
			s.peer.start(instance("  priority 50\n"+f.lines, f.address))
			before := s.becomes("MASTER").Sent
			s.router("has sent more", func(v api.VRRPStatus) bool { return v.Sent > before+5 })
			if n := s.peer.masters(); n > 0 {
				t.Errorf("keepalived of lower priority was master %d times", n)
			}
			s.peer.stop()
		})
	}
}

// When the speaker is killed while it is master, its successor is master from its first advert, and keepalived
// notices nothing.
func TestSpeakerKilled(t *testing.T) {
	f := flavours[0]
	s := form(t, 3)
	s.apply(group(f.section, f.address))
	s.becomes("MASTER")
	s.peer.start(instance("  priority 90\n"+f.lines, f.address))
	w := s.watch(f.addr())
	w.answered("")
	for _, kill := range []bool{true, false} {
		n := s.holder()
		at := time.Now()
		if kill {
			t.Logf("%s is killed", n)
			s.must(n.Kill())
		} else {
			t.Logf("%s stops", n)
			s.must(n.Terminate(s.wait()))
		}
		s.must(s.AwaitGroup(s.wait(), "web", "is elsewhere", func(g api.GroupStatus) bool {
			return g.Holder != "" && g.Holder != n.Name && g.VRRP.State == "MASTER"
		}))
		took := w.answeredByCluster(at, n).Sub(at)
		t.Logf("the next node answered after %v", took.Round(time.Millisecond))
		if took > time.Second+loaded {
			t.Errorf("the next node answered after %v", took)
		}
		s.must(n.Restart(s.wait()))
		s.must(s.AwaitWhole(s.wait()))
	}
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
