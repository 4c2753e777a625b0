package vrrp_test

import (
	"errors"
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
	tests := []struct {
		name   string
		state  vrrp.VMACState
		wanted bool
		want   []vrrp.VMACOp
		err    error
	}{
		{"nothing there, wanted", vrrp.VMACState{}, true, []vrrp.VMACOp{vrrp.CreateVMAC, vrrp.RaiseVMAC, vrrp.AddressVMAC}, nil},
		{"nothing there, not wanted", vrrp.VMACState{}, false, nil, nil},
		{"there", vrrp.VMACState{Exists: true, Ours: true, Right: true, Up: true, Addressed: true}, true, nil, nil},
		{"without its address", vrrp.VMACState{Exists: true, Ours: true, Right: true, Up: true}, true, []vrrp.VMACOp{vrrp.AddressVMAC}, nil},
		{"down", vrrp.VMACState{Exists: true, Ours: true, Right: true, Addressed: true}, true, []vrrp.VMACOp{vrrp.RaiseVMAC}, nil},
		{"on another parent", vrrp.VMACState{Exists: true, Ours: true, Up: true}, true, []vrrp.VMACOp{vrrp.RemoveVMAC, vrrp.CreateVMAC, vrrp.RaiseVMAC, vrrp.AddressVMAC}, nil},
		{"ours, not wanted", vrrp.VMACState{Exists: true, Ours: true}, false, []vrrp.VMACOp{vrrp.RemoveVMAC}, nil},
		{"somebody else's, wanted", vrrp.VMACState{Exists: true, Right: true, Up: true}, true, nil, vrrp.ErrForeign},
		{"somebody else's, not wanted", vrrp.VMACState{Exists: true, Right: true, Up: true}, false, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := vrrp.VirtualMAC{Parent: "eth0", VRID: 1, LinkLocal: ip("fe80::1")}.Plan(tt.state, tt.wanted)
			if diff := cmp.Diff(tt.want, got); diff != "" || !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v (-want +got):\n%s", err, tt.err, diff)
			}
		})
	}
}

// TestVirtualMACInTheKernel makes the interface twice, removes it twice, and leaves a foreign one alone.
func TestVirtualMACInTheKernel(t *testing.T) {
	ns := lab.NewNamespace(t, "vmac")
	ns.IP(t, "link", "add", "eth0", "type", "veth", "peer", "name", "far")
	ns.IP(t, "link", "set", "far", "up")
	ns.IP(t, "link", "set", "eth0", "up")
	v := vrrp.VirtualMAC{Parent: "eth0", VRID: 51, IPv6: true}
	ensure := func(wanted bool) {
		t.Helper()
		ns.Do(t, func() error { return v.Ensure(wanted) })
	}

	ensure(true)
	before := ns.IP(t, "-d", "link", "show", "dev", "vrrp6.51")
	for _, want := range []string{"00:00:5e:00:02:33", "macvlan mode private", ",UP"} {
		if !strings.Contains(before, want) {
			t.Errorf("%q is not in %s", want, before)
		}
	}
	if addrs := ns.IP(t, "-o", "addr", "show", "dev", "vrrp6.51"); strings.TrimSpace(addrs) != "" {
		t.Errorf("it made itself an address: %s", addrs)
	}
	ensure(true)
	if diff := cmp.Diff(before, ns.IP(t, "-d", "link", "show", "dev", "vrrp6.51")); diff != "" {
		t.Errorf("the second time changed something:\n%s", diff)
	}
	v.LinkLocal = ip("fe80::1")
	ensure(true)
	ensure(true)
	if addrs := ns.IP(t, "-o", "addr", "show", "dev", "vrrp6.51"); !strings.Contains(addrs, "fe80::1/64") {
		t.Errorf("its address is missing: %s", addrs)
	}
	ensure(false)
	ensure(false)
	if links := ns.IP(t, "link", "show"); strings.Contains(links, "vrrp6.51") {
		t.Errorf("it is still there: %s", links)
	}

	ns.IP(t, "link", "add", "vrrp6.51", "link", "eth0", "address", "00:00:5e:00:02:33", "type", "macvlan", "mode", "private")
	ensure(false)
	ns.IP(t, "link", "show", "dev", "vrrp6.51") // fails the test if it is gone
	ns.Do(t, func() error {
		if err := v.Ensure(true); !errors.Is(err, vrrp.ErrForeign) {
			t.Errorf("taking over somebody else's interface: %v", err)
		}
		return nil
	})
}
