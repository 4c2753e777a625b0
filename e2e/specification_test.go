package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// samePrefix compares prefixes and addresses, whose insides are nobody's business.
var samePrefix = cmp.Options{
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

// tenGroups are ten groups with an address of each family, and the addresses.
func tenGroups() (groups []state.Group, addrs []netip.Addr) {
	for i := range 10 {
		g := harness.Group(fmt.Sprintf("g%d", i), fmt.Sprintf("10.9.0.%d", 50+i), fmt.Sprintf("fd09::50:%d", 50+i))
		groups = append(groups, g)
		addrs = append(addrs, g.IPs()...)
	}
	return groups, addrs
}

// holders are who holds what, by the leader's word.
func (s *scene) holders() map[string]string {
	s.Helper()
	held := map[string]string{}
	for _, g := range s.status(s.leader()).Groups {
		held[g.Name] = g.Holder
	}
	return held
}

// Ten groups of both families are spread over three nodes, and each address answers where status says.
func TestTenGroups(t *testing.T) {
	s := form(t, 3)
	groups, addrs := tenGroups()
	t.Log("ten groups are applied")
	s.apply(groups...)
	w := s.watch(addrs...)
	held := s.holders()
	load := map[string]int{}
	for _, g := range groups {
		load[held[g.Name]]++
		w.answered(held[g.Name], g.IPs()...)
	}
	for _, n := range s.Nodes {
		if load[n.Name] < 3 || load[n.Name] > 4 {
			t.Errorf("%s holds %d groups, want 3 or 4 of 10: %v", n, load[n.Name], held)
		}
	}
	w.step("a second apply of the same changes nothing")
	result, err := s.Apply(s.wait(), groups...)
	s.must(err)
	if result.Diff.Changed {
		t.Errorf("it made the difference %+v", result.Diff)
	}
	if diff := cmp.Diff(held, s.holders()); diff != "" {
		t.Errorf("holders (-before +after)\n%s", diff)
	}
	w.step("nothing is served any more")
	s.apply()
	for _, addr := range addrs {
		for _, n := range s.Nodes {
			if s.carries(n, addr) {
				t.Errorf("%s has %s although no group has", n, addr)
			}
		}
	}
}

// A specification that is wrong is refused with the reason, and nothing changes.
func TestWrongSpecification(t *testing.T) {
	s := form(t, 1)
	s.apply(web)
	before, err := s.Nodes[0].Client.Spec(s.wait(), api.SpecRequest{})
	s.must(err)
	duplicate := harness.Group("other", web4.String())
	unnamed := harness.Group("", "10.9.0.60")
	priority := harness.Group("web", web4.String())
	priority.Priority = 255
	for name, tt := range map[string]struct {
		groups []state.Group
		reason string
	}{
		"an address twice":    {[]state.Group{web, duplicate}, web4.String()},
		"a group twice":       {[]state.Group{web, web}, "web"},
		"no name":             {[]state.Group{web, unnamed}, "name"},
		"loopback address":    {[]state.Group{web, harness.Group("lo", "127.0.0.9/8")}, "loopback"},
		"multicast address":   {[]state.Group{web, harness.Group("mc", "224.0.0.18/32")}, "multicast"},
		"network's address":   {[]state.Group{web, harness.Group("net", "10.9.0.0/24")}, "network"},
		"priority of 255":     {[]state.Group{priority}, "255"},
		"group without addrs": {[]state.Group{web, harness.Group("empty")}, "empty"},
	} {
		_, err := s.Nodes[0].Client.Apply(s.wait(), api.ApplyRequest{Groups: tt.groups})
		if err == nil || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: got %v, want a refusal that names %q", name, err, tt.reason)
		}
	}
	after, err := s.Nodes[0].Client.Spec(s.wait(), api.SpecRequest{})
	s.must(err)
	if diff := cmp.Diff(before, after, samePrefix); diff != "" {
		t.Errorf("specification (-before +after)\n%s", diff)
	}
	w := s.watch(web4, web6)
	w.answered("node1", web4, web6)
}

