package vip

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"vipd/vip/internal/nstest"
)

var sameAddresses = []cmp.Option{cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateErrors()}

// openHost returns a Host in a fresh namespace where eth0 and eth1 are the ends of one cable.
func openHost(t *testing.T) *Host {
	t.Helper()
	nstest.Enter(t)
	nstest.Veth(t, "eth0", "eth1")
	return another(t)
}

// another returns one more Host in the same namespace.
func another(t *testing.T) *Host {
	t.Helper()
	h, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

func set(t *testing.T, h *Host, want ...Address) Outcome {
	t.Helper()
	outcome, err := h.Set(want)
	if err != nil {
		t.Fatalf("set %v: %v", want, err)
	}
	return outcome
}

func expect(t *testing.T, got, want Outcome) {
	t.Helper()
	if diff := cmp.Diff(want, got, sameAddresses...); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

func ips(addresses ...Address) []netip.Addr {
	var out []netip.Addr
	for _, a := range addresses {
		out = append(out, a.Prefix.Addr())
	}
	return out
}

// shown returns what ip(8) says about the addresses of an interface, one line each, without lifetimes.
func shown(t *testing.T, name string) string {
	t.Helper()
	return nstest.IP(t, "-o address show dev "+name)
}

func TestSetAddsKeepsAndRemoves(t *testing.T) {
	h := openHost(t)
	four, six := labelled(on("10.0.0.5/24", "eth0"), "eth0:vip"), on("fd00::5/128", "eth0")
	expect(t, set(t, h, four, six), Outcome{Added: []Address{four, six}, Present: ips(four, six)})
	for _, words := range []string{"inet 10.0.0.5/24", "eth0:vip", "inet6 fd00::5/128", "deprecated", "valid_lft 60sec"} {
		if !strings.Contains(shown(t, "eth0"), words) {
			t.Errorf("no %q in\n%s", words, shown(t, "eth0"))
		}
	}
	if strings.Contains(shown(t, "eth0"), "tentative") {
		t.Errorf("not usable at once:\n%s", shown(t, "eth0"))
	}
	expect(t, set(t, h, four, six), Outcome{Present: ips(four, six)})
	expect(t, set(t, h, six), Outcome{Removed: []Address{four}, Present: ips(six)})
	expect(t, set(t, h), Outcome{Removed: []Address{six}})
	if left := shown(t, "eth0"); left != "" {
		t.Errorf("left over:\n%s", left)
	}
}

func TestChangedAddressIsReplaced(t *testing.T) {
	h := openHost(t)
	old := on("10.0.0.5/24", "eth0")
	set(t, h, old)
	for _, next := range []Address{
		labelled(old, "eth0:vip"), on("10.0.0.5/32", "eth0"), on("10.0.0.5/32", "eth1"), on("10.0.0.5/24", "eth0"),
	} {
		expect(t, set(t, h, next), Outcome{Added: []Address{next}, Removed: []Address{old}, Present: ips(next)})
		old = next
	}
}

func TestStolenAddressIsPutBack(t *testing.T) {
	h := openHost(t)
	four, six := on("10.0.0.5/24", "eth0"), on("fd00::5/64", "eth0")
	set(t, h, four, six)
	nstest.IP(t, "address flush dev eth0")
	expect(t, set(t, h, four, six), Outcome{Added: []Address{four, six}, Present: ips(four, six)})

	nstest.IP(t, "address flush dev eth0")
	expect(t, set(t, h), Outcome{Removed: []Address{four, six}})
}

func TestOtherPeoplesAddressesAreLeftAlone(t *testing.T) {
	h, neighbour := openHost(t), another(t)
	nstest.IP(t, "address add 10.0.0.5/24 dev eth0")
	nstest.IP(t, "address add fd00::5/64 dev eth0 nodad")
	theirs := on("10.0.0.7/32", "eth0")
	set(t, neighbour, theirs)
	before := shown(t, "eth0")

	four, six, beside := on("10.0.0.5/24", "eth0"), on("fd00::5/128", "eth0"), on("10.0.0.5/32", "eth0")
	expect(t, set(t, h, four, six, theirs, beside), Outcome{
		Added: []Address{beside}, Present: ips(beside),
		Failed: []Failure{{four, ErrForeign}, {six, ErrForeign}, {theirs, ErrForeign}},
	})
	expect(t, set(t, h), Outcome{Removed: []Address{beside}})
	if err := h.Refresh(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, shown(t, "eth0")); diff != "" {
		t.Errorf("other people's addresses changed (-before +after):\n%s", diff)
	}
}

func TestFirstAddressOfASubnetTakesNothingAlong(t *testing.T) {
	h := openHost(t)
	first, second := on("10.0.0.5/24", "eth0"), on("10.0.0.6/24", "eth0")
	set(t, h, first, second)
	nstest.IP(t, "address add 10.0.0.1/24 dev eth0") // the host's own, later than ours
	expect(t, set(t, h, second), Outcome{Removed: []Address{first}, Present: ips(second)})
	if now := shown(t, "eth0"); !strings.Contains(now, "10.0.0.1/24") {
		t.Errorf("the host's own address went along:\n%s", now)
	}
}

func TestRefusalsSayWhy(t *testing.T) {
	h := openHost(t)
	nstest.IP(t, "link set eth0 mtu 1000") // too small for IPv6, which is then off there
	six, four, nowhere := on("fd00::5/128", "eth0"), on("10.0.0.5/32", "eth0"), on("10.0.0.6/32", "bond0")
	outcome := set(t, h, six, four, nowhere)
	if diff := cmp.Diff(ips(four), outcome.Present, sameAddresses...); diff != "" {
		t.Errorf("present (-want +got):\n%s", diff)
	}
	if len(outcome.Failed) != 2 || !errors.Is(outcome.Failed[0].Err, ErrNoInterface) {
		t.Fatalf("failed: %v", outcome.Failed)
	}
	if text := outcome.Failed[1].String(); !strings.Contains(text, "fd00::5/128 on eth0: ") {
		t.Errorf("refused with %q", text)
	}
}

func TestInterfaceThatGoesAway(t *testing.T) {
	h := openHost(t)
	four := on("10.0.0.5/24", "eth0")
	set(t, h, four)
	nstest.IP(t, "link delete eth0")
	expect(t, set(t, h, four), Outcome{Removed: []Address{four}, Failed: []Failure{{four, ErrNoInterface}}})
	nstest.Veth(t, "eth0", "eth1")
	expect(t, set(t, h, four), Outcome{Added: []Address{four}, Present: ips(four)})
}

func TestInterfaces(t *testing.T) {
	h := openHost(t)
	nstest.IP(t, "link set eth0 mtu 1400")
	nstest.IP(t, "link set eth1 down")
	links, err := h.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	eth0, eth1 := links["eth0"], links["eth1"]
	if !eth0.Up || eth0.Running || eth0.MTU != 1400 || len(eth0.MAC) != 6 || eth0.Name != "eth0" || eth0.Index == 0 {
		t.Errorf("eth0, whose other end is down, is %+v", eth0)
	}
	if eth1.Up || eth1.Running {
		t.Errorf("eth1, which is down, is %+v", eth1)
	}
	if lo := links["lo"]; !lo.Up || !lo.Running {
		t.Errorf("lo is %+v", lo)
	}
}

func TestManyAtOnce(t *testing.T) {
	h := openHost(t)
	var want []Address
	four, six := netip.MustParseAddr("10.1.0.0"), netip.MustParseAddr("fd00::1:0")
	for range 600 {
		four, six = four.Next(), six.Next()
		want = append(want, Address{Prefix: netip.PrefixFrom(four, 32), Interface: "eth0"},
			Address{Prefix: netip.PrefixFrom(six, 64), Interface: "eth1"})
	}
	start := time.Now()
	outcome := set(t, h, want...)
	t.Logf("added %d in %v", len(outcome.Added), time.Since(start))
	if len(outcome.Added) != len(want) || len(outcome.Present) != len(want) || len(outcome.Failed) != 0 {
		t.Fatalf("added %d of %d, failed %v", len(outcome.Added), len(want), outcome.Failed)
	}
	if err := h.Refresh(); err != nil {
		t.Error(err)
	}
	if outcome = set(t, h); len(outcome.Removed) != len(want) || len(outcome.Failed) != 0 {
		t.Errorf("removed %d of %d, failed %v", len(outcome.Removed), len(want), outcome.Failed)
	}
}
