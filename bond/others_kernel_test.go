package bond

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// VLANs on the bond keep their addresses and routes when it has to go down.
func TestKernelKeepsVLANs(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	peer.up("p0")
	h.mustApply(parse(t, "{name: bond0, members: [eth0]}"))
	h.must("VLAN", func() error {
		index, err := indexOf("bond0")
		if err != nil {
			return err
		}
		return netlink.LinkAdd(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "bond0.7", ParentIndex: index}, VlanId: 7})
	})
	h.up("bond0.7")
	h.address("bond0.7", "10.7.0.9/24")
	h.address("bond0.7", "2001:db8:7::9/64")
	h.route("bond0.7", "10.7.0.1")
	h.route("bond0.7", "2001:db8:7::1")
	state := func() string {
		u := h.observe("bond0").Uppers
		return fmt.Sprintf("%s up %v %v %v", u[0].Name, u[0].Up, u[0].Addresses, u[0].Routes)
	}
	want := "bond0.7 up true [10.7.0.9/24 2001:db8:7::9/64] [default via 10.7.0.1 default via 2001:db8:7::1 metric 1024]"
	if diff := cmp.Diff(want, state()); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	_, undo := h.mustApply(parse(t, "{name: bond0, mode: 802.3ad, lacp_rate: fast, members: [eth0]}"))
	if diff := cmp.Diff(want, state()); diff != "" {
		t.Errorf("after the change (-want +got):\n%s", diff)
	}
	h.must("undo", undo.Run)
	if diff := cmp.Diff(want, state()); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// A bond that "ip link" made is left alone until the file says manage.
func TestKernelAdoption(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	peer.up("p0", "p1")
	h.must("ip", func() error {
		for _, args := range []string{
			"link add bond0 type bond mode active-backup miimon 100 num_grat_arp 1",
			"link set eth0 master bond0", "link set eth1 master bond0", "link set bond0 up", "address add 10.0.0.9/24 dev bond0",
		} {
			if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Logf("ip %s: %s", args, out)
				return err
			}
		}
		return nil
	})
	before := h.snapshot("bond0")
	cfg := parse(t, "{name: bond0, members: [eth0, eth1], miimon: 50, primary: eth1}")
	changes, _, err := h.apply(cfg)
	if err != nil || len(changes) > 0 {
		t.Errorf("without manage: changed %q, %v", changes, err)
	}
	if diff := cmp.Diff(before, h.snapshot("bond0")); diff != "" {
		t.Errorf("without manage (-want +got):\n%s", diff)
	}
	cfg.Manage = true
	changes, _ = h.mustApply(cfg)
	want := []string{"set miimon of bond0 from 100 to 50", "set primary of bond0 from none to eth1"}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("with manage (-want +got):\n%s", diff)
	}
	cfg.Primary = ""
	changes, _ = h.mustApply(cfg)
	if diff := cmp.Diff([]string{"set primary of bond0 from eth1 to none"}, changes); diff != "" {
		t.Errorf("without primary (-want +got):\n%s", diff)
	}
}

// What cannot be is refused, and what was begun is taken back.
func TestKernelRefused(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	h.up("eth0", "eth1")
	h.address("eth0", "10.0.0.9/24")
	h.sw("br0", "eth1")
	h.cable("eth2", peer, "p2")
	h.must("VLAN", func() error {
		return onLink("eth2", func(l netlink.Link) error {
			return netlink.LinkAdd(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "eth2.7", ParentIndex: l.Attrs().Index}, VlanId: 7})
		})
	})
	for name, tt := range map[string]struct{ text, want string }{
		"nonsense":          {"{name: bond0, members: [eth0], miimon: 100, arp_interval: 100, arp_ip_targets: [10.0.0.1]}", "not by both"},
		"no such member":    {"{name: bond0, members: [eth7]}", "none of them exists on this host"},
		"member of another": {"{name: bond0, members: [eth0, eth1]}", "eth1 belongs to br0"},
		"no bond":           {"{name: br0, members: [eth0]}", "br0 exists and is no bond (bridge)"},
		"a VLAN":            {"{name: bond0, members: [eth0, eth2]}", "eth2 carries eth2.7"},
		"a bridge":          {"{name: bond0, members: [br0]}", "br0 is a bridge"},
		"half way":          {"{name: bond0, members: [eth0], mtu: 65535, addresses: [10.0.0.10/24], gateway: 10.0.0.1, gateway6: '2001:db8::1'}", "2001:db8::1"},
	} {
		t.Run(name, func(t *testing.T) {
			before := h.snapshot("bond0", "eth0", "eth1", "br0")
			changes, _, err := h.apply(parse(t, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(changes) > 0 {
				t.Errorf("changed %q, error %v; want no change and %q", changes, err, tt.want)
			}
			if diff := cmp.Diff(before, h.snapshot("bond0", "eth0", "eth1", "br0")); diff != "" {
				t.Errorf("something changed (-want +got):\n%s", diff)
			}
		})
	}
}

// A member that is not there yet joins when it appears.
func TestKernelMissingMember(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	cfg := parse(t, "{name: bond0, members: [eth0, eth1], primary: eth0}")
	h.mustApply(cfg)
	h.cable("eth1", peer, "p1")
	changes, _ := h.mustApply(cfg)
	if diff := cmp.Diff([]string{"add member eth1 to bond0"}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	h.must("unplug", func() error { return onLink("eth1", netlink.LinkDel) })
	h.mustApply(cfg)
}