// Groups change while they are held: addresses come, go, and move to another group, on the same node or not.
func TestChangedGroups(t *testing.T) {
	s := form(t, 3)
	extra := netip.MustParseAddr("10.9.0.60")
	s.apply(web, harness.Group("db", extra.String()))
	s.move("web", s.Nodes[0])
	s.move("db", s.Nodes[1])
	w := s.watch(web4, web6, extra)
	w.step("an address moves from web on node1 to db on node2")
	s.apply(harness.Group("web", web6.String()), harness.Group("db", extra.String(), web4.String()))
	w.held("db", s.Nodes[1], web4, extra)
	w.held("web", s.Nodes[0], web6)
	if s.carries(s.Nodes[0], web4) {
		t.Errorf("node1 still has %s", web4)
	}
	w.settle()
	w.step("and back, while db takes another")
	other := netip.MustParseAddr("10.9.0.61")
	s.apply(web, harness.Group("db", other.String()))
	w.held("web", s.Nodes[0], web4, web6)
	w.silent(extra, quietFor)
	if !s.carries(s.Nodes[1], other) || s.carries(s.Nodes[1], extra) || s.carries(s.Nodes[1], web4) {
		t.Errorf("node2 has %s", s.ip(s.Nodes[1], "-o", "addr"))
	}
	w.step("a group of IPv6 alone")
	six := netip.MustParseAddr("fd09::50:6")
	s.apply(harness.Group("six", six.String()))
	w6 := s.watch(six)
	at := time.Now()
	n := s.holder("six")
	w6.step("%s is killed", n)
	s.must(n.Kill())
	w6.taken("six", n, six)
	w6.shorter(six, at, failoverLimit)
}

// An interface that a node does not have is its reason not to hold a group; where nobody has it apply says so
// too.
func TestUnknownInterface(t *testing.T) {
	s := form(t, 3)
	s.ip(s.Nodes[2], "link", "add", "lan7", "type", "veth", "peer", "name", "lan7b")
	s.ip(s.Nodes[2], "link", "set", "lan7", "up")
	s.ip(s.Nodes[2], "link", "set", "lan7b", "up")
	on := func(name, ifi, addr string) state.Group {
		g := harness.Group(name, addr)
		g.Interface, g.Addresses[0].Interface = ifi, ifi
		return g
	}
	t.Log("only node3 has lan7, nobody has lan8")
	groups := []state.Group{on("seven", "lan7", "10.77.0.1"), on("eight", "lan8", "10.88.0.1")}
	_, err := s.Apply(s.wait(), groups...)
	s.must(err)
	// lacks reports whether exactly these nodes cannot hold a group, for a reason that names the interface.
	lacks := func(ifi string, nodes ...string) func(api.GroupStatus) bool {
		return func(g api.GroupStatus) bool {
			var names []string
			for _, c := range g.Nodes {
				if !c.Eligible && strings.Contains(c.Why, ifi) {
					names = append(names, c.Node)
				}
			}
			slices.Sort(names)
			return slices.Equal(names, nodes)
		}
	}
	s.must(s.AwaitHolder(s.wait(), "seven", s.Nodes[2]))
	s.must(s.AwaitGroup(s.wait(), "seven", "has its reasons", lacks("lan7", "node1", "node2")))
	s.must(s.AwaitGroup(s.wait(), "eight", "has its reasons", lacks("lan8", "node1", "node2", "node3")))
	s.must(s.AwaitGroup(s.wait(), "eight", "is held by nobody", func(g api.GroupStatus) bool { return g.Holder == "" }))
	result, err := s.Apply(s.wait(), groups...)
	s.must(err)
	if len(result.Unheld) != 1 || !strings.HasPrefix(result.Unheld[0], "eight:") || !strings.Contains(result.Unheld[0], "lan8") {
		t.Errorf("apply says that these are not held: %q", result.Unheld)
	}
	t.Log("node3 loses it")
	s.ip(s.Nodes[2], "link", "del", "lan7")
	s.must(s.AwaitGroup(s.wait(), "seven", "is held by nobody", func(g api.GroupStatus) bool { return g.Holder == "" }))
}
