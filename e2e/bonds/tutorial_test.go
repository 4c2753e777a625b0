package bonds

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

var virtual = netip.MustParseAddr("192.168.1.100")

const (
	// pullLimit bounds the median silence after the active member of a bond with miimon 20 ms lost its link. On
	// hardware it is some 20 ms; here every instruction is emulated, and processors are shared.
	pullLimit = 200 * time.Millisecond
	// failoverLimit bounds the silence after all links of the holder are lost: the wan profile's lease of 3 s, and
	// what it takes to give the group away.
	failoverLimit = 3*time.Second + 3*time.Second
)

// tutorial is a host with two network cards, without addresses, and what its node file says of them.
func tutorial(h *lab.Host) (string, error) {
	if _, err := h.AddPort("eth1"); err != nil {
		return "", err
	}
	if err := ips(h.Namespace, "address flush dev eth0", "link set eth0 down"); err != nil {
		return "", err
	}
	own := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 1, 9 + h.MAC[5]}), 24) // node1 has .10
	h.IPv4 = own
	return fmt.Sprintf(`
bonds:
- name: bond0
  mode: active-backup
  members: [eth0, eth1]
  miimon: 20ms
  addresses: [%s]
  gateway: 192.168.1.1
`, own), nil
}

// The set-up of the tutorial, from nothing but two cards a host: vipd builds the bonds, the cluster forms over them,
// and serves an address on them.
func TestHostsTutorial(t *testing.T) {
	s := form(t, harness.Options{Nodes: 3, Profile: "wan", Prepare: tutorial})
	s.must(ips(s.Lab.Client.Namespace, "address add 192.168.1.1/24 dev eth0", "address add 192.168.1.200/24 dev eth0"))
	node1 := s.Nodes[0]
	b := s.becomes(node1, "bond0", "two usable links", usable(2))
	if !b.Ours || !b.InFile || b.Mode != "active-backup" || b.Active == "" || b.Interval != 20 || len(b.Findings) > 0 {
		t.Errorf("bond0 of node1: %+v", b)
	}
	s.says(s.ip(node1.Host.Namespace, "route"), "default via 192.168.1.1 dev bond0")

	s.serve()
	s.says(s.ip(node1.Host.Namespace, "address show dev bond0"), "inet 192.168.1.10/24", "inet 192.168.1.100/24", "bond0:0")
	s.says(s.vipctl(node1, "bond"), "bond active-backup", "2 of 2", "web")

	w := s.watch()
	s.Run("one by one", func(t *testing.T) { (&scene{t, s.Cluster}).pullOneByOne(w, node1) })
	s.Run("restart", func(t *testing.T) { (&scene{t, s.Cluster}).restartChangesNothing(s.Nodes[2]) })
	s.Run("taken back", func(t *testing.T) { (&scene{t, s.Cluster}).takesBack(s.Nodes[2]) })
	s.Run("all links", func(t *testing.T) { (&scene{t, s.Cluster}).pullAll(w, node1) })
	r, err := w.Stop()
	s.must(err)
	for _, d := range r.DoubleAnswers() {
		t.Errorf("%s and %s both answered, for %v", d.Hosts[0], d.Hosts[1], d.Until.Sub(d.At))
	}
	t.Logf("the prober: sent %d, longest gap %v", r.Prober.Sent, r.Prober.Gap)
}

func (s *scene) serve() {
	s.Helper()
	group := harness.Group("web")
	group.Interface = "bond0"
	group.Addresses = []state.Address{{Prefix: netip.PrefixFrom(virtual, 24), Interface: "bond0", Label: "bond0:0"}}
	group.Priorities = map[string]int{"node1": 110}
	result, err := s.Apply(s.wait(), group)
	s.must(err)
	if len(result.Unheld) > 0 {
		s.Fatalf("not held: %q", result.Unheld)
	}
	s.must(s.AwaitHolder(s.wait(), "web", s.Nodes[0]))
}

