package vip

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/vip/internal/nstest"
)

func TestAdoptedAddressesAreOnesOwn(t *testing.T) {
	before := openHost(t)
	four, six := labelled(on("10.0.0.5/24", "eth0"), "eth0:vip"), on("fd00::5/64", "eth1")
	unguarded := on("10.0.0.6/24", "eth0")
	set(t, before, four, six, unguarded)
	nstest.IP(t, "address add 10.0.0.7/24 dev eth0") // guarded, but not put there by a daemon

	h := another(t)
	was := shown(t, "eth0") + shown(t, "eth1")
	got, err := h.Adopt(append(ips(four, six), on("10.0.0.7/24", "eth0").Prefix.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Address{four, six}, got, sameAddresses...); diff != "" {
		t.Errorf("adopted (-want +got):\n%s", diff)
	}
	if now := shown(t, "eth0") + shown(t, "eth1"); len(now) != len(was) {
		t.Errorf("adopting changed\n%s\nto\n%s", was, now)
	}
	h.valid = 1000
	if err := h.Refresh(); err != nil {
		t.Fatal(err)
	}
	if left := lifetimes(t, "eth1"); len(left) != 1 || left[0] < 900 {
		t.Errorf("lifetimes of what was adopted: %v", left)
	}
	expect(t, set(t, h, four, six), Outcome{Present: ips(four, six)})
	expect(t, set(t, h, six), Outcome{Removed: []Address{four}, Present: ips(six)})
}
