package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
)

// What other people do to a host's addresses: vipd puts its own back and leaves theirs alone.
func TestOtherHands(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	n := s.holder("web")
	foreign := netip.MustParseAddr("10.9.0.77")
	w := s.watch(web4, web6)
	s.ip(n, "addr", "add", foreign.String()+"/24", "dev", "eth0")

	for _, prefix := range []string{web4.String() + "/24", web6.String() + "/64"} {
		w.step("somebody removes %s from %s", prefix, n)
		at := time.Now()
		s.ip(n, "addr", "del", prefix, "dev", "eth0")
		w.held("web", n, web4, web6)
		w.shorter(web4, at, failoverLimit)
		w.shorter(web6, at, failoverLimit)
	}

	w.step("%s is killed and starts again: its leftovers go, others stay", n)
	s.must(n.Kill())
	next := w.taken("web", n, web4, web6)
	if !s.carries(n, web4) {
		t.Logf("the kernel has removed the leftovers already")
	}
	s.must(n.Start(s.wait()))
	s.await("the leftovers are gone", func(context.Context) error {
		if out := s.ip(n, "-o", "addr"); strings.Contains(out, web4.String()) || strings.Contains(out, web6.String()) {
			return fmt.Errorf("%s has\n%s", n, out)
		}
		return nil
	})
	s.whole()
	w.held("web", next, web4, web6)

	w.step("the group goes back to %s and is taken away", n)
	s.move("web", n)
	w.held("web", n, web4, web6)
	s.apply()
	w.silent(web4, quietFor)
	w.silent(web6, quietFor)
	if out := s.ip(n, "-o", "addr"); !strings.Contains(out, foreign.String()+"/24") || !strings.Contains(out, n.Host.IPv4.String()) {
		t.Errorf("what was not vipd's is gone from %s:\n%s", n, out)
	}
}

// A host that has a group's address already, from somebody else, cannot hold the group, says why, and keeps
// what it has.
func TestAddressIsForeign(t *testing.T) {
	s := form(t, 3)
	n := s.Nodes[0]
	foreign := web4.String() + "/24"
	s.ip(n, "addr", "add", foreign, "dev", "eth0")
	t.Logf("somebody gave %s to %s already; web is to go there", foreign, n)
	preferred := web
	preferred.Priorities = map[string]int{n.Name: 200}
	s.apply(preferred)
	s.must(s.AwaitGroup(s.wait(), "web", "is held elsewhere, with the reason", func(g api.GroupStatus) bool {
		i := slices.IndexFunc(g.Nodes, func(c api.Candidate) bool { return c.Node == n.Name })
		return g.Holder != n.Name && g.Holder != "" && !g.Nodes[i].Eligible && strings.Contains(g.Nodes[i].Why, web4.String())
	}))
	if out := s.ip(n, "-o", "addr", "show", "dev", "eth0"); !strings.Contains(out, foreign) {
		t.Errorf("the foreign address is gone from %s: %s", n, out)
	}
	t.Log("somebody takes it away again")
	s.ip(n, "addr", "del", foreign, "dev", "eth0")
	s.must(s.AwaitHolder(s.wait(), "web", n))
}
