package cluster

import (
	"net/netip"
	"strings"
	"testing"

	"vipd/cluster/state"
	"vipd/vip"
)

// A name is this host's number; a group with one that has none here cannot be had by this node, and the reason says so.
func TestTablesByName(t *testing.T) {
	names := tables{read: func() map[string]uint32 { return map[string]uint32{"isp": 100, "own": 255} }}
	zero := uint32(0)
	got, err := names.rule(state.Rule{TableName: "isp", UIDs: "0", Ports: "80-90", SuppressPrefixLength: "0", Priority: 5})
	check(t, err)
	diff(t, "rule", vip.Rule{Table: 100, UIDs: &vip.Span{}, Ports: &vip.Span{First: 80, Last: 90}, SuppressPrefix: &zero, Priority: 5}, got)
	to := netip.MustParsePrefix("10.9.0.0/16")
	route, err := names.route(state.Route{To: to, TableName: "isp", Hops: []state.Hop{{Interface: "eth0", Weight: 3}, {Interface: "eth1"}}})
	check(t, err)
	diff(t, "route", vip.Route{To: to, Table: 100, Hops: []vip.Hop{{Interface: "eth0", Weight: 3}, {Interface: "eth1"}}}, route)

	for name, want := range map[string]string{"isp": "", "": "", "vpn": "no table is called vpn here", "own": "the kernel's own"} {
		for _, g := range []state.Group{
			{Routes: []state.Route{{To: to, TableName: name}}}, {Rules: []state.Rule{{TableName: name}}},
		} {
			if got := names.unknown(&g); !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("table %q: %q, want %q", name, got, want)
			}
		}
	}
}
