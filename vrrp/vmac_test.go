package vrrp_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"vipd/vrrp"
	"vipd/vrrp/internal/lab"

	"github.com/google/go-cmp/cmp"
)

func TestVirtualMACAddress(t *testing.T) {
	for want, v := range map[string]vrrp.VirtualMAC{
		"00:00:5e:00:01:33": {VRID: 51},
		"00:00:5e:00:02:ff": {VRID: 255, IPv6: true},
	} {
		if got := v.MAC().String(); got != want {
			t.Errorf("%+v: %s, want %s", v, got, want)
		}
	}
}

func TestVirtualMACPlan(t *testing.T) {
	const remove, create, raise, lower = vrrp.RemoveVMAC, vrrp.CreateVMAC, vrrp.RaiseVMAC, vrrp.LowerVMAC
	type ops = []vrrp.VMACOp
	tests := []struct {
		name   string
		state  vrrp.VMACState
		wanted vrrp.VMACWanted
		want   ops
		err    error
	}{
		{"nothing there, up wanted", vrrp.VMACState{}, vrrp.VMACUp, ops{create, raise}, nil},
		{"nothing there, down wanted", vrrp.VMACState{}, vrrp.VMACDown, ops{create}, nil},
		{"nothing there, none wanted", vrrp.VMACState{}, vrrp.NoVMAC, nil, nil},
		{"up, up wanted", vrrp.VMACState{Exists: true, Ours: true, Right: true, Up: true}, vrrp.VMACUp, nil, nil},
		{"up, down wanted", vrrp.VMACState{Exists: true, Ours: true, Right: true, Up: true}, vrrp.VMACDown, ops{lower}, nil},
		{"up, none wanted", vrrp.VMACState{Exists: true, Ours: true, Right: true, Up: true}, vrrp.NoVMAC, ops{lower, remove}, nil},
		{"down, up wanted", vrrp.VMACState{Exists: true, Ours: true, Right: true}, vrrp.VMACUp, ops{raise}, nil},
		{"down, down wanted", vrrp.VMACState{Exists: true, Ours: true, Right: true}, vrrp.VMACDown, nil, nil},
		{"down, none wanted", vrrp.VMACState{Exists: true, Ours: true}, vrrp.NoVMAC, ops{remove}, nil},
		{"on another parent", vrrp.VMACState{Exists: true, Ours: true, Up: true}, vrrp.VMACUp, ops{lower, remove, create, raise}, nil},
		{"somebody else's, wanted", vrrp.VMACState{Exists: true, Right: true, Up: true}, vrrp.VMACUp, nil, vrrp.ErrForeign},
		{"somebody else's, not wanted", vrrp.VMACState{Exists: true, Right: true, Up: true}, vrrp.NoVMAC, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := vrrp.VirtualMAC{Parent: "eth0", VRID: 1}.Plan(tt.state, tt.wanted)
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v (-want +got):\n%s", err, tt.err, diff)
			}
		})
	}
}

// host is a namespace with an interface eth0 to put virtual MACs on.
type host struct {
	*testing.T
	ns *lab.Namespace
}

func newHost(t *testing.T) host {
	h := host{t, lab.NewNamespace(t, "vmac")}
	h.ns.IP(t, "link", "add", "eth0", "type", "veth", "peer", "name", "far")
	h.ns.IP(t, "link", "set", "far", "up")
	h.ns.IP(t, "link", "set", "eth0", "up")
	return h
}

func (h host) ensure(v vrrp.VirtualMAC, wanted vrrp.VMACWanted) {
	h.Helper()
	h.ns.Do(h, func() error { return v.Ensure(wanted) })
}

// arp asserts what eth0 does about ARP for other addresses.
func (h host) arp(ignore, announce string) {
	h.Helper()
	for name, want := range map[string]string{"arp_ignore": ignore, "arp_announce": announce} {
		h.ns.Do(h, func() error {
			got, err := os.ReadFile("/proc/sys/net/ipv4/conf/eth0/" + name)
			if err == nil && strings.TrimSpace(string(got)) != want {
				h.Errorf("%s is %s, want %s", name, got, want)
			}
			return err
		})
	}
}

