package cluster

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/cluster/links"
	"vipd/cluster/state"
	"vipd/cluster/wire"
	"vipd/vip"
	"vipd/vip/announce"
	"vipd/vip/fence"
)

// scene is a tenant on a host whose kernel only writes down what it is told, in order.
type scene struct {
	t       testing.TB
	tenant  *tenant
	door    *door
	gate    *fakeGate
	host    *fakeHost
	view    *state.State
	epoch   uint64
	actions []string
	settled []uint64
	gaveUp  error
	rebuilt int
	dead    map[string]bool // links
}

func newScene(t testing.TB) *scene {
	s := &scene{t: t, view: clusterOf(t, "a", "b"), epoch: 1}
	s.gate = &fakeGate{scene: s, guarded: map[netip.Addr]bool{}}
	s.host = &fakeHost{scene: s}
	s.door = &door{gate: s.gate, log: quiet(), opened: func() {}, rebuild: func() (gate, error) {
		s.note("rebuild")
		s.rebuilt++
		s.gate = &fakeGate{scene: s, guarded: map[netip.Addr]bool{}}
		return s.gate, nil
	}}
	s.tenant = newTenant(tenantOptions{
		node: "a", log: quiet(), view: func() *state.State { return s.view }, epoch: func() uint64 { return s.epoch },
		door: s.door, host: s.host, announce: (*fakeAnnouncer)(s), speaker: newSpeaker(speakerOptions{log: quiet()}),
		carries: func([]carriedAt) {},
		letGo: func(r wire.Released) {
			diff(t, "who let go", state.Tenure{Node: "a", Epoch: 1}, state.Tenure{Node: r.Node, Epoch: r.Epoch})
			s.note("let go")
			s.settled = append(s.settled, r.Serials...)
		},
		standing: func(name string) links.Standing { return links.Standing{Link: name, Dead: s.dead[name]} },
		reported: func() {},
		giveUp:   func(err error) { s.gaveUp = err },
		served:   func() {},
		jolted:   func() {},
	})
	return s
}

func (s *scene) note(action string) { s.actions = append(s.actions, action) }

func (s *scene) noteAddrs(action string, addrs []netip.Addr) {
	if len(addrs) == 0 {
		return
	}
	for _, a := range addrs {
		action += " " + a.String()
	}
	s.note(action)
}

// lease gives the host a lease that does not end during the test.
func (s *scene) lease() { s.door.extend(bootNow().Add(time.Hour)) }

func (s *scene) commit(commands ...state.Command) { s.view = grow(s.t, s.view, commands...) }

// step runs one step and returns what it did.
func (s *scene) step() (done bool, actions []string) {
	s.actions = nil
	done = s.tenant.step()
	return done, s.actions
}

// carrying is a scene in which this node carries the group web.
func carrying(t testing.TB, addresses ...string) *scene {
	t.Helper()
	s := newScene(t)
	s.commit(groups(group("web", addresses...)))
	s.commit(give(s.view, "a", "web"))
	s.lease()
	if done, actions := s.step(); !done {
		t.Fatalf("does not carry web: %v", actions)
	}
	return s
}

// fakeGate is a gate that remembers what a real one would, and checks what callers owe it.
type fakeGate struct {
	gate // what no test asks for
	*scene
	guarded   map[netip.Addr]bool // whether it is held
	open      bool
	extendErr error
	barErr    error
	verifyErr error
	shuts     int
}

func (g *fakeGate) Raise(int64) error {
	for ip, held := range g.guarded {
		if held {
			g.t.Errorf("the gate is raised while %s is held", ip)
			return fence.ErrHeld
		}
	}
	g.note("raise")
	g.open = true
	return nil
}

func (g *fakeGate) Extend(int64) error {
	if g.extendErr != nil && !errors.Is(g.extendErr, fence.ErrStalled) {
		g.open = false
	}
	return g.extendErr
}

func (g *fakeGate) Shut() error {
	g.shuts++
	g.open = false
	return nil
}

func (g *fakeGate) Hold(addrs []netip.Addr) error {
	g.noteAddrs("hold", addrs)
	for _, a := range addrs {
		g.guarded[a] = true
	}
	return nil
}

func (g *fakeGate) Bar(addrs []netip.Addr) error {
	if g.barErr != nil && len(addrs) > 0 {
		return g.barErr
	}
	g.noteAddrs("bar", addrs)
	for _, a := range addrs {
		g.guarded[a] = false
	}
	return nil
}

// Release must never be told of what is on the host: nothing would restrict it any more.
func (g *fakeGate) Release(addrs []netip.Addr) error {
	g.noteAddrs("release", addrs)
	for _, a := range addrs {
		delete(g.guarded, a)
		if slices.ContainsFunc(g.host.have, func(h vip.Address) bool { return h.Prefix.Addr() == a }) {
			g.t.Errorf("%s is on the host without a guard", a)
		}
	}
	return nil
}

func (g *fakeGate) Verify() error { return g.verifyErr }

// fakeHost has addresses as vip.Host has them: its Outcomes say what that one's documentation promises.
type fakeHost struct {
	host // what no test asks for
	*scene
	have   []vip.Address
	keeps  map[string]bool // prefixes that the kernel will not take off
	lacks  map[string]bool // prefixes that it will not put on
	setErr error
	looks  int // times that Set was called
}

func (h *fakeHost) Set(want []vip.Address) (vip.Outcome, error) {
	var out vip.Outcome
	h.looks++
	if h.setErr != nil {
		h.note("set fails")
		return out, h.setErr
	}
	if !slices.Equal(want, h.have) {
		h.note(strings.TrimSpace("set " + list(want)))
	}
	for _, a := range without(h.have, want) {
		if h.keeps[a.Prefix.String()] {
			out.Failed = append(out.Failed, vip.Failure{Address: a, Err: errors.New("busy")})
			continue
		}
		h.have = without(h.have, []vip.Address{a})
		out.Removed = append(out.Removed, a)
	}
	for _, a := range without(want, h.have) {
		if h.lacks[a.Prefix.String()] {
			out.Failed = append(out.Failed, vip.Failure{Address: a, Err: errors.New("no such device")})
			continue
		}
		if held, guarded := h.gate.guarded[a.Prefix.Addr()]; !guarded || !held {
			h.t.Errorf("%s is put on the host before the gate knows of it", a)
		}
		h.have = append(h.have, a)
		out.Added = append(out.Added, a)
	}
	for _, a := range want {
		if slices.Contains(h.have, a) {
			out.Present = append(out.Present, a.Prefix.Addr())
		}
	}
	return out, nil
}

func list(addresses []vip.Address) string {
	var text []string
	for _, a := range addresses {
		text = append(text, a.Prefix.String())
	}
	return strings.Join(text, " ")
}

func (h *fakeHost) Refresh() error {
	h.note("refresh")
	return nil
}

// fakeAnnouncer writes down what is announced.
type fakeAnnouncer scene

func (a *fakeAnnouncer) Announce(targets []announce.Target) {
	var addrs []netip.Addr
	for _, target := range targets {
		addrs = append(addrs, target.Addr)
	}
	(*scene)(a).noteAddrs("announce", addrs)
}

func (a *fakeAnnouncer) Stop(addrs []netip.Addr)   { (*scene)(a).noteAddrs("stop", addrs) }
func (a *fakeAnnouncer) Run(context.Context) error { return nil }