// watch is a client that asks for the address all the time.
func (s *scene) watch() *probe.Probe {
	s.Helper()
	o := s.ProbeOptions(virtual)
	o.Source4 = netip.MustParseAddr("192.168.1.200")
	o.Interval, o.CensusInterval, o.MaxRate = 10*time.Millisecond, 100*time.Millisecond, 400
	p, err := probe.Start(o)
	s.must(err)
	s.Cleanup(func() { p.Stop() })
	s.must(p.Await(s.wait(), virtual, "node1"))
	return p
}

// silence is the longest one that lasted beyond a moment, without what the prober itself missed.
func silence(w *probe.Probe, since time.Time) time.Duration {
	r := w.Report()
	longest := time.Duration(0)
	for _, quiet := range r.Address(virtual).Echo.Silences {
		if quiet.End.After(since) {
			longest = max(longest, quiet.Duration-quiet.Stalled)
		}
	}
	return longest
}

func port(h *lab.Host, name string) *lab.Port {
	if name == h.Port.Interface {
		return h.Port
	}
	return h.More[0]
}

// Members that are pulled one by one move nothing.
func (s *scene) pullOneByOne(w *probe.Probe, n *harness.Node) {
	before := s.assignment()
	var silences, noticed []time.Duration
	for range 5 {
		active := s.bond(n, "bond0").Active
		p := port(n.Host, active)
		s.must(w.Await(s.wait(), virtual, n.Name))
		pulled := time.Now()
		s.must(p.CutCarrier())
		b := s.becomes(n, "bond0", "another active member", func(b api.BondStatus) bool { return b.Active != "" && b.Active != active && b.Usable == 1 })
		s.must(w.Await(s.wait(), virtual, n.Name))
		silences = append(silences, silence(w, pulled))
		for _, e := range b.Events {
			if e.At.After(pulled) && strings.HasPrefix(e.Text, "the active member is "+b.Active) {
				noticed = append(noticed, e.At.Sub(pulled))
				break
			}
		}
		s.must(p.Mend())
		s.becomes(n, "bond0", "two usable links", usable(2))
		s.forwards(p.String())
	}
	median, text := spread(silences)
	s.Logf("silence after a member was pulled, miimon 20 ms: %s", text)
	if median > pullLimit {
		s.Errorf("the median is more than %v", pullLimit)
	}
	if len(noticed) < 5 {
		s.Errorf("%d failovers of 5 are in the history", len(noticed))
	} else {
		_, text := spread(noticed)
		s.Logf("in the history after the pull, with the driver's own 20 ms: %s", text)
	}
	if after := s.assignment(); after != before {
		s.Errorf("the group moved: %+v, before %+v", after, before)
	}
}

// assignment says who holds the group, by the number of its last change.
func (s *scene) assignment() string {
	s.Helper()
	var said string
	s.must(s.AwaitGroup(s.wait(), "web", "is held", func(g api.GroupStatus) bool {
		said = fmt.Sprintf("%s, serial %d", g.Holder, g.Serial)
		return g.Holder != ""
	}))
	return said
}

// A daemon that starts anew finds its bonds as they should be.
func (s *scene) restartChangesNothing(n *harness.Node) {
	look := func() string {
		return s.ip(n.Host.Namespace, "-d -o link show bond0") + s.ip(n.Host.Namespace, "-o address show dev bond0") + s.ip(n.Host.Namespace, "route")
	}
	before := look()
	s.must(n.Terminate(s.wait()))
	if after := look(); after != before {
		s.Errorf("stopping changed the bond:\n%s\nbefore:\n%s", after, before)
	}
	s.must(n.Restart(s.wait()))
	if after := look(); after != before {
		s.Errorf("starting changed the bond:\n%s\nbefore:\n%s", after, before)
	}
	plan, err := n.Client.BondPlan(s.wait())
	s.must(err)
	if len(plan.Bonds) != 1 || len(plan.Bonds[0].Changes) > 0 || plan.Bonds[0].Problem != "" {
		s.Errorf("there is something to change: %+v", plan)
	}
}

