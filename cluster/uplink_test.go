package cluster

import (
	"testing"

	"vipd/cluster/links"
	"vipd/cluster/placement"
	"vipd/cluster/state"
	"vipd/vip"
)

// fakeLinks are links that stand as a test says.
type fakeLinks map[string]links.Standing

func (fakeLinks) Follow([]string) {}

func (f fakeLinks) Standing(name string) links.Standing { return f[name] }

// What a bond lacks is taken off the priority of the groups on it, once for all addresses on it and by each group's
// own weight; a bond that is of no use takes the groups away.
func TestLinksWeighInTheElection(t *testing.T) {
	weight := func(g state.Group, w int) state.Group {
		g.LinkWeight = &w
		return g
	}
	twice := on("twice", "10.0.0.2/24", "bond0")
	twice.Addresses = append(twice.Addresses, state.Address{Prefix: on("", "10.1.0.2/24", "").Addresses[0].Prefix, Interface: "bond0.7"})
	view := grow(t, clusterOf(t, "a"), groups(
		on("plain", "10.0.0.1/24", "bond0"), twice, weight(on("heavy", "10.0.0.3/24", "bond0.7"), 30),
		weight(on("careless", "10.0.0.4/24", "bond0"), 0), on("well", "10.0.0.5/24", "bond1"), on("useless", "10.0.0.6/24", "bond2"),
	))
	const why = "bond0 has 1 of 3 links usable"
	degraded := links.Standing{Link: "bond0", Missing: 2, Why: why}
	r, said := reporterOf(view, func(o *reporterOptions) {
		up := vip.Interface{Up: true, Running: true}
		o.interfaces = func() (map[string]vip.Interface, error) {
			return map[string]vip.Interface{"bond0": up, "bond0.7": up, "bond1": up, "bond2": up}, nil
		}
		o.links = fakeLinks{
			"bond0": degraded, "bond0.7": degraded, "bond1": {Link: "bond1"},
			"bond2": {Link: "bond2", Unfit: true, Why: "bond2 has 1 of 2 links usable, fewer than min_links (2)"},
		}
	})
	r.report()
	leader, _ := reporterOf(view, nil)
	leader.hear((*said)[0])
	h := leader.health(view, func(string) string { return "" })["a"]
	term := func(by int) []placement.Term { return []placement.Term{{By: by, What: why}} }
	diff(t, "adjustments", map[string]placement.Adjustment{
		"plain": {By: -20, Mild: -20, Why: why + ": -20", Terms: term(-20)}, "twice": {By: -20, Mild: -20, Why: why + ": -20", Terms: term(-20)},
		"heavy": {By: -60, Lacks: 60, Why: why + ": -60", Terms: term(-60)},
	}, h.Adjust)
	diff(t, "ineligible", map[string]string{"useless": "bond2 has 1 of 2 links usable, fewer than min_links (2)"}, h.Ineligible)

	// The same again is no news; another link that is missing is.
	before, _ := leader.of("a")
	degraded.Missing = 1
	r.links = fakeLinks{"bond0": degraded}
	if after := r.account(); after.equal(before) {
		t.Error("a link that was mended is not reported")
	}
}

// A node lets go of what no frame can come to, without being told, and takes it again when the link is back.
func TestLetsGoOfADeadLink(t *testing.T) {
	s := carrying(t, "10.0.0.1/24", "10.0.0.2/24")
	s.dead = map[string]bool{"eth0": true}
	done, actions := s.step()
	diff(t, "actions", []string{"bar 10.0.0.1 10.0.0.2", "stop 10.0.0.1 10.0.0.2", "set", "release 10.0.0.1 10.0.0.2"}, actions)
	diff(t, "done", true, done)
	diff(t, "settled, though nobody asked", nil, s.settled)
	s.dead = nil
	_, actions = s.step()
	diff(t, "actions when the link is back", []string{"hold 10.0.0.1 10.0.0.2", "set 10.0.0.1/24 10.0.0.2/24", "announce 10.0.0.1 10.0.0.2"}, actions)
}

// When a bond's active member changes, what is on it is announced, and nothing else.
func TestAnnouncesAgainAfterAFailoverOfABond(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	s.tenant.linksChanged([]string{"eth7"})
	_, actions := s.step()
	diff(t, "actions after another link moved", nil, actions)
	s.tenant.linksChanged([]string{"eth0"})
	_, actions = s.step()
	diff(t, "actions after the link moved", []string{"announce 10.0.0.1"}, actions)
	_, actions = s.step()
	diff(t, "actions of another step", nil, actions)
}
