package vrrp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/probe"
)

// oneMAC asserts that everybody who asked for the address, or was told of it, since the beginning got one MAC
// address.
func (w *watch) oneMAC(want net.HardwareAddr) {
	w.Helper()
	rec := w.probe.Recording()
	asked := 0
	for _, e := range rec.Events {
		if e.Stream != probe.Resolve && !e.Announcement {
			continue // an answer to an echo may come from the host's own MAC address, as keepalived's do
		}
		asked++
		if got := rec.Hosts[e.Host].MAC; !bytes.Equal(got, want) {
			w.Fatalf("%s is said to be at %s, want %s", rec.Addrs[e.Addr], got, want)
		}
	}
	if asked == 0 {
		w.Error("nobody said where the address is")
	}
}

// left reports whether a host has the interface of a virtual MAC.
func (s *scene) left(n *harness.Node, name string) bool {
	return strings.Contains(s.ipOn(n.Host, "-o", "link", "show"), " "+name+"@")
}

// The MAC address stays the same wherever the addresses are: in failovers inside the cluster and at keepalived,
// which has use_vmac. What a killed daemon left is gone after its next start.
func TestVirtualMAC(t *testing.T) {
	for _, tt := range []struct {
		flavour
		link string
		mac  net.HardwareAddr
	}{
		{flavour{"IPv4", state.VRRP{Version: 3, AdvertInt: 100 * time.Millisecond, VirtualMAC: true}, "10.9.0.50/24", "  version 3\n  advert_int 0.1\n  use_vmac\n"},
			"vrrp.51", net.HardwareAddr{0, 0, 0x5e, 0, 1, 51}},
		{flavour{"IPv6", state.VRRP{Version: 3, AdvertInt: 200 * time.Millisecond, VirtualMAC: true}, "fd09::50:1/64", "  version 3\n  advert_int 0.2\n  use_vmac vrrp6.51\n"},
			"vrrp6.51", net.HardwareAddr{0, 0, 0x5e, 0, 2, 51}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := form(t, 3)
			s.apply(group(tt.section, tt.address))
			s.becomes("MASTER")
			w := s.watch(tt.addr())
			w.answered("")

			n := s.holder()
			t.Logf("%s is killed", n)
			at := time.Now()
			s.must(n.Kill())
			took := w.answeredByCluster(at, n).Sub(at)
			t.Logf("the next node answered after %v", took.Round(time.Millisecond))
			if took > time.Second+loaded {
				t.Errorf("the next node answered after %v", took)
			}
			if !s.left(n, tt.link) {
				t.Errorf("%s: a killed daemon left nothing", n)
			}
			s.must(n.Restart(s.wait()))
			if s.left(n, tt.link) && s.holder() != n {
				t.Errorf("%s: what the killed daemon left is still there", n)
			}
			if got := s.ipOn(n.Host, "-o", "link", "show"); s.holder() != n && strings.Contains(got, "vipd:") {
				t.Errorf("%s: %s", n, got)
			}
			s.becomes("MASTER")

			t.Log("a keepalived of higher priority comes")
			s.peer.start(instance("  priority 200\n"+tt.lines, tt.address))
			s.peer.said("Entering MASTER STATE", 1)
			s.becomes("BACKUP")
			w.answered(s.peer.host.Name)
			holder := s.holder()
			s.await("the cluster's interface is down", func(context.Context) error {
				if text := s.ipOn(holder.Host, "-o", "link", "show", "dev", tt.link); strings.Contains(text, ",UP") {
					return fmt.Errorf("%s", text)
				}
				return nil
			})

			t.Log("it is killed")
			at = time.Now()
			s.peer.killThen(func() { s.peer.ip("link", "del", tt.link) })
			took = w.answeredByCluster(at, nil).Sub(at)
			t.Logf("the cluster took over in %v; a backup waits at most %v", took.Round(time.Millisecond), tt.down(100))
			if took > tt.down(100)+20*time.Millisecond+loaded {
				t.Errorf("the cluster took over in %v", took)
			}
			s.becomes("MASTER")

			t.Log("one of lower priority comes, and has the addresses when the cluster serves them no more")
			s.peer.start(instance("  priority 50\n"+tt.lines, tt.address))
			holder = s.holder()
			s.apply()
			w.answered(s.peer.host.Name)
			if s.left(holder, tt.link) {
				t.Errorf("%s still has the interface", holder)
			}
			w.oneMAC(tt.mac)
			s.peer.stop()
		})
	}
}
