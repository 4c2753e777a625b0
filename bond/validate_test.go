package bond

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// parse reads a bond as the node file writes it, and refuses unknown keys.
func parse(t *testing.T, text string) Config {
	t.Helper()
	var c Config
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
	return c
}

func TestValidate(t *testing.T) {
	const members = "members: [eth0, eth1]"
	for _, tt := range []struct {
		text string // after "name: bond0" and the members, one key per ;
		want string // problems, one per line; empty if it is fine
	}{
		// Accepted.
		{"", ""},
		{"mode: balance-rr; packets_per_slave: 4; resend_igmp: 2", ""},
		{"mode: active-backup; primary: eth1; primary_reselect: better; fail_over_mac: follow; num_grat_arp: 3; peer_notif_delay: 200", ""},
		{"mode: balance-xor; xmit_hash_policy: layer3+4; arp_interval: 500; arp_ip_targets: [192.0.2.1]", ""},
		{"mode: broadcast; miimon: 50; up_delay: 100; down_delay: 50; use_carrier: true", ""},
		{"mode: 802.3ad; lacp_rate: fast; lacp_active: false; ad_select: count; ad_actor_sys_prio: 1; ad_user_port_key: 1023; min_links: 2; xmit_hash_policy: vlan+srcmac", ""},
		{"mode: balance-tlb; tlb_dynamic_lb: false; xmit_hash_policy: layer2; lp_interval: 5", ""},
		{"mode: balance-alb; primary: eth0; all_slaves_active: true", ""},
		{"arp_interval: 200; arp_ip_targets: [192.0.2.1, 192.0.2.2]; arp_validate: all; arp_all_targets: all; arp_missed_max: 3", ""},
		{"addresses: [192.0.2.10/24, '2001:db8::10/64']; gateway: 192.0.2.1; gateway6: 'fe80::1'; mtu: 9000", ""},
		{"addresses: [192.0.2.10/31, 192.0.2.13/32]", ""},
		{"miimon: 0; arp_interval: 100; arp_ip_targets: [192.0.2.1]", ""},

		// Values.
		{"mode: active", `mode: "active" is no bonding mode; use one of balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb`},
		{"mode: 802.3ad; lacp_rate: quick", `lacp_rate: "quick" is not a value of it; use one of slow, fast`},
		{"fail_over_mac: maybe", `fail_over_mac: "maybe" is not a value of it; use one of none, active, follow`},
		{"num_grat_arp: 256", "num_grat_arp: 256 is out of range; use 0 to 255"},
		{"miimon: -1", "miimon: -1 is out of range; use 0 to 2147483647"},
		{"mode: 802.3ad; ad_user_port_key: 1024", "ad_user_port_key: 1024 is out of range; use 0 to 1023"},
		{"mode: 802.3ad; ad_actor_sys_prio: 0", "ad_actor_sys_prio: 0 is out of range; use 1 to 65535"},
		{"peer_notif_delay: 300100", "peer_notif_delay: 300100 is out of range; use 0 to 300000"},
		{"min_links: 3", "min_links: 3 links can never work: there are 2 members; use at most 2"},
		{"mtu: 60", "mtu: 60 is out of range; use 68 to 65535, usually 1500 or 9000"},

		// Options of other modes.
		{"lacp_rate: fast", "lacp_rate: mode active-backup does not take it; remove it, or use mode 802.3ad"},
		{"lacp_active: true", "lacp_active: mode active-backup does not take it; remove it, or use mode 802.3ad"},
		{"ad_select: stable", "ad_select: mode active-backup does not take it; remove it, or use mode 802.3ad"},
		{"mode: balance-xor; ad_actor_sys_prio: 5", "ad_actor_sys_prio: mode balance-xor does not take it; remove it, or use mode 802.3ad"},
		{"mode: balance-rr; ad_user_port_key: 5", "ad_user_port_key: mode balance-rr does not take it; remove it, or use mode 802.3ad"},
		{"mode: 802.3ad; primary: eth0", "primary: mode 802.3ad does not take it; remove it, or use mode active-backup, balance-tlb or balance-alb"},
		{"mode: balance-rr; primary_reselect: always", "primary_reselect: mode balance-rr does not take it; remove it, or use mode active-backup, balance-tlb or balance-alb"},
		{"mode: broadcast; xmit_hash_policy: layer2", "xmit_hash_policy: mode broadcast does not take it; remove it, or use mode balance-xor, 802.3ad or balance-tlb"},
		{"mode: balance-alb; fail_over_mac: active", "fail_over_mac: mode balance-alb does not take it; remove it, or use mode active-backup"},
		{"packets_per_slave: 2", "packets_per_slave: mode active-backup does not take it; remove it, or use mode balance-rr"},
		{"tlb_dynamic_lb: true", "tlb_dynamic_lb: mode active-backup does not take it; remove it, or use mode balance-tlb or balance-alb"},
		{"lp_interval: 2", "lp_interval: mode active-backup does not take it; remove it, or use mode balance-tlb or balance-alb"},
		{"mode: balance-xor; resend_igmp: 1", "resend_igmp: mode balance-xor does not take it; remove it, or use mode balance-rr, active-backup, balance-tlb or balance-alb"},
		{"mode: balance-rr; num_grat_arp: 1", "num_grat_arp: mode balance-rr does not take it; remove it, or use mode active-backup, 802.3ad, balance-tlb or balance-alb"},
		{"mode: broadcast; all_slaves_active: true", "all_slaves_active: mode broadcast does not take it; remove it, or use mode active-backup, 802.3ad, balance-tlb or balance-alb"},
		{"mode: balance-rr; arp_interval: 100; arp_ip_targets: [192.0.2.1]; arp_validate: all; arp_all_targets: any",
			"arp_all_targets: mode balance-rr does not take it; remove it, or use mode active-backup"},
		{"mode: 802.3ad; arp_interval: 100; arp_ip_targets: [192.0.2.1]",
			"arp_ip_targets: mode 802.3ad does not take it; remove it, or use mode balance-rr, active-backup, balance-xor or broadcast\n" +
				"arp_interval: mode 802.3ad does not take it; remove it, or use mode balance-rr, active-backup, balance-xor or broadcast"},
		{"mode: balance-tlb; arp_validate: all", "arp_validate: mode balance-tlb does not take it; remove it, or use mode balance-rr, active-backup, balance-xor or broadcast"},
		{"mode: balance-alb; arp_missed_max: 3", "arp_missed_max: mode balance-alb does not take it; remove it, or use mode balance-rr, active-backup, balance-xor or broadcast"},

		// Monitoring.
		{"miimon: 100; arp_interval: 100; arp_ip_targets: [192.0.2.1]", "miimon: the kernel monitors by miimon or by arp_interval, not by both; use miimon or arp_interval"},
		{"miimon: 0", "miimon: 0 turns monitoring off: a dead member would go on being used; use 100, or remove it"},
		{"miimon: 100; up_delay: 250", "up_delay: 250 is not a multiple of miimon (100); use 200 or 300"},
		{"down_delay: 150", "down_delay: 150 is not a multiple of miimon (100); use 100 or 200"},
		{"miimon: 30; peer_notif_delay: 100", "peer_notif_delay: 100 is not a multiple of miimon (30); use 90 or 120"},
		{"arp_interval: 100", "arp_interval: there is nobody to ask: arp_ip_targets is missing; state arp_ip_targets, such as the gateway"},
		{"arp_ip_targets: [192.0.2.1]", "arp_ip_targets: it belongs to arp_interval, which is not stated; state arp_interval, or remove it"},
		{"arp_validate: all", "arp_validate: it belongs to arp_interval, which is not stated; state arp_interval, or remove it"},
		{"arp_interval: 100; arp_ip_targets: [192.0.2.1]; up_delay: 100", "up_delay: it belongs to miimon, and arp_interval is stated; remove it, or use miimon"},
		{"arp_interval: 100; arp_ip_targets: [192.0.2.1]; use_carrier: false", "use_carrier: it belongs to miimon, and arp_interval is stated; remove it, or use miimon"},
		{"arp_interval: 100; arp_ip_targets: ['2001:db8::1']", "arp_ip_targets: 2001:db8::1 is not an IPv4 address; use IPv4 addresses"},
		{"arp_interval: 100; arp_ip_targets: [0.0.0.0]", "arp_ip_targets: 0.0.0.0 never answers; use the address of a host on the segment"},
		{"arp_interval: 100; arp_ip_targets: [192.0.2.1, 192.0.2.1]", "arp_ip_targets: 192.0.2.1 is listed twice; list it once"},
		{"arp_interval: 100; arp_ip_targets: [192.0.2.9]; addresses: [192.0.2.9/24]", "arp_ip_targets: 192.0.2.9 is the bond's own address; use the address of another host"},
		{"arp_interval: 100; arp_ip_targets: [192.0.2.1]; arp_all_targets: all", "arp_all_targets: it has no effect without arp_validate; state arp_validate, or remove it"},

		// Primary and balance.
		{"primary: eth7", "primary: eth7 is not a member; name one of the members"},
		{"primary_reselect: better", "primary_reselect: there is no primary; state primary, or remove it"},
		{"mode: balance-tlb; xmit_hash_policy: layer2", "xmit_hash_policy: balance-tlb uses it only without tlb_dynamic_lb; set tlb_dynamic_lb to false, or remove it"},

		// Addresses.
		{"addresses: [192.0.2.0/24]", "addresses: 192.0.2.0/24 is the network or its broadcast address; use the address of this host"},
		{"addresses: [192.0.2.127/25]", "addresses: 192.0.2.127/25 is the network or its broadcast address; use the address of this host"},
		{"addresses: [224.0.0.5/24]", "addresses: 224.0.0.5/24 is not an address of a host; use the address of this host"},
		{"addresses: [192.0.2.5/24, 192.0.2.5/25]", "addresses: 192.0.2.5 is listed twice; list it once"},
		{"addresses: ['2001:db8::1/64']; mtu: 1000", "mtu: 1000 is too small for IPv6; use at least 1280"},
		{"addresses: [192.0.2.5/24]; gateway: 198.51.100.1", "gateway: 198.51.100.1 cannot be reached from the bond's addresses; use a gateway within one of the addresses' networks"},
		{"addresses: [192.0.2.5/24]; gateway: 192.0.2.5", "gateway: 192.0.2.5 is the bond's own address; use the address of the router"},
		{"gateway: '2001:db8::1'", "gateway: 2001:db8::1 is not an IPv4 address; use the key of its family"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			c := parse(t, "name: bond0\n"+members+"\n"+strings.ReplaceAll(tt.text, "; ", "\n"))
			if diff := cmp.Diff(tt.want, lines(c.Validate())); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateNamesAndMembers(t *testing.T) {
	const anyName = "; use 1 to 15 characters without slash, colon and space, such as bond0"
	for text, want := range map[string]string{
		"name: bond0":     "", // watched only
		"members: [eth0]": "name: the name is missing" + anyName,
		"{name: bond0123456789012, members: [eth0]}":            `name: the name "bond0123456789012" has 17 characters` + anyName,
		"{name: bond/0, members: [eth0]}":                       `name: the name "bond/0" contains a slash, a colon or a space` + anyName,
		"{name: 'bond 0', members: [eth0]}":                     `name: the name "bond 0" contains a slash, a colon or a space` + anyName,
		"{name: bonding_masters, members: [eth0]}":              "name: bonding_masters means something else to the kernel; use another one, such as bond0",
		"{name: .., members: [eth0]}":                           `name: the name ".." means a directory` + anyName,
		"{name: bond0, manage: true}":                           "members: none are listed, and manage is true; list the interfaces of the bond",
		"{name: bond0, members: [bond0]}":                       "members: bond0 is the bond itself; remove it",
		"{name: bond0, members: [eth0, eth0]}":                  "members: eth0 is listed twice; list it once",
		"{name: bond0, members: [lo]}":                          "members: the loopback interface cannot be a member; remove it",
		"{name: bond0, members: ['eth 0']}":                     `members: the name "eth 0" contains a slash, a colon or a space; use names as ip link shows them`,
		"{name: bond0, members: [{name: eth0, prio: 5}, eth1]}": "",
		"{name: bond0, mode: balance-rr, members: [{name: eth0, prio: 5}]}": "members: prio of eth0: mode balance-rr does not take it; " +
			"remove it, or use mode active-backup, balance-tlb or balance-alb",
		"{name: bond0, primary: eth1, members: [{name: eth0, prio: 5}, eth1]}": "primary: the members have prio too, which primary overrules; use one of the two",
	} {
		t.Run(text, func(t *testing.T) {
			if diff := cmp.Diff(want, lines(parse(t, text).Validate())); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateAll(t *testing.T) {
	bonds := []Config{
		parse(t, "{name: bond0, members: [eth0, eth1]}"),
		parse(t, "{name: bond1, members: [eth1, eth2]}"),
		parse(t, "{name: bond1, members: [bond0], mode: balance-rr, primary: bond0}"),
	}
	want := []Problem{
		{2, "primary", "mode balance-rr does not take it", "remove it, or use mode active-backup, balance-tlb or balance-alb"},
		{2, "name", "two bonds are called bond1", "give each bond a name of its own"},
		{1, "members", "eth1 is a member of bond0 already", "leave it in one of them"},
		{2, "members", "bond0 is a bond itself", "list the interfaces below it instead"},
	}
	if diff := cmp.Diff(want, ValidateAll(bonds)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestMemberUnknownKey(t *testing.T) {
	var c Config
	err := yaml.Unmarshal([]byte("{name: bond0, members: [{name: eth0, priority: 5}]}"), &c)
	if err == nil || !strings.Contains(err.Error(), "line 1: a member has name and prio, not priority") {
		t.Errorf("error %v", err)
	}
}

// Monitoring is never off, whatever the file leaves out.
func TestWantedMonitoring(t *testing.T) {
	for name, tt := range map[string]struct{ text, miimon, arpInterval string }{
		"nothing stated": {"{name: b, members: [e]}", "100", "0"},
		"miimon":         {"{name: b, members: [e], miimon: 20}", "20", "0"},
		"arp":            {"{name: b, members: [e], arp_interval: 500, arp_ip_targets: [192.0.2.1]}", "0", "500"},
	} {
		t.Run(name, func(t *testing.T) {
			w := parse(t, tt.text).wanted()
			if w["miimon"] != tt.miimon || w["arp_interval"] != tt.arpInterval {
				t.Errorf("miimon %s, arp_interval %s; want %s, %s", w["miimon"], w["arp_interval"], tt.miimon, tt.arpInterval)
			}
		})
	}
}

func TestBroadcast(t *testing.T) {
	for prefix, want := range map[string]string{"192.0.2.5/24": "192.0.2.255", "10.1.2.3/9": "10.127.255.255", "192.0.2.5/30": "192.0.2.7"} {
		if got := broadcast(netip.MustParsePrefix(prefix)).String(); got != want {
			t.Errorf("broadcast of %s is %s, want %s", prefix, got, want)
		}
	}
}

func lines(problems []Problem) string {
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.String()
	}
	return strings.Join(texts, "\n")
}
