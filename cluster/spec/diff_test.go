package spec

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustParse(t *testing.T, text string) Spec {
	t.Helper()
	s, err := Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCompare(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"equal", groupWith("addresses: [10.0.0.1/24]"), groupWith("addresses:\n- {address: 10.0.0.1/24, interface: eth0}\npriority: 100"), ""},
		{"added and removed",
			"groups: [{name: b, interface: e, addresses: [10.0.0.1]}, {name: d, interface: e, addresses: [10.0.0.4]}]",
			"groups: [{name: c, interface: e, addresses: [10.0.0.1, 10.0.0.2]}, {name: a, interface: e, addresses: [10.0.0.3]}, {name: d, interface: e, addresses: [10.0.0.4]}]",
			"+ group a (1 address)\n- group b (1 address)\n+ group c (2 addresses)\n"},
		{"the first group", "groups: []", groupWith("addresses: [10.0.0.1/24]"), "+ group web (1 address)\n"},
		{"addresses", groupWith("addresses: [10.0.0.1/24, 10.0.0.2/24]"), groupWith("addresses: [10.0.0.7/24, 10.0.0.2/24]"), "~ group web: + 10.0.0.7/24, - 10.0.0.1/24\n"},
		{"another prefix", groupWith("addresses: [10.0.0.1/24]"), groupWith("addresses: [10.0.0.1/25]"), "~ group web: + 10.0.0.1/25, - 10.0.0.1/24\n"},
		{"order", groupWith("addresses: [10.0.0.1, 10.0.0.2]"), groupWith("addresses: [10.0.0.2, 10.0.0.1]"), "~ group web: addresses in another order\n"},
		{"interface of all", groupWith("addresses: [10.0.0.1, 10.0.0.2]"), "groups: [{name: web, interface: eth1, addresses: [10.0.0.1, 10.0.0.2]}]", "~ group web: interface eth0 → eth1\n"},
		{"interface of one", groupWith("addresses: [10.0.0.1, 10.0.0.2]"), groupWith("addresses: [10.0.0.1, {address: 10.0.0.2, interface: eth1}]"), "~ group web: 10.0.0.2/32 interface eth0 → eth1\n"},
		{"options", groupWith("addresses: [10.0.0.1/24]"), groupWith("addresses: [{address: 10.0.0.1/24, broadcast: +, scope: 200, preferred_lft: 0, peer: 10.0.0.2, noprefixroute: true}]"), "~ group web: 10.0.0.1/24 options none → peer 10.0.0.2 broadcast 10.0.0.255 scope 200 noprefixroute preferred_lft 0\n"},
		{"options that are the defaults", groupWith("addresses: [10.0.0.1/24, 'fd00::1/64']"), groupWith("addresses: [{address: 10.0.0.1/24, scope: global, preferred_lft: forever}, {address: 'fd00::1/64', preferred_lft: 0, noprefixroute: false}]"), ""},
		{"label", groupWith("addresses: [10.0.0.1]"), groupWith("addresses: [{address: 10.0.0.1, label: 'eth0:1'}]"), "~ group web: 10.0.0.1/32 label none → eth0:1\n"},
		{"priorities", groupWith("addresses: [10.0.0.1]\npriorities: {n1: 5, n2: 6}"), groupWith("addresses: [10.0.0.1]\npriority: 120\npriorities: {n2: 0, n3: 9}"),
			"~ group web: priority 100 → 120, priority on n1 5 → unset, priority on n2 6 → 0, priority on n3 unset → 9\n"},
		{"on_quorum_loss", groupWith("addresses: [10.0.0.1]\non_quorum_loss: release\nvrrp: {virtual_router_id: 51}"), groupWith("addresses: [10.0.0.1]\non_quorum_loss: vrrp\nvrrp: {virtual_router_id: 51}"), "~ group web: on_quorum_loss release → vrrp\n"},
		{"vrrp begins", groupWith("addresses: [10.0.0.1]"), groupWith("addresses: [10.0.0.1]\nvrrp: {virtual_router_id: 51}"), "~ group web: + vrrp (virtual_router_id 51)\n"},
		{"vrrp ends", groupWith("addresses: [10.0.0.1]\nvrrp: {virtual_router_id: 51}"), groupWith("addresses: [10.0.0.1]"), "~ group web: - vrrp (virtual_router_id 51)\n"},
		{"vrrp", groupWith("addresses: [10.0.0.1]\nvrrp: {virtual_router_id: 51, auth_pass: old, priority: 7}"),
			groupWith("addresses: [10.0.0.1]\nvrrp: {virtual_router_id: 52, auth_pass: new, advert_int: 2s, unicast_peers: [10.0.0.7], virtual_mac: true}"),
			"~ group web: virtual_router_id 51 → 52, advert_int 1s → 2s, vrrp priority 7 → unset, unicast_peers [] → [10.0.0.7], virtual_mac false → true, another auth_pass\n"},
		{"weight of a link", groupWith("addresses: [10.0.0.1]"), groupWith("addresses: [10.0.0.1]\nlink_weight: 0"), "~ group web: link_weight unset → 0\n"},
		{"weight of a link, stated", groupWith("addresses: [10.0.0.1]"), groupWith("addresses: [10.0.0.1]\nlink_weight: 10"), "~ group web: link_weight unset → 10\n"},
		{"together", groupWith("addresses: [10.0.0.1]"), groupWith("addresses: [10.0.0.1]\ntogether: front"), "~ group web: together none → front\n"},
		{"where it may be", groupWith("addresses: [10.0.0.1]\napart: s\nselector: {rack: a}"), groupWith("addresses: [10.0.0.1]\napart: {set: s, strict: true}\nnodes: [n2, n1]\nbalance: true\ndamping: 0s"),
			"~ group web: apart s → s (strict), nodes any → [n1, n2], selector [rack: a] → any, balance false → true, damping unset → 0s\n"},
		{"routes", groupWith("addresses: [10.0.0.1]\nroutes: [default via 10.0.0.2, blackhole 10.9.0.0/16]"), groupWith("addresses: [10.0.0.1]\nroutes: [0.0.0.0/0 via 10.0.0.2, 10.9.0.0/16 dev eth0 src 10.0.0.1]\nrules: [from 10.0.0.1 lookup 100 pref 5]"),
			"~ group web: + route 10.9.0.0/16 dev eth0 src 10.0.0.1, - route blackhole 10.9.0.0/16, + rule from 10.0.0.1 table 100 priority 5\n"},
		{"notify begins", groupWith("addresses: [10.0.0.1]"), groupWith("addresses: [10.0.0.1]\nnotify: {any: /bin/n}"), "~ group web: + notify\n"},
		{"notify", groupWith("addresses: [10.0.0.1]\nnotify: {any: /bin/n}"), groupWith("addresses: [10.0.0.1]\nnotify: {master: {path: /bin/n, args: [up]}, timeout: 5s}"),
			"~ group web: notify.master none → /bin/n [\"up\"], notify.any /bin/n → none, notify.timeout 30s → 5s\n"},
		{"preemption", groupWith("addresses: [10.0.0.1]"), groupWith("addresses: [10.0.0.1]\npreempt: false\npreempt_delay: 60s"), "~ group web: preempt true → false, preempt_delay 0s → 1m\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := Compare(mustParse(t, tt.old), mustParse(t, tt.new))
			if diff := cmp.Diff(tt.want, d.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if d.Changed != (tt.want != "") {
				t.Errorf("Changed = %v", d.Changed)
			}
		})
	}
}

