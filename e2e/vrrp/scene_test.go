// Package vrrp plays clusters of vipd and real keepalived on one segment.
package vrrp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

// waitLimit is for conditions that are only waited for.
const waitLimit = 40 * time.Second

// loaded is what a busy test machine may add to a time that is measured.
const loaded = time.Second

func TestMain(m *testing.M) {
	probe.Main()
	code := m.Run()
	if err := harness.RemoveBinaries(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// scene is a cluster and a host with keepalived beside it.
type scene struct {
	*testing.T
	*harness.Cluster
	peer *keepalived
}

// form makes a cluster of n nodes, and a host beside it on which keepalived does not run yet.
func form(t *testing.T, n int) *scene {
	t.Helper()
	need(t)
	s := &scene{T: t, Cluster: harness.New(t, harness.Options{Nodes: n})}
	h, err := s.Lab.AddHost("legacy")
	s.must(err)
	s.peer = &keepalived{scene: s, host: h}
	if n > 0 {
		s.must(s.AwaitWhole(s.wait()))
	}
	return s
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) wait() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), waitLimit)
	s.Cleanup(cancel)
	return ctx
}

func (s *scene) await(what string, condition func(context.Context) error) {
	s.Helper()
	s.must(harness.Await(s.wait(), what, condition))
}

func (s *scene) apply(groups ...state.Group) {
	s.Helper()
	_, err := s.Apply(s.wait(), groups...)
	s.must(err)
}

// holder is the node that Raft picked.
func (s *scene) holder() *harness.Node {
	s.Helper()
	n, err := s.Holder(s.wait(), "web")
	s.must(err)
	return n
}

// router waits until what the cluster says of the group's virtual router satisfies a condition.
func (s *scene) router(what string, condition func(api.VRRPStatus) bool) (last api.VRRPStatus) {
	s.Helper()
	s.must(s.AwaitGroup(s.wait(), "web", what, func(g api.GroupStatus) bool {
		if g.VRRP == nil || !condition(*g.VRRP) {
			return false
		}
		last = *g.VRRP
		return true
	}))
	return last
}

func (s *scene) becomes(vrrpState string) api.VRRPStatus {
	s.Helper()
	return s.router("is "+vrrpState, func(v api.VRRPStatus) bool { return v.State == vrrpState })
}

// watch is a client that looks at the group's addresses. When the scene ends it must have seen no two vipd nodes
// answer at once.
type watch struct {
	*scene
	probe *probe.Probe
	addrs []netip.Addr
	// merges is for how long two nodes may answer that held the address in different parts of the network.
	merges time.Duration
}

func (s *scene) watch(addrs ...netip.Addr) *watch {
	s.Helper()
	return s.watchWith(s.ProbeOptions(addrs...))
}

func (s *scene) watchWith(o probe.Options) *watch {
	s.Helper()
	o.MaxRate = 4000
	p, err := probe.Start(o)
	s.must(err)
	w := &watch{scene: s, probe: p, addrs: o.Addrs}
	s.Cleanup(func() { w.end() })
	return w
}

func (w *watch) end() {
	r, err := w.probe.Stop()
	if err != nil {
		w.Errorf("probe: %v", err)
	}
	for _, d := range r.DoubleAnswers() {
		if w.Node(d.Hosts[0]) == nil || w.Node(d.Hosts[1]) == nil {
			w.Logf("%s and %s both answered for %s, for %v", d.Hosts[0], d.Hosts[1], d.Addr, d.Until.Sub(d.At))
			continue // VRRP's own hand-over, in which the new master does not wait for the old one
		}
		if d.Until.Sub(d.At) <= w.merges {
			w.Logf("%s and %s both answered for %s when they met, for %v", d.Hosts[0], d.Hosts[1], d.Addr, d.Until.Sub(d.At))
			continue
		}
		w.Errorf("%s and %s both answered for %s, for %v", d.Hosts[0], d.Hosts[1], d.Addr, d.Until.Sub(d.At))
	}
}

// answered waits until a host, or anybody if its name is empty, answers new requests for each address.
func (w *watch) answered(host string) {
	w.Helper()
	ctx := w.wait()
	for _, addr := range w.addrs {
		w.must(w.probe.Await(ctx, addr, host))
	}
}

// answeredByCluster waits until a node of the cluster other than one has answered for the first address since a
// time, and returns when it first did.
func (w *watch) answeredByCluster(from time.Time, other *harness.Node) time.Time {
	w.Helper()
	var at time.Time
	w.await("a node of the cluster answers", func(context.Context) error {
		rec := w.probe.Recording()
		for _, e := range rec.Events {
			when := time.Unix(0, e.Received)
			if when.Before(from) || e.Announcement || rec.Addrs[e.Addr] != w.addrs[0] {
				continue
			}
			if n := w.Node(rec.Hosts[e.Host].Name); n != nil && n != other {
				at = when
				return nil
			}
		}
		return errors.New("none does")
	})
	return at
}

// group is a group with a vrrp section.
func group(v state.VRRP, addresses ...string) state.Group {
	g := harness.Group("web", addresses...)
	if v.AdvertInt == 0 {
		v.AdvertInt = time.Second
	}
	v.RouterID = 51
	g.VRRP = &v
	return g
}

// need skips the test where keepalived is missing, or fails it where the environment says CI=true.
func need(t *testing.T) {
	t.Helper()
	lab.Require(t)
	if _, err := os.Stat(program); err == nil {
		return
	} else if os.Getenv("CI") == "true" {
		t.Fatalf("needs keepalived: %v", err)
	} else {
		t.Skipf("needs keepalived: %v", err)
	}
}
