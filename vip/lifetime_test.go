package vip

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/vip/internal/nstest"
)

// await asks again until the answer is yes.
func await(t *testing.T, within time.Duration, what string, yes func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(within); !yes(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// lifetimes returns the valid lifetimes on an interface, in seconds, in the order that ip(8) lists them.
func lifetimes(t *testing.T, name string) (seconds []int) {
	t.Helper()
	for _, m := range regexp.MustCompile(`valid_lft (\d+)sec`).FindAllStringSubmatch(shown(t, name), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		seconds = append(seconds, n)
	}
	return seconds
}

func TestRefreshRenewsAndAbandonedAddressesExpire(t *testing.T) {
	h := openHost(t)
	four, six := on("10.0.0.5/24", "eth0"), on("fd00::5/64", "eth0")
	set(t, h, four, six)
	await(t, 10*time.Second, "the lifetimes run down", func() bool {
		left := lifetimes(t, "eth0")
		return len(left) == 2 && left[0] < 60 && left[1] < 60
	})
	h.valid = 1000
	if err := h.Refresh(); err != nil {
		t.Fatal(err)
	}
	for _, left := range lifetimes(t, "eth0") {
		if left < 900 {
			t.Errorf("not renewed:\n%s", shown(t, "eth0"))
		}
	}
	expect(t, set(t, h, four, six), Outcome{Present: ips(four, six)})

	h.valid = 1
	if err := h.Refresh(); err != nil {
		t.Fatal(err)
	}
	await(t, 20*time.Second, "abandoned addresses leave", func() bool { return shown(t, "eth0") == "" })
	if err := h.Refresh(); err != nil {
		t.Error(err)
	}
	if back := shown(t, "eth0"); back != "" {
		t.Errorf("Refresh put back what had gone:\n%s", back)
	}
}

func TestLeftoversOfAPredecessor(t *testing.T) {
	killed := openHost(t)
	guarded, other := on("10.0.0.5/24", "eth0"), on("10.0.0.6/24", "eth0")
	six := on("fd00::5/128", "eth1")
	set(t, killed, guarded, other, six)
	nstest.IP(t, "address add 10.0.0.7/24 dev eth0") // guarded, but not put there by a daemon

	h := another(t)
	removed, err := h.RemoveLeftovers(append(ips(guarded, six), on("10.0.0.7/24", "eth0").Prefix.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Address{guarded, six}, removed, sameAddresses...); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
	now := shown(t, "eth0")
	for _, left := range []string{"10.0.0.6/24", "10.0.0.7/24"} {
		if !strings.Contains(now, left) {
			t.Errorf("%s went along:\n%s", left, now)
		}
	}
	expect(t, set(t, h, guarded), Outcome{Added: []Address{guarded}, Present: ips(guarded)})
	if removed, err = h.RemoveLeftovers(ips(guarded)); err != nil || removed != nil {
		t.Errorf("took %v of its own for leftovers, %v", removed, err)
	}
}

func TestSubnetRoutes(t *testing.T) {
	h := openHost(t)
	routes := func() string { return nstest.IP(t, "-6 route show dev eth0") }
	single, first, second := on("fd01::5/128", "eth0"), on("fd00::5/64", "eth0"), on("fd00::6/64", "eth0")
	set(t, h, single)
	if now := routes(); strings.Contains(now, "fd01::5") {
		t.Errorf("a single address brought a route:\n%s", now)
	}
	set(t, h, first, second)
	if now := routes(); !strings.Contains(now, "fd00::/64") {
		t.Errorf("a subnet came without its route:\n%s", now)
	}
	set(t, h, second)
	if now := routes(); !strings.Contains(now, "fd00::/64") {
		t.Errorf("the route went before the last address of the subnet:\n%s", now)
	}
	set(t, h)
	if now := routes(); strings.Contains(now, "fd00::/64") {
		t.Errorf("the route stayed behind:\n%s", now)
	}

	// A router's advertisement gives the host an address and a route that end some time.
	nstest.IP(t, "address add fd00::1/64 dev eth0 nodad valid_lft 5000 preferred_lft 5000")
	for _, want := range [][]Address{{first}, nil} {
		set(t, h, want...)
		if err := h.Refresh(); err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`fd00::/64.* expires (\d+)sec`).FindStringSubmatch(routes())
		if m == nil || len(m[1]) != 4 {
			t.Errorf("with %v, the host's own route is not as it was:\n%s", want, routes())
		}
	}
}
