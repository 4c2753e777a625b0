package vip

import (
	"net/netip"
	"strings"
	"testing"

	"vipd/vip/internal/nstest"
)

// Each option is what ip(8) then says; it is found again, survives a Refresh, and goes with the address.
func TestAddressOptions(t *testing.T) {
	h := openHost(t)
	shaped := func(prefix string, shape func(*Address)) Address {
		a := on(prefix, "eth0")
		shape(&a)
		return a
	}
	for _, tt := range []struct {
		address Address
		want    string
		not     string
	}{
		{shaped("10.0.0.5/24", func(a *Address) { a.Broadcast = addr("10.0.0.255") }), "inet 10.0.0.5/24 brd 10.0.0.255 scope global", "deprecated"},
		{shaped("10.0.0.5/32", func(a *Address) { a.Peer = addr("10.9.0.1") }), "inet 10.0.0.5 peer 10.9.0.1/32", ""},
		{shaped("10.0.0.5/32", func(a *Address) { a.Peer, a.Label = addr("10.9.0.2"), "eth0:p" }), "inet 10.0.0.5 peer 10.9.0.2/32 scope global dynamic eth0:p", ""},
		{shaped("10.0.0.5/32", func(a *Address) { a.Scope = "host" }), "scope host", "scope global"},
		{shaped("10.0.0.5/32", func(a *Address) { a.Scope = "200" }), "scope site", "scope global"},
		{shaped("10.0.0.5/24", func(a *Address) { a.NoPrefixRoute, a.Scope = true, "link" }), "scope link dynamic noprefixroute", ""},
		{shaped("10.0.0.5/24", func(a *Address) { a.PreferredLft = "0" }), "deprecated", ""},
		{shaped("fd00::5/64", func(a *Address) { a.PreferredLft = "forever" }), "inet6 fd00::5/64", "deprecated"},
		{shaped("fd00::5/64", func(a *Address) { a.NoPrefixRoute = true }), "noprefixroute", ""},
		{shaped("fd00::5/128", func(a *Address) { a.Peer = addr("fd09::1") }), "peer fd09::1/128", "noprefixroute"},
	} {
		// One after the other: the shape of what is there changes.
		out := set(t, h, tt.address)
		if len(out.Added) != 1 || len(out.Failed) > 0 {
			t.Fatalf("%s: %+v", tt.want, out)
		}
		if err := h.Refresh(); err != nil {
			t.Fatal(err)
		}
		now := words(shown(t, "eth0"))
		if !strings.Contains(now, tt.want) || tt.not != "" && strings.Contains(now, tt.not) || strings.Count(now, "inet") != 1 {
			t.Errorf("want %q and not %q alone:\n%s", tt.want, tt.not, now)
		}
		if out = set(t, h, tt.address); out.Changed() || !out.Has(tt.address.Prefix.Addr()) {
			t.Errorf("%s: again: %+v", tt.want, out)
		}
		another := another(t)
		if got, err := another.Adopt([]netip.Addr{tt.address.Prefix.Addr()}); err != nil || len(got) != 1 {
			t.Errorf("%s: adopted %v, %v", tt.want, got, err)
		}
		if out = set(t, another, tt.address); out.Changed() || !out.Has(tt.address.Prefix.Addr()) {
			t.Errorf("%s: by a successor: %+v", tt.want, out)
		}
	}
	plain := on("fd00::5/64", "eth0")
	without := plain
	without.NoPrefixRoute = true
	set(t, h, without)
	set(t, h, plain)
	if err := h.Refresh(); err != nil || strings.Contains(shown(t, "eth0"), "noprefixroute") {
		t.Errorf("it did not get its route back: %v\n%s", err, shown(t, "eth0"))
	}
	set(t, h)
	if left := shown(t, "eth0") + nstest.IP(t, "-6 route show dev eth0"); strings.Contains(left, "10.0.0.5") || strings.Contains(left, "fd0") {
		t.Errorf("left:\n%s", left)
	}
}

// What a killed daemon left in an odd shape is removed all the same.
func TestLeftoversWithOptions(t *testing.T) {
	killed := openHost(t)
	four, six := on("10.0.0.5/32", "eth0"), on("fd00::5/128", "eth0")
	four.Peer, six.Peer = addr("10.9.0.1"), addr("fd09::1")
	set(t, killed, four, six)
	removed, err := another(t).RemoveLeftovers(ips(four, six))
	if err != nil || len(removed) != 2 || shown(t, "eth0") != "" {
		t.Errorf("removed %v, %v; left:\n%s", removed, err, shown(t, "eth0"))
	}
}
