package spec

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

var byText = cmp.Options{
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

const example = `groups:
- name: web
  interface: bond0
  addresses:
  - 192.168.1.100/24
  - {address: 192.168.1.101/24, interface: bond1, label: "bond1:0"}
  - 2001:DB8:0::7
  - 10.0.0.9
  priorities: {node2: 90, node1: 110}
  preempt: false
  preempt_delay: 90s
  link_weight: 0
  vrrp: {virtual_router_id: 51, auth_pass: "1234", unicast_peers: [192.168.1.2], excluded: ["2001:db8::7"]}
- name: db
  priority: 100
  preempt: true
  addresses: [{address: 10.0.0.7/31, interface: eth0}, {address: "fe80::1/64", interface: eth0}]
`

func TestParse(t *testing.T) {
	got, err := Parse("vips.yaml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	want := Spec{Groups: []state.Group{
		{
			Name: "db", Priority: 100, Preempt: true,
			Addresses: []state.Address{
				{Prefix: netip.MustParsePrefix("10.0.0.7/31"), Interface: "eth0"},
				{Prefix: netip.MustParsePrefix("fe80::1/64"), Interface: "eth0"},
			},
		},
		{
			Name: "web", Interface: "bond0", Priority: 100, PreemptDelay: 90 * time.Second, LinkWeight: new(int),
			Priorities: map[string]int{"node1": 110, "node2": 90},
			VRRP: &state.VRRP{
				RouterID: 51, Version: 2, AdvertInt: time.Second, AuthPass: "1234",
				UnicastPeers: []netip.Addr{netip.MustParseAddr("192.168.1.2")},
				Excluded:     []netip.Addr{netip.MustParseAddr("2001:db8::7")},
			},
			Addresses: []state.Address{
				{Prefix: netip.MustParsePrefix("192.168.1.100/24"), Interface: "bond0"},
				{Prefix: netip.MustParsePrefix("192.168.1.101/24"), Interface: "bond1", Label: "bond1:0"},
				{Prefix: netip.MustParsePrefix("2001:db8::7/128"), Interface: "bond0"},
				{Prefix: netip.MustParsePrefix("10.0.0.9/32"), Interface: "bond0"},
			},
		},
	}}
	if diff := cmp.Diff(want, got, byText); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestParseNoGroups(t *testing.T) {
	got, err := Parse("vips.yaml", []byte("groups: []"))
	if err != nil || got.Groups != nil {
		t.Errorf("Parse = %+v, %v; want no groups", got, err)
	}
}

func TestMarshalIsCanonical(t *testing.T) {
	s, err := Parse("vips.yaml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	const want = `groups:
- name: db
  addresses:
  - {address: 10.0.0.7/31, interface: eth0}
  - {address: 'fe80::1/64', interface: eth0}
- name: web
  interface: bond0
  addresses:
  - 192.168.1.100/24
  - {address: 192.168.1.101/24, interface: bond1, label: 'bond1:0'}
  - 2001:db8::7/128
  - 10.0.0.9/32
  priorities: {node1: 110, node2: 90}
  preempt: false
  preempt_delay: 1m30s
  link_weight: 0
  vrrp: {virtual_router_id: 51, auth_pass: "1234", unicast_peers: [192.168.1.2], excluded: ['2001:db8::7']}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("Marshal (-want +got):\n%s", diff)
	}
}

func TestMarshalNothing(t *testing.T) {
	got, err := Marshal(Spec{})
	if err != nil || string(got) != "groups: []\n" {
		t.Errorf("Marshal = %q, %v", got, err)
	}
}

func TestOfSorts(t *testing.T) {
	view := state.New()
	view.Checks = map[string]*state.Check{"z": {Name: "z"}, "y": {Name: "y"}}
	for _, name := range []string{"c", "a", "b"} {
		view.Groups[name] = &state.Group{Name: name, Priorities: map[string]int{}}
	}
	want := Spec{Groups: []state.Group{{Name: "a"}, {Name: "b"}, {Name: "c"}}, Checks: []state.Check{{Name: "y"}, {Name: "z"}}}
	if diff := cmp.Diff(want, Of(view)); diff != "" {
		t.Errorf("Of (-want +got):\n%s", diff)
	}
}

// specs draws valid specifications.
func specs() *rapid.Generator[Spec] {
	return rapid.Custom(func(t *rapid.T) Spec {
		var s Spec
		next := 0
		s.Checks = drawChecks(t)
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Z0-9][a-zA-Z0-9_.-]{0,9}`), 0, 4, rapid.ID[string]).Draw(t, "names")
		for _, name := range names {
			g := drawGroup(t, name, &next)
			g.Checks = drawUses(t, s.Checks)
			if g.Apart == "" {
				g.Together = rapid.SampledFrom([]string{"", "set-1"}).Draw(t, "together")
			}
			s.Groups = append(s.Groups, g)
		}
		return s.Normal()
	})
}

func drawGroup(t *rapid.T, name string, next *int) state.Group {
	device := rapid.StringMatching(`[!-.0-9;-~]{3,15}`)
	g := state.Group{
		Name:         name,
		Interface:    rapid.OneOf(rapid.Just(""), device).Draw(t, "interface"),
		Priority:     rapid.IntRange(1, 254).Draw(t, "priority"),
		Priorities:   rapid.MapOfN(rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?`), rapid.IntRange(0, 254), 0, 12).Draw(t, "priorities"),
		Preempt:      rapid.Bool().Draw(t, "preempt"),
		PreemptDelay: time.Duration(rapid.Int64Range(0, int64(maxPreemptDelay)).Draw(t, "delay")),
	}
	g.Apart = rapid.SampledFrom([]string{"", "apart-1", "apart-2"}).Draw(t, "apart")
	g.ApartStrict = g.Apart == "apart-2"
	if rapid.Bool().Draw(t, "damping") {
		damping := time.Duration(rapid.Int64Range(0, int64(maxDamping)).Draw(t, "for"))
		g.Damping = &damping
	}
	g.Balance = g.Preempt && rapid.Bool().Draw(t, "balance")
	g.Selector = rapid.MapOfN(rapid.StringMatching(`[a-z]{1,3}`), rapid.StringMatching(`[a-z0-9]{1,3}`), 0, 2).Draw(t, "selector")
	if rapid.Bool().Draw(t, "nodes") {
		g.Nodes = append(slices.Sorted(maps.Keys(g.Priorities)), "beyond-those-drawn")
	}
	if rapid.Bool().Draw(t, "routes") {
		*next++
		g.Routes = []state.Route{
			{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("fe80::1"), Interface: "eth0", Metric: uint32(*next), OnLink: true},
			{To: netip.MustParsePrefix("10.9.0.0/16"), Interface: "eth0", Source: netip.MustParseAddr("10.0.0.1"), Table: uint32(*next), Scope: "host"},
			{To: netip.MustParsePrefix("0.0.0.0/0"), Metric: uint32(*next), TableName: "isp-1", MTU: 1400, MTULock: true, AdvMSS: 1300, HopLimit: 9, InitCwnd: 20, InitRwnd: 30, Hops: []state.Hop{
				{Via: netip.MustParseAddr("10.0.0.1"), Interface: "eth0", Weight: 5, OnLink: true}, {Interface: "eth1"},
			}},
			{To: netip.MustParsePrefix("10.9.0.1/32"), Type: rapid.SampledFrom(refusalTypes).Draw(t, "type"), Metric: uint32(*next)},
		}
		g.Rules = []state.Rule{
			{IPv6: true, Mark: 7, Interface: "eth0", Table: 254, Priority: uint32(*next)},
			{
				Not: true, From: netip.MustParsePrefix("10.0.0.1/32"), Out: "eth0", Mark: 16, Mask: 0xf0, Protocol: rapid.Uint8Range(1, 255).Draw(t, "protocol"), SourcePorts: "5-6",
				Ports: "80", UIDs: "0", TableName: "isp-1", SuppressPrefixLength: "0", Priority: uint32(*next),
			},
			{Goto: 9999, Priority: uint32(*next)},
			{From: netip.MustParsePrefix("10.0.0.1/32"), To: netip.MustParsePrefix("10.9.0.0/16"), Type: "prohibit", Priority: uint32(*next)},
		}
	}
	if rapid.Bool().Draw(t, "notify") {
		g.Notify = &state.Notify{
			Any:     &state.ScriptCheck{Path: "/bin/any"},
			Stop:    &state.ScriptCheck{Path: "/bin/stop", Args: rapid.SliceOfN(rapid.StringMatching(`[ -~]{0,5}`), 1, 3).Draw(t, "args")},
			Timeout: time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(maxNotifyTimeout)).Draw(t, "timeout")),
		}
	}
	count := rapid.IntRange(1, 4).Draw(t, "addresses")
	if g.Interface != "" && rapid.Bool().Draw(t, "vrrp") {
		*next++
		g.OnQuorumLoss = rapid.SampledFrom([]state.QuorumLoss{state.Release, state.FallBack}).Draw(t, "on_quorum_loss")
		g.VRRP = drawVRRP(t, *next) // with virtual_mac there are no labels, and here are none
		g.Addresses = append(g.Addresses, state.Address{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.0.%d.1/24", *next)), Interface: g.Interface})
		count = 0
	}
	if g.VRRP == nil && rapid.Bool().Draw(t, "options") {
		*next++
		four, six := netip.AddrFrom4([4]byte{172, 16, byte(*next), 1}), netip.AddrFrom16([16]byte{0xfd, 15: byte(*next)})
		g.Addresses = append(g.Addresses,
			state.Address{Prefix: netip.PrefixFrom(four, 24), Interface: "eth0", Peer: four.Next(), Broadcast: lastOf(netip.PrefixFrom(four, 24)), Scope: rapid.SampledFrom([]string{"", "link", "77"}).Draw(t, "scope"), PreferredLft: "0"},
			state.Address{Prefix: netip.PrefixFrom(six, 64), Interface: "eth0", NoPrefixRoute: true, PreferredLft: "forever"})
	}
	for range count {
		*next++
		a := state.Address{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.0.%d.1/%d", *next, rapid.IntRange(17, 32).Draw(t, "bits"))), Interface: g.Interface}
		if a.Interface == "" || rapid.Bool().Draw(t, "own interface") {
			a.Interface = device.Draw(t, "address interface")
		}
		if rapid.Bool().Draw(t, "IPv6") {
			a.Prefix = netip.MustParsePrefix(fmt.Sprintf("2001:db8::%d/64", *next))
		} else if rapid.Bool().Draw(t, "label") {
			a.Label = a.Interface
		}
		g.Addresses = append(g.Addresses, a)
	}
	return g
}

func drawVRRP(t *rapid.T, next int) *state.VRRP {
	v := &state.VRRP{
		RouterID:  uint8(next),
		Version:   uint8(rapid.IntRange(2, 3).Draw(t, "version")),
		AdvertInt: time.Duration(rapid.IntRange(1, 40).Draw(t, "advert_int")) * time.Second,
		Priority:  rapid.IntRange(0, 255).Draw(t, "vrrp priority"),
	}
	if v.Version == 2 {
		v.AuthPass = rapid.StringMatching(`[ -~]{0,8}`).Draw(t, "auth_pass")
	} else {
		v.ChecksumAsV2 = rapid.Bool().Draw(t, "checksum")
	}
	v.VirtualMAC = rapid.Bool().Draw(t, "virtual MAC")
	if rapid.Bool().Draw(t, "unicast") {
		v.UnicastPeers = []netip.Addr{netip.MustParseAddr("10.0.0.7")}
	}
	return v
}

func TestParseReadsWhatMarshalWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := specs().Draw(t, "spec")
		data, err := Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse("f", data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if diff := cmp.Diff(want, got, byText); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, data)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("groups: [&a {name: x, addresses: [*a]}, *a]\n"))
	f.Add([]byte("groups:\n- name: !!binary aGk=\n  <<: {}\n\t? [a]: b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse("f", data)
		if err != nil {
			var problems conf.Errors
			if !errors.As(err, &problems) || len(strings.Split(err.Error(), "\n")) != len(problems) {
				t.Fatalf("%d problems in other lines:\n%s", len(problems), err)
			}
			return
		}
		again, err := Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse("f", again); err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
	})
}
