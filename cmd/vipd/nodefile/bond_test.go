package nodefile

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/bond"
)

func ptr[T any](v T) *T { return &v }

func TestBond(t *testing.T) {
	f, err := Parse("f", []byte(`
bonds:
- name: bond0
  mode: active-backup
  members: [eth0, {name: eth1, prio: -3}]
  miimon: 100ms
  up_delay: 1s
  down_delay: 200
  addresses: [192.168.1.10/24]
  gateway: 192.168.1.1
  manage: true
- name: bond1
  mode: 802.3ad
  members: [eth2]
  lacp_rate: fast
- name: bond2
  mode: balance-tlb
  members: [eth3]
  lp_interval: 1m
- name: bond3
  members: [eth4]
  arp_interval: 200ms
  arp_ip_targets: [192.168.1.1, 192.168.1.2]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []bond.Config{
		{
			Name: "bond0", Mode: "active-backup", Members: []bond.Member{{Name: "eth0"}, {Name: "eth1", Prio: ptr(-3)}},
			MIIMon: ptr(100), UpDelay: ptr(1000), DownDelay: ptr(200), Manage: true,
			Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.1.10/24")}, Gateway: netip.MustParseAddr("192.168.1.1"),
		},
		{Name: "bond1", Mode: "802.3ad", Members: []bond.Member{{Name: "eth2"}}, LACPRate: "fast"},
		{Name: "bond2", Mode: "balance-tlb", Members: []bond.Member{{Name: "eth3"}}, LPInterval: ptr(60)},
		{
			Name: "bond3", Members: []bond.Member{{Name: "eth4"}}, ARPInterval: ptr(200),
			ARPTargets: []netip.Addr{netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.1.2")},
		},
	}
	if diff := cmp.Diff(want, f.BondConfigs(), byText, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("bonds (-want +got):\n%s", diff)
	}
}

// A host whose default route will be over a bond of the file has an address to listen at before the bond is built.
func TestListensOnAPlannedBond(t *testing.T) {
	f, err := Parse("f", []byte("bonds:\n- name: bond0\n  members: [eth0]\n  addresses: [10.0.0.7/24, 192.168.1.10/24]\n  gateway: 192.168.1.1\n"))
	if err != nil {
		t.Fatal(err)
	}
	name := func() (string, error) { return "n1", nil }
	got, err := resolve(f, name, func() (netip.Addr, error) { return netip.Addr{}, errNoDefaultRoute })
	if err != nil || got.Listen.String() != "192.168.1.10" {
		t.Errorf("listens at %s, %v", got.Listen, err)
	}
	f.Bonds = nil
	if _, err := resolve(f, name, func() (netip.Addr, error) { return netip.Addr{}, errNoDefaultRoute }); err == nil {
		t.Error("no bond, no route, and no complaint")
	}
}

// Whatever a bond can be told, the node file can say, and it arrives.
func TestBondHasEveryKey(t *testing.T) {
	written := reflect.TypeFor[Bond]()
	meant := reflect.TypeFor[bond.Config]()
	for i := range meant.NumField() {
		field := meant.Field(i)
		f, ok := written.FieldByName(field.Name)
		if !ok || f.Tag.Get("yaml") != field.Tag.Get("yaml") {
			t.Errorf("the node file has no %s", field.Tag.Get("yaml"))
			continue
		}
		b := reflect.New(written).Elem()
		fill(b.FieldByName(field.Name))
		got := reflect.ValueOf(b.Interface().(Bond).Config())
		if got.Field(i).IsZero() {
			t.Errorf("%s is lost", field.Tag.Get("yaml"))
		}
	}
}

// fill makes a value another than its zero.
func fill(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.Type() == reflect.TypeFor[Address]():
		v.Set(reflect.ValueOf(Address{netip.IPv6Unspecified()}))
	}
}

func TestBondRefused(t *testing.T) {
	const head = "bonds:\n- name: bond0\n  members: [eth0, eth1]\n  "
	tests := []struct{ name, in, want string }{
		{"no name", "bonds:\n- members: [eth0]", "f:2: bonds[0].name: the name is missing: use 1 to 15 characters without slash, colon and space, such as bond0"},
		{"unknown key", head + "mimon: 100ms", "f:4: bonds[0].mimon: unknown key: did you mean `miimon`? known keys: name, mode, members, manage, addresses, gateway, gateway6, mtu, miimon, use_carrier, up_delay, down_delay, " +
			"arp_interval, arp_ip_targets, arp_validate, arp_all_targets, arp_missed_max, primary, primary_reselect, fail_over_mac, num_grat_arp, peer_notif_delay, resend_igmp, " +
			"min_links, xmit_hash_policy, all_slaves_active, packets_per_slave, lacp_rate, lacp_active, ad_select, ad_actor_sys_prio, ad_user_port_key, tlb_dynamic_lb, lp_interval"},
		{"unknown mode", head + "mode: lacp", "f:4: bonds[0].mode: \"lacp\" is no bonding mode: use one of balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb"},
		{"mode that cannot be read says nothing of its options", head + "mode: 4\n  lacp_rate: fast", "f:4: bonds[0].mode: `4` is not text: put it in quotes: \"4\""},
		{"option of another mode", head + "mode: active-backup\n  lacp_rate: fast", "f:5: bonds[0].lacp_rate: mode active-backup does not take it: remove it, or use mode 802.3ad"},
		{"duration", head + "miimon: often", "f:4: bonds[0].miimon: \"often\" is not a duration: write it as 100ms, 2s, or 100 for milliseconds"},
		{"too fine", head + "miimon: 1500us", "f:4: bonds[0].miimon: 1500us is no multiple of 1ms: write it as 100ms, 2s, or 100 for milliseconds"},
		{"no monitoring", head + "miimon: 0", "f:4: bonds[0].miimon: 0 turns monitoring off: a dead member would go on being used: use 100, or remove it"},
		{"delay", head + "miimon: 100ms\n  up_delay: 250ms", "f:5: bonds[0].up_delay: 250 is not a multiple of miimon (100): use 200 or 300"},
		{"address", head + "addresses: [192.168.1.10]", "f:4: bonds[0].addresses[0]: \"192.168.1.10\" is not an address with a prefix length: write it as 192.168.1.10/24 or 2001:db8::10/64"},
		{"gateway elsewhere", head + "addresses: [192.168.1.10/24]\n  gateway: 10.0.0.1", "f:5: bonds[0].gateway: 10.0.0.1 cannot be reached from the bond's addresses: use a gateway within one of the addresses' networks"},
		{"primary", head + "primary: eth7", "f:4: bonds[0].primary: eth7 is not a member: name one of the members"},
		{"key of a member", "bonds:\n- name: bond0\n  members: [{name: eth0, priority: 3}]", "f:3: bonds[0].members[0].priority: unknown key: known keys: name, prio"},
		{"member of two", head + "mode: 802.3ad\n- name: bond1\n  members: [eth1]", "f:6: bonds[1].members: eth1 is a member of bond0 already: leave it in one of them"},
		{"name twice", head + "mode: 802.3ad\n- name: bond0\n  members: [eth2]", "f:5: bonds[1].name: two bonds are called bond0: give each bond a name of its own"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.in))
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}