func TestDiffJSON(t *testing.T) {
	d := Compare(
		mustParse(t, "groups: [{name: web, interface: e, addresses: [10.0.0.1]}, {name: old, interface: e, addresses: [10.0.0.2]}]"),
		mustParse(t, "groups: [{name: web, interface: e, addresses: [10.0.0.1], priority: 7}, {name: new, interface: e, addresses: [10.0.0.2]}]"))
	got, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"changed":true,"groups":[{"name":"new","action":"add","addresses":1},{"name":"old","action":"remove","addresses":1},` +
		`{"name":"web","action":"change","addresses":1,"changes":["priority 100 → 7"]}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A difference is empty exactly when the specifications are equal.
func TestCompareSeesEveryDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := specs().Draw(t, "old")
		new := old.Normal()
		if rapid.Bool().Draw(t, "redraw a group") && len(old.Groups) > 0 {
			i := rapid.IntRange(0, len(old.Groups)-1).Draw(t, "index")
			next := i * 10
			new.Groups[i] = drawGroup(t, old.Groups[i].Name, &next)
			new = new.Normal()
		}
		d := Compare(old, new)
		if equal := cmp.Equal(old, new, byText); d.Changed == equal || (d.String() == "") != equal {
			t.Fatalf("equal: %v, changed: %v\n%s", equal, d.Changed, d)
		}
	})
}