// TestVirtualMACInTheKernel makes the interface twice, removes it twice, and leaves a foreign one alone.
func TestVirtualMACInTheKernel(t *testing.T) {
	h := newHost(t)
	v := vrrp.VirtualMAC{Parent: "eth0", VRID: 51, IPv6: true, Owner: "n1"}
	show := func() string { return h.ns.IP(t, "-d", "link", "show", "dev", "vrrp6.51") }

	h.ensure(v, vrrp.VMACDown)
	if s := show(); strings.Contains(s, ",UP") {
		t.Errorf("it is up: %s", s)
	}
	h.arp("0", "0")
	h.ensure(v, vrrp.VMACUp)
	before := show()
	for _, want := range []string{"00:00:5e:00:02:33", "macvlan mode private", ",UP"} {
		if !strings.Contains(before, want) {
			t.Errorf("%q is not in %s", want, before)
		}
	}
	if addrs := h.ns.IP(t, "-o", "addr", "show", "dev", "vrrp6.51"); strings.TrimSpace(addrs) != "" {
		t.Errorf("it made itself an address: %s", addrs)
	}
	h.ensure(v, vrrp.VMACUp)
	if diff := cmp.Diff(before, show()); diff != "" {
		t.Errorf("the second time changed something:\n%s", diff)
	}
	h.ensure(v, vrrp.NoVMAC)
	h.ensure(v, vrrp.NoVMAC)
	if links := h.ns.IP(t, "link", "show"); strings.Contains(links, "vrrp6.51") {
		t.Errorf("it is still there: %s", links)
	}

	h.ns.IP(t, "link", "add", "vrrp6.51", "link", "eth0", "address", "00:00:5e:00:02:33", "type", "macvlan", "mode", "private")
	h.ensure(v, vrrp.NoVMAC)
	show() // fails the test if it is gone
	h.ns.Do(t, func() error {
		if err := v.Ensure(vrrp.VMACUp); !errors.Is(err, vrrp.ErrForeign) {
			t.Errorf("taking over somebody else's interface: %v", err)
		}
		return nil
	})
}

// The parent keeps quiet about the virtual addresses as long as a virtual MAC is up on it, and is what it was
// afterwards, even if the one who raised it was killed.
func TestVirtualMACQuietensItsParent(t *testing.T) {
	h := newHost(t)
	h.ns.Do(t, func() error { return os.WriteFile("/proc/sys/net/ipv4/conf/eth0/arp_announce", []byte("1"), 0) })
	a := vrrp.VirtualMAC{Parent: "eth0", VRID: 1, Owner: "n1"}
	b := vrrp.VirtualMAC{Parent: "eth0", VRID: 2, Owner: "n1"}
	h.arp("0", "1")
	h.ensure(a, vrrp.VMACUp)
	h.arp("1", "2")
	h.ensure(b, vrrp.VMACUp)
	h.ensure(a, vrrp.VMACDown)
	h.arp("1", "2")
	h.ensure(b, vrrp.NoVMAC)
	h.arp("0", "1")

	h.ensure(a, vrrp.VMACUp)
	other := vrrp.VirtualMAC{Parent: "eth0", VRID: 3, Owner: "n2"}
	h.ensure(other, vrrp.VMACDown)
	h.ns.Do(t, func() error {
		removed, err := vrrp.RemoveVMACs("n1")
		if diff := cmp.Diff([]string{"vrrp.1"}, removed); diff != "" {
			t.Errorf("removed (-want +got):\n%s", diff)
		}
		return err
	})
	h.arp("0", "1")
	h.ns.IP(t, "link", "show", "dev", "vrrp.3") // fails the test if it is gone
}
