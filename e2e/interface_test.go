package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

// What happens to the interface under a holder's addresses, while its lease is as good as ever: netlink refuses
// what was possible a moment ago, or what was there is gone. Another node takes over, after this one has let go
// of what it still had, and never do two answer.
func TestInterfaceLost(t *testing.T) {
	s := &scene{t, harness.New(t, harness.Options{Nodes: 3, Backbone: true})}
	s.whole()
	s.apply(web)
	for _, fault := range []struct {
		name, why  string
		fail, undo func(*scene, *harness.Node)
	}{
		{"cable pulled", "no carrier",
			func(s *scene, n *harness.Node) { s.must(n.Host.CutCarrier()) }, mend},
		{"set down", "is down",
			func(s *scene, n *harness.Node) { s.ip(n, "link", "set", "eth0", "down") },
			func(s *scene, n *harness.Node) {
				s.ip(n, "link", "set", "eth0", "up")
				s.ip(n, "addr", "replace", n.Host.IPv6.String(), "dev", "eth0", "nodad")
			}},
		{"another name", "no interface eth0",
			func(s *scene, n *harness.Node) { s.ip(n, "link", "set", "eth0", "name", "lan0") },
			func(s *scene, n *harness.Node) { s.ip(n, "link", "set", "lan0", "name", "eth0") }},
		{"another name, and all addresses flushed", "no interface eth0",
			func(s *scene, n *harness.Node) {
				s.ip(n, "link", "set", "eth0", "name", "lan0")
				s.ip(n, "addr", "flush", "dev", "lan0")
			},
			func(s *scene, n *harness.Node) {
				s.ip(n, "link", "set", "lan0", "name", "eth0")
				s.ip(n, "addr", "replace", n.Host.IPv4.String(), "dev", "eth0")
				s.ip(n, "addr", "replace", n.Host.IPv6.String(), "dev", "eth0", "nodad")
			}},
	} {
		s.part(fault.name, func(s *scene) {
			n := s.holder("web")
			w := s.watch(web4, web6)
			w.held("web", n, web4, web6)
			at := time.Now()
			w.step("the interface of %s: %s", n, fault.name)
			fault.fail(s, n)
			next := w.taken("web", n, web4, web6)
			w.shorter(web4, at, failoverLimit)
			w.shorter(web6, at, failoverLimit)
			if s.carries(n, web4) || s.carries(n, web6) {
				s.Errorf("%s still has addresses:\n%s", n, s.ip(n, "-o", "addr"))
			}
			s.await("the status says why", func(context.Context) error {
				why := s.candidate("web", n).Why
				if !strings.Contains(why, fault.why) {
					return fmt.Errorf("it says %q", why)
				}
				return nil
			})
			w.step("it is as before")
			fault.undo(s, n)
			s.move("web", n)
			w.held("web", n, web4, web6)
			w.step("and web goes to %s", next)
			s.move("web", next)
			w.held("web", next, web4, web6)
		})
	}
}

// candidate is what the leader says of a node as a holder of a group.
func (s *scene) candidate(group string, n *harness.Node) (found api.Candidate) {
	s.Helper()
	s.must(s.AwaitGroup(s.wait(), group, "is known", func(g api.GroupStatus) bool {
		for _, c := range g.Nodes {
			if c.Node == n.Name {
				found = c
			}
		}
		return true
	}))
	return found
}
