package cluster

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"vipd/cluster/placement"
	"vipd/cluster/rotation"
	"vipd/cluster/state"
	"vipd/cluster/wire"
	"vipd/vip"
)

// reporterOf is the reporter of node a and what it says to the others.
func reporterOf(view *state.State, change func(*reporterOptions)) (r *reporter, said *[]wire.Report) {
	said = &[]wire.Report{}
	o := reporterOptions{
		node: "a", view: func() *state.State { return view }, epoch: func() uint64 { return 1 },
		interfaces: func() (map[string]vip.Interface, error) {
			return map[string]vip.Interface{"eth0": {Up: true, Running: true}, "eth1": {Up: true}, "eth2": {}}, nil
		},
		problems:  func() map[string]string { return nil },
		broadcast: func(m wire.Message) { *said = append(*said, m.(wire.Report)) },
		changed:   func() {},
		routers:   func() map[string]spoken { return nil },
		sources:   func() []netip.Addr { return nil },
		secret:    func() *rotation.Report { return nil },
		checks:    func() map[string]checked { return nil },
		scripts:   func() map[string]string { return nil },
		lacking:   func() map[string]string { return nil },
		flaps:     func() []placement.Stay { return nil },
		unheard:   func() []string { return nil },
		heard:     func(string, map[string]spoken) {},
		links:     fakeLinks{},
	}
	if change != nil {
		change(&o)
	}
	return newReporter(o), said
}

// on is a group with an address on an interface.
func on(name, address, link string) state.Group {
	g := group(name, address)
	g.Addresses[0].Interface = link
	return g
}

func TestReportSaysWhatANodeCannotCarry(t *testing.T) {
	view := grow(t, clusterOf(t, "a"), groups(
		on("good", "10.0.0.1/24", "eth0"), on("unplugged", "10.0.0.2/24", "eth1"),
		on("off", "10.0.0.3/24", "eth2"), on("absent", "10.0.0.4/24", "eth9"), on("refused", "10.0.0.5/24", "eth0"),
	))
	r, said := reporterOf(view, func(o *reporterOptions) {
		o.problems = func() map[string]string { return map[string]string{"refused": "somebody else has it"} }
	})
	r.report()
	diff(t, "reports", 1, len(*said))

	leader, _ := reporterOf(view, nil) // what another node makes of it
	leader.hear((*said)[0])
	h := leader.health(view, func(node string) string { return "it is silent" })["a"]
	diff(t, "ineligible", map[string]string{
		"unplugged": "its interface eth1 has no carrier", "off": "its interface eth2 is down",
		"absent": "it has no interface eth9", "refused": "somebody else has it",
	}, h.Ineligible)
	diff(t, "epoch", 1, h.Epoch)
	diff(t, "suspect", "it is silent", h.Suspect)
	a, known := leader.of("a")
	diff(t, "known", true, known)
	diff(t, "applied", view.Index, a.Applied)
}

func TestReportOfANodeThatIsUnfit(t *testing.T) {
	view := clusterOf(t, "a")
	r, _ := reporterOf(view, nil)
	r.setUnfit("it is stopping")
	r.report()
	diff(t, "unfit", "it is stopping", r.health(view, func(string) string { return "" })["a"].Unfit)

	r, _ = reporterOf(view, func(o *reporterOptions) {
		o.interfaces = func() (map[string]vip.Interface, error) { return nil, errors.New("netlink") }
	})
	r.report()
	diff(t, "unfit", "it cannot read its interfaces: netlink", r.health(view, func(string) string { return "" })["a"].Unfit)
}

// A report that says nothing new is as old as the first that said it, so that nobody wakes for it.
func TestOnlyNewsAreNews(t *testing.T) {
	heard := 0
	r, said := reporterOf(clusterOf(t, "a"), func(o *reporterOptions) { o.changed = func() { heard++ } })
	r.report()
	r.report()
	diff(t, "changes", 1, heard)
	r.setUnfit("it is stopping")
	r.report()
	diff(t, "changes", 2, heard)
	diff(t, "reports", 3, len(*said))
}

func TestStaleReportsArePassedOver(t *testing.T) {
	r, _ := reporterOf(clusterOf(t, "a", "b"), nil)
	hear := func(epoch, seq uint64, unfit string) {
		body, err := json.Marshal(account{Unfit: unfit})
		check(t, err)
		r.hear(wire.Report{Node: "b", Epoch: epoch, Seq: seq, Body: body})
	}
	for _, c := range []struct {
		name       string
		epoch, seq uint64
		taken      bool
	}{
		{"first", 2, 5, true},
		{"earlier", 2, 4, false},
		{"again", 2, 5, false},
		{"later", 2, 6, true},
		{"earlier start", 1, 90, false},
		{"later start", 3, 1, true},
		{"no epoch", 0, 1, true}, // its daemon has just started: what it said before is over
	} {
		before, _ := r.of("b")
		want := before.Unfit
		if c.taken {
			want = c.name
		}
		hear(c.epoch, c.seq, c.name)
		after, _ := r.of("b")
		diff(t, c.name, want, after.Unfit)
	}
	before, _ := r.of("b")
	r.hear(wire.Report{Node: "b", Epoch: 9, Seq: 9, Body: []byte("{")})
	after, _ := r.of("b")
	diff(t, "after what cannot be read", before, after)
}