// A change that cuts the host off does not last; nonsense does not even begin.
func (s *scene) takesBack(n *harness.Node) {
	look := func() string {
		return s.ip(n.Host.Namespace, "-o link show master bond0") + s.ip(n.Host.Namespace, "route")
	}
	s.rewrite(n, "mode: active-backup", "mode: active-backup\n  lacp_rate: fast")
	before := look()
	_, err := n.Client.BondApply(s.wait(), api.BondApplyRequest{})
	if err == nil || !strings.Contains(err.Error(), "bonds[0].lacp_rate: mode active-backup does not take it") || !strings.Contains(err.Error(), n.NodeFile+":") {
		s.Errorf("nonsense: %v", err)
	}
	s.rewrite(n, "\n  lacp_rate: fast", "")

	s.must(n.Host.More[0].Cut()) // the network behind eth1 is dead, and its carrier says nothing
	s.rewrite(n, "members: [eth0, eth1]", "members: [eth1]")
	plan, err := n.Client.BondPlan(s.wait())
	s.must(err)
	if want := "remove member eth0 from bond0"; len(plan.Bonds) != 1 || strings.Join(plan.Bonds[0].Changes, "; ") != want {
		s.Errorf("plan %+v, want %s", plan, want)
	}
	if after := look(); after != before {
		s.Errorf("planning changed something:\n%s\nbefore:\n%s", after, before)
	}
	_, err = n.Client.BondApply(s.wait(), api.BondApplyRequest{ConfirmWithin: 8 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "the change was taken back") {
		s.Errorf("a change that cuts the host off: %v", err)
	}
	if b := s.bond(n, "bond0"); len(b.Members) != 2 {
		s.Errorf("eth0 is not back: %+v", b.Members)
	}
	s.must(n.AwaitLease(s.wait()))
	s.must(n.Host.More[0].Mend())
	s.forwards(n.Host.More[0].String())
	s.rewrite(n, "members: [eth1]", "members: [eth0, eth1]")
	s.becomes(n, "bond0", "two usable links", usable(2))
}

// When all links are lost the node lets go by itself, and another takes over.
func (s *scene) pullAll(w *probe.Probe, n *harness.Node) {
	s.must(w.Await(s.wait(), virtual, n.Name))
	pulled := time.Now()
	s.must(errors.Join(n.Host.Port.CutCarrier(), n.Host.More[0].CutCarrier()))
	s.await(n.Name+" let go", func(context.Context) error {
		out, err := ip(n.Host.Namespace, "address show dev bond0")
		if err == nil && strings.Contains(out, virtual.String()) {
			err = errors.New("it has the address")
		}
		return err
	})
	alone := time.Since(pulled)
	s.await("another node answers", func(ctx context.Context) error {
		return errors.Join(w.Await(ctx, virtual, ""))
	})
	quiet := silence(w, pulled)
	s.Logf("%s let go %v after its last link was pulled; the client missed %v", n, alone.Round(time.Millisecond), quiet.Round(time.Millisecond))
	if alone > 2*time.Second {
		s.Errorf("it waited for its lease to end")
	}
	if quiet > failoverLimit {
		s.Errorf("that is more than %v", failoverLimit)
	}
	b := s.bond(n, "bond0")
	if !strings.Contains(b.Ineligible, "no usable link of 2") || len(b.Findings) == 0 {
		s.Errorf("%s says of its bond: %+v", n, b)
	}
	s.must(errors.Join(n.Host.Port.Mend(), n.Host.More[0].Mend()))
	s.becomes(n, "bond0", "two usable links", usable(2))
	s.must(s.AwaitWhole(s.wait()))
	s.must(s.AwaitHolder(s.wait(), "web", n)) // it is preferred
	s.must(w.Await(s.wait(), virtual, n.Name))
}
