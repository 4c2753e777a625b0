package bond

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// present is a host with a bond as cfg wants it, made by this package, and the
// interfaces that others names.
func present(cfg Config, others ...string) Actual {
	a := Actual{
		Name: cfg.Name, Exists: true, Kind: "bond", Ours: true, Options: cfg.wanted(), Members: cfg.MemberNames(),
		Link: Link{Name: cfg.Name, Up: true, MTU: 1500, MAC: "02:00:00:00:00:01"}, Links: make(map[string]Link),
	}
	for _, p := range cfg.Addresses {
		a.Link.Addresses = append(a.Link.Addresses, address(p.String()))
	}
	if cfg.Gateway.IsValid() {
		a.Link.Routes = append(a.Link.Routes, defaultRoute(cfg.Gateway))
	}
	for _, m := range a.Members {
		a.Links[m] = Link{Name: m, Up: true, MTU: 1500, Master: cfg.Name}
	}
	for _, name := range others {
		a.Links[name] = Link{Name: name, MTU: 1500}
	}
	return a
}

func TestPlan(t *testing.T) {
	const base = "{name: bond0, members: [eth0, eth1], addresses: [10.0.0.9/24], gateway: 10.0.0.1, "
	cfg := parse(t, base+"miimon: 100}")
	for name, tt := range map[string]struct {
		cfg    Config
		actual Actual
		want   []string
	}{
		"as configured": {cfg, present(cfg), nil},
		"one option":    {parse(t, base+"num_grat_arp: 3}"), present(cfg), []string{"set num_grat_arp of bond0 from 1 to 3"}},
		"back to the default": {cfg, present(parse(t, base+"num_grat_arp: 3}")),
			[]string{"set num_grat_arp of bond0 from 3 to 1"}},
		"other monitor": {parse(t, base+"arp_interval: 200, arp_ip_targets: [10.0.0.1]}"), present(cfg), []string{
			"set arp_ip_targets of bond0 from none to 10.0.0.1",
			"set arp_interval of bond0 from 0 to 200",
			"set miimon of bond0 from 100 to 0",
		}},
		"needs the bond down": {parse(t, base+"mode: 802.3ad, lacp_rate: fast}"), present(parse(t, base+"mode: 802.3ad}")), []string{
			"remove route default via 10.0.0.1 over bond0",
			"bring bond0 down",
			"set lacp_rate of bond0 from slow to fast",
			"bring bond0 up",
			"add route default via 10.0.0.1 over bond0",
		}},
		"bond taken down by hand": {cfg, change(present(cfg), func(a *Actual) { a.Link.Up = false; a.Link.Routes = nil }), []string{
			"bring bond0 up",
			"add route default via 10.0.0.1 over bond0",
		}},
		"other gateway": {parse(t, "{name: bond0, members: [eth0, eth1], gateway: 10.0.0.2}"), present(cfg), []string{
			"remove route default via 10.0.0.1 over bond0",
			"add route default via 10.0.0.2 over bond0",
		}},
		"address dropped from the file stays": {parse(t, "{name: bond0, members: [eth0, eth1]}"), present(cfg), nil},
		"member added":                        {parse(t, base+"mtu: 1500, miimon: 100}"), change(present(cfg, "eth1"), func(a *Actual) { a.Members = a.Members[:1] }), []string{"add member eth1 to bond0"}},
		"member that is up and unused": {cfg, change(present(cfg, "eth1"), func(a *Actual) {
			a.Members, a.Links["eth1"] = a.Members[:1], Link{Name: "eth1", Up: true}
		}), []string{"bring eth1 down", "add member eth1 to bond0"}},
		"member missing": {cfg, change(present(cfg), func(a *Actual) { a.Members = a.Members[:1]; delete(a.Links, "eth1") }), nil},
		"member removed": {parse(t, "{name: bond0, members: [eth1]}"), present(cfg), []string{"remove member eth0 from bond0"}},
		"prio":           {parse(t, "{name: bond0, members: [eth0, {name: eth1, prio: 9}]}"), present(cfg), []string{"set prio of eth1 from 0 to 9"}},
		"made by others": {parse(t, base+"num_grat_arp: 3}"), change(present(cfg), func(a *Actual) { a.Ours = false }), nil},
		"made by others, managed": {parse(t, base+"num_grat_arp: 3, manage: true}"), change(present(cfg), func(a *Actual) { a.Ours = false }),
			[]string{"set num_grat_arp of bond0 from 1 to 3"}},
		"watched only":                 {parse(t, "{name: bond0}"), present(cfg), nil},
		"option unknown to the kernel": {cfg, change(present(cfg), func(a *Actual) { delete(a.Options, "peer_notif_delay") }), nil},
		"new, all members in use": {parse(t, "{name: bond0, members: [eth0]}"), Actual{Name: "bond0", Links: map[string]Link{
			"eth0": {Name: "eth0", Up: true, MTU: 9000, Addresses: []Address{address("10.0.0.9/24")}},
		}}, []string{
			"create bond bond0, mode active-backup",
			"set miimon of bond0 from 0 to 100",
			"set mtu of bond0 from 1500 to 9000",
			"remove address 10.0.0.9/24 from eth0",
			"bring eth0 down",
			"add member eth0 to bond0",
			"bring bond0 up",
			"add address 10.0.0.9/24 to bond0",
			"announce the addresses of bond0",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if problems := tt.cfg.Validate(); len(problems) > 0 {
				t.Fatal(problems)
			}
			got := texts(Plan(tt.cfg, tt.actual))
			if diff := cmp.Diff(tt.want, got, cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func change(a Actual, how func(*Actual)) Actual {
	how(&a)
	return a
}

func TestCheck(t *testing.T) {
	cfg := parse(t, "{name: bond0, members: [eth0, eth1]}")
	link := func(l Link) func(*Actual) { return func(a *Actual) { a.Links["eth1"] = l } }
	for name, tt := range map[string]struct {
		how  func(*Actual)
		want string
	}{
		"fine":         {func(*Actual) {}, ""},
		"other kind":   {func(a *Actual) { a.Kind = "dummy" }, "name: bond0 exists and is no bond (dummy); give the bond another name"},
		"no members":   {func(a *Actual) { clear(a.Links) }, "members: none of them exists on this host; see ip link for the names of this host"},
		"used":         {link(Link{Master: "br0"}), "members: eth1 belongs to br0; take it out of br0 first"},
		"a team":       {link(Link{Kind: "team"}), "members: eth1 is a team; list the interfaces below it instead"},
		"a VLAN on it": {link(Link{Uppers: []string{"eth1.7"}}), "members: eth1 carries eth1.7, which would be cut off; move it to bond0 first, or remove it"},
		"loopback":     {link(Link{Loopback: true}), "members: eth1 is a loopback interface; remove it"},
		"one missing":  {func(a *Actual) { delete(a.Links, "eth1") }, ""},
		"left alone":   {func(a *Actual) { a.Ours = false; clear(a.Links) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, lines(Check(cfg, change(present(cfg), tt.how)))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// Taking over a bond must not turn it into another kind by an omission.
func TestCheckAdoptedMode(t *testing.T) {
	actual := change(present(parse(t, "{name: bond0, mode: 802.3ad, members: [eth0]}")), func(a *Actual) { a.Ours = false })
	for text, want := range map[string]string{
		"{name: bond0, members: [eth0]}":                              "",
		"{name: bond0, members: [eth0], manage: true, mode: 802.3ad}": "",
		"{name: bond0, members: [eth0], manage: true}": "mode: bond0 was made by others with mode 802.3ad, and the configuration states none; " +
			"state mode: 802.3ad, or another one",
	} {
		if diff := cmp.Diff(want, lines(Check(parse(t, text), actual))); diff != "" {
			t.Errorf("%s: problems (-want +got):\n%s", text, diff)
		}
	}
}

// Taking a plan back undoes it step by step: the inverse of each inverse is the
// step itself.
func TestInverse(t *testing.T) {
	gw := netip.MustParseAddr("10.0.0.1")
	for _, c := range []Change{
		createBond{"bond0", LACP}, setOption{"bond0", "miimon", "0", "100"}, setPrio{"eth0", 0, 5}, enslave{"bond0", "eth0"},
		release{"bond0", "eth0"}, setUp{"eth0"}, setDown{"eth0"}, setMTU{"eth0", 1500, 9000},
		addAddress{"eth0", address("10.0.0.9/24")}, addRoute{"eth0", defaultRoute(gw)},
	} {
		if back := c.inverse().inverse(); back.String() != c.String() {
			t.Errorf("%s, taken back twice: %s", c, back)
		}
		if c.inverse().String() == c.String() {
			t.Errorf("%s is its own inverse", c)
		}
	}
}

// Whatever the kernel has, a plan never mentions an option that the mode does
// not use, and never more often than once unless the mode changes.
func TestPlanOptionsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Name: "bond0", Mode: rapid.SampledFrom(modeNames).Draw(t, "mode"), Members: []Member{{Name: "eth0"}}}
		actual := present(cfg)
		for _, o := range options[1:] {
			if o.names != nil && o.kind != addressList {
				actual.Options[o.key] = rapid.SampledFrom(o.names).Draw(t, o.key)
			}
		}
		actual.Options["mode"] = rapid.SampledFrom(modeNames).Draw(t, "present mode")
		var keys []string
		for _, c := range Plan(cfg, actual) {
			set, ok := c.(setOption)
			if !ok {
				continue
			}
			reset := set.key == "arp_validate" && actual.Options["mode"] != cfg.Mode
			if !findOption(set.key).modes.has(cfg.mode()) && !reset {
				t.Fatalf("%s in mode %s", set, cfg.Mode)
			}
			if slices.Contains(keys, set.key) && !reset {
				t.Fatalf("%s set twice", set.key)
			}
			keys = append(keys, set.key)
		}
	})
}
