package bond

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// everyMode has, for each mode, all options that the mode takes at values other
// than the kernel's defaults.
var everyMode = map[string]string{
	"balance-rr":    "packets_per_slave: 3, resend_igmp: 2, min_links: 1, miimon: 50, up_delay: 100, down_delay: 50, use_carrier: false",
	"active-backup": "primary: eth1, primary_reselect: failure, fail_over_mac: active, num_grat_arp: 4, peer_notif_delay: 200, all_slaves_active: true, resend_igmp: 3, miimon: 100",
	"balance-xor":   "xmit_hash_policy: layer3+4, arp_interval: 200, arp_ip_targets: [10.0.0.1, 10.0.0.2], arp_validate: filter, arp_missed_max: 4",
	"broadcast":     "miimon: 40, down_delay: 80",
	"802.3ad": "lacp_rate: fast, lacp_active: false, ad_select: bandwidth, ad_actor_sys_prio: 100, ad_user_port_key: 7, min_links: 1, " +
		"xmit_hash_policy: layer2+3, all_slaves_active: true, num_grat_arp: 2",
	"balance-tlb": "tlb_dynamic_lb: false, xmit_hash_policy: vlan+srcmac, lp_interval: 3, primary: eth0, resend_igmp: 0",
	"balance-alb": "lp_interval: 9, primary: eth1, primary_reselect: better",
}

// Each mode is built with every option it takes, read back, and turned into each
// other mode in place.
func TestKernelEveryMode(t *testing.T) {
	for _, first := range modeNames {
		t.Run(first, func(t *testing.T) {
			h, peer := newHost(t, "host"), newHost(t, "switch")
			h.cable("eth0", peer, "p0")
			h.cable("eth1", peer, "p1")
			peer.up("p0", "p1")
			for i := range modeNames {
				mode := modeNames[(slices.Index(modeNames, first)+i)%len(modeNames)]
				text := "{name: bond0, mode: " + mode + ", members: [eth0, eth1], mtu: 1400, addresses: [10.0.0.9/24], gateway: 10.0.0.1, " + everyMode[mode] + "}"
				cfg := parse(t, text)
				h.mustApply(cfg)
				got := h.observe("bond0")
				stated := cfg.stated()
				for key := range stated {
					if got.Options[key] != stated[key] {
						t.Errorf("%s: %s is %s, want %s", mode, key, got.Options[key], stated[key])
					}
				}
				want := "members [eth0 eth1] up true addresses [10.0.0.9/24] routes [default via 10.0.0.1] mtu 1400"
				if s := h.snapshot("bond0"); !strings.Contains(s, want) {
					t.Errorf("%s: want %s, got\n%s", mode, want, s)
				}
			}
		})
	}
}

// The host's only network moves over to the bond, and back.
func TestKernelMovesAddresses(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	peer.sw("br0", "p0", "p1")
	peer.address("br0", "10.0.0.1/24")
	h.up("eth0", "eth1")
	for _, a := range []string{"10.0.0.9/24", "10.0.0.10/24", "2001:db8::9/64"} {
		h.address("eth0", a)
	}
	h.route("eth0", "10.0.0.1")
	h.route("eth0", "2001:db8::1")
	before := h.snapshot("bond0", "eth0", "eth1")
	mac := h.observe("bond0", "eth0").Links["eth0"].MAC

	peer.usesPort("p0")
	peer.usesPort("p1")
	h.echo("10.0.0.9:7")
	p := peer.startProbe("10.0.0.9:7", 2*time.Millisecond)
	p.flows(t, peer, "answers before", patience)

	began := time.Now()
	changes, undo := h.mustApply(parse(t, "{name: bond0, members: [eth0, eth1], miimon: 20}"))
	p.flows(t, peer, "answers from the bond", patience)
	silence := p.silence(began, time.Now())
	t.Logf("silence while the address moved to the bond: %s", silence.Round(time.Millisecond))
	if silence > 5*time.Second {
		t.Errorf("silence of %s, want the bond to work before the address moves", silence)
	}
	want := []string{
		"create bond bond0, mode active-backup",
		"set miimon of bond0 from 0 to 20",
		"bring eth1 down",
		"add member eth1 to bond0",
		"bring bond0 up",
		"wait until bond0 works, at most 5s",
		"remove route default via 2001:db8::1 metric 1024 over eth0",
		"remove route default via 10.0.0.1 over eth0",
		"remove address 2001:db8::9/64 from eth0",
		"remove address 10.0.0.10/24 from eth0",
		"remove address 10.0.0.9/24 from eth0",
		"bring eth0 down",
		"add member eth0 to bond0",
		"keep hardware address " + mac + " on bond0",
		"add address 10.0.0.9/24 to bond0",
		"add address 10.0.0.10/24 to bond0",
		"add address 2001:db8::9/64 to bond0",
		"add route default via 10.0.0.1 over bond0",
		"add route default via 2001:db8::1 metric 1024 over bond0",
		"announce the addresses of bond0",
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	got := h.observe("bond0")
	if got.Link.MAC != mac || !got.Ours {
		t.Errorf("hardware address %s, ours %v; want %s, true", got.Link.MAC, got.Ours, mac)
	}
	began = time.Now()
	h.must("undo", undo.Run)
	if diff := cmp.Diff(before, h.snapshot("bond0", "eth0", "eth1")); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	p.flows(t, peer, "answers after undo", patience)
	t.Logf("silence while it moved back: %s", p.silence(began, time.Now()).Round(time.Millisecond))
}

// Changing options and members touches nothing else.
func TestKernelChangesInPlace(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	for _, n := range []string{"0", "1", "2"} {
		h.cable("eth"+n, peer, "p"+n)
		peer.up("p" + n)
	}
	h.mustApply(parse(t, "{name: bond0, members: [eth0, eth1], miimon: 100, up_delay: 200, addresses: [10.0.0.9/24], gateway: 10.0.0.1}"))
	h.address("bond0", "10.0.0.77/32") // somebody else's
	before := h.snapshot("bond0", "eth0", "eth1", "eth2")

	changes, undo := h.mustApply(parse(t, "{name: bond0, members: [eth1, {name: eth2, prio: 7}], miimon: 50, up_delay: 200, num_grat_arp: 5}"))
	want := []string{
		"set miimon of bond0 from 100 to 50",
		"set up_delay of bond0 from 100 to 200",
		"set num_grat_arp of bond0 from 1 to 5",
		"add member eth2 to bond0",
		"set prio of eth2 from 0 to 7",
		"remove member eth0 from bond0",
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	h.must("undo", undo.Run)
	if diff := cmp.Diff(before, h.snapshot("bond0", "eth0", "eth1", "eth2")); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// A mode change needs the bond down and empty; nothing of the host gets lost by
// that, nor by taking it back.
func TestKernelUndoesModeChange(t *testing.T) {
	for name, options := range map[string]string{
		"arp":       "arp_interval: 200, arp_ip_targets: [10.0.0.1], arp_validate: all, fail_over_mac: active",
		"miimon":    "miimon: 50, up_delay: 150, primary: eth1",
		"other MAC": "miimon: 50",
	} {
		t.Run(name, func(t *testing.T) { undoModeChange(t, options, name == "other MAC") })
	}
}

func undoModeChange(t *testing.T, options string, otherMAC bool) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	peer.up("p0", "p1")
	h.mustApply(parse(t, "{name: bond0, members: [eth0, eth1], addresses: [10.0.0.9/24, '2001:db8::9/64'], gateway: 10.0.0.1, gateway6: '2001:db8::1', "+options+"}"))
	if otherMAC {
		h.must("other MAC", keepMAC{"bond0", "02:00:00:00:00:99"}.apply)
	}
	before := h.snapshot("bond0", "eth0", "eth1")
	_, undo := h.mustApply(parse(t, "{name: bond0, mode: 802.3ad, members: [eth0, eth1], lacp_rate: fast}"))
	after := h.snapshot("bond0")
	if otherMAC && !strings.Contains(after, "mac 02:00:00:00:00:99") {
		t.Errorf("the bond lost its hardware address:\n%s", after)
	}
	for _, want := range []string{"mode=802.3ad", "[10.0.0.9/24 2001:db8::9/64]", "[default via 10.0.0.1 default via 2001:db8::1 metric 1024]"} {
		if !strings.Contains(after, want) {
			t.Errorf("want %s in\n%s", want, after)
		}
	}
	h.must("undo", undo.Run)
	after = h.snapshot("bond0", "eth0", "eth1")
	if strings.Contains(options, "fail_over_mac") {
		// The bond's address is that of whichever member is active.
		mac := regexp.MustCompile(" mac [0-9a-f:]+")
		before, after = mac.ReplaceAllString(before, ""), mac.ReplaceAllString(after, "")
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// Taking a change back makes the member active again that was, whatever the
// driver would choose.
func TestKernelUndoKeepsTheActiveMember(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	peer.up("p0", "p1")
	h.mustApply(parse(t, "{name: bond0, members: [eth0, eth1], miimon: 20}"))
	h.becomes("bond0", "two usable links", func(s Status) bool { return s.Usable() == 2 && s.Active == "eth0" })
	_, undo := h.mustApply(parse(t, "{name: bond0, members: [eth1], miimon: 20}"))
	h.becomes("bond0", "the other member is active", func(s Status) bool { return s.Active == "eth1" })
	h.must("undo", undo.Run)
	if s := h.status("bond0"); s.Active != "eth0" || len(s.Members) != 2 {
		t.Errorf("active member %s of %+v", s.Active, s.Members)
	}
}
