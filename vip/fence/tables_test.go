package fence

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

func TestOtherTablesUntouched(t *testing.T) {
	const others = `
		table inet filter {
			set lease_a { type ipv4_addr; flags timeout; elements = { 192.0.2.77 } }
			chain input { type filter hook input priority 0; policy accept; ip daddr 192.0.2.99 drop; }
		}
		table arp mine { chain input { type filter hook input priority 0; policy accept; arp operation request accept; }
		}
		table inet vipd-other { chain input { type filter hook input priority 0; policy accept; }
		}`
	l := newLab(t)
	nft(t, l.host, others)
	before := nft(t, l.host, "list ruleset")
	f := l.open(t, Options{Instance: "one"})
	g := l.open(t, Options{Instance: "two"})
	for _, f := range []*Fence{f, g} {
		check(t, f.Raise(after(patience)))
		check(t, f.Hold(vips))
		check(t, f.Extend(after(patience)))
		check(t, f.Shut())
		check(t, f.Verify())
		check(t, f.Release(vips))
	}
	check(t, f.Close())
	check(t, g.Verify())
	check(t, g.Close())
	if diff := cmp.Diff(before, nft(t, l.host, "list ruleset")); diff != "" {
		t.Errorf("ruleset (-before +after):\n%s", diff)
	}
}

func TestRulesetIsReadable(t *testing.T) {
	l := newLab(t)
	f := l.open(t, Options{Instance: "main"})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	got := nft(t, l.host, "list ruleset")
	for _, want := range []string{
		"table arp vipd-main", "table inet vipd-main",
		`comment "vipd renews this; once it has expired, guarded addresses are silent"`,
		`comment "virtual addresses vipd may have on this host"`,
		"arp daddr ip @guarded jump arp_in", "ip saddr @guarded4 jump ipv4_out",
		"ip6 daddr @held6 meta nfproto @use_a meta nfproto @lease_a return",
		`counter name "nd_in" drop comment "this host may not answer for it now"`,
		"elements = { 2001:db8::10 }", "elements = { 192.0.2.10 }",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("nft list ruleset lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestTampering(t *testing.T) {
	tests := map[string]string{
		"ruleset flushed":         "flush ruleset",
		"table deleted":           "delete table arp vipd-test",
		"rules flushed":           "flush chain inet vipd-test inet_in",
		"rule added":              "insert rule inet vipd-test ipv4_in accept",
		"table dormant":           "add table inet vipd-test { flags dormant; }",
		"guarded address removed": "delete element inet vipd-test guarded4 { 192.0.2.10 }",
		"held address added":      "add element arp vipd-test held { 192.0.2.55 }",
	}
	for name, input := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			f := l.open(t, Options{})
			check(t, f.Raise(after(patience)))
			check(t, f.Hold(vips))
			check(t, f.Verify())
			nft(t, l.host, input)
			if err := f.Verify(); !errors.Is(err, ErrGone) {
				t.Errorf("Verify: %v, want ErrGone", err)
			}
			l.open(t, Options{})
			check(t, l.open(t, Options{}).Verify())
		})
	}
}

func TestGoneIsTold(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	f := l.open(t, Options{})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	nft(t, l.host, "flush ruleset")
	calls := map[string]func() error{
		"Extend":  func() error { return f.Extend(after(patience)) },
		"Shut":    f.Shut,
		"Raise":   func() error { return f.Raise(after(patience)) },
		"Hold":    func() error { return f.Hold(vips2) },
		"Bar":     func() error { return f.Bar(vips) },
		"Release": func() error { return f.Release(vips) },
		"Guarded": func() error { _, err := f.Guarded(); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrGone) || errors.Is(err, ErrShut) {
			t.Errorf("%s after another program flushed the ruleset: %v, want ErrGone", name, err)
		}
	}
	var many []netip.Addr
	for i := range perTransaction {
		many = append(many, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
	}
	if err := f.Hold(many); !errors.Is(err, ErrGone) || !errors.Is(err, unix.ENOENT) {
		t.Errorf("Hold of many: %v, want what the kernel said, too", err)
	}
	f = l.open(t, Options{})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	wantAnswers(t, p, "made anew", all(vips...), vips...)

	check(t, f.Release(vips))
	nft(t, l.host, "delete table arp vipd-test")
	check(t, f.Close())
	if got := nft(t, l.host, "list ruleset"); got != "" {
		t.Errorf("Close left what another program had not removed:\n%s", got)
	}
}

// Tables of the name that look otherwise, as an older version's might, do not keep a daemon from starting.
func TestTakeOverOfOtherLayout(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	nft(t, l.host, `table inet vipd-test {
		set guarded4 { type ipv4_addr; flags timeout; elements = { 192.0.2.10 timeout 1h } }
		set lease_a { type ipv4_addr; }
		chain inet_in { type filter hook forward priority 7; ip saddr @lease_a drop; }
	}`)
	f := l.open(t, Options{})
	check(t, f.Verify())
	wantAnswers(t, p, "taken over", all(vip2V4), vipV4, vip2V4)
}

func TestManyAddresses(t *testing.T) {
	var many []netip.Addr
	for i := range 1000 {
		many = append(many, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}),
			netip.MustParseAddr(fmt.Sprintf("2001:db8:1::%x", i+1)))
	}
	l := newLab(t)
	p := l.prober(t)
	f := l.open(t, Options{})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(append(many, vips...)))
	wantAnswers(t, p, "2000 held", all(vips...), vips...)
	check(t, f.Bar(many))
	check(t, f.Verify())

	f = l.open(t, Options{})
	got, err := f.Guarded()
	check(t, err)
	if len(got) != len(many)+len(vips) {
		t.Errorf("%d addresses after a takeover, want %d", len(got), len(many)+len(vips))
	}
	check(t, f.Verify())
	check(t, f.Release(many))
	got, err = f.Guarded()
	check(t, err)
	if diff := cmp.Diff(fmt.Sprint(vips), fmt.Sprint(got)); diff != "" {
		t.Errorf("guarded after release (-want +got):\n%s", diff)
	}
}

func TestRefusedAddresses(t *testing.T) {
	l := newLab(t)
	f := l.open(t, Options{})
	for _, a := range []netip.Addr{{}, netip.IPv4Unspecified(), netip.IPv6LinkLocalAllNodes()} {
		if err := f.Hold([]netip.Addr{a}); err == nil {
			t.Errorf("Hold(%v) succeeded", a)
		}
	}
}

func TestOpenWithoutCapability(t *testing.T) {
	needRoot(t)
	opened := make(chan error)
	go func() {
		// The thread ends with this goroutine, and with it the lack of capabilities.
		runtime.LockOSThread()
		var none [2]unix.CapUserData
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		if err := unix.Capset(&header, &none[0]); err != nil {
			opened <- err
			return
		}
		_, err := Open(Options{Instance: "test"})
		opened <- err
	}()
	if err := <-opened; !errors.Is(err, ErrPermission) {
		t.Errorf("Open without CAP_NET_ADMIN: %v, want ErrPermission", err)
	}
}

func TestUnsupportedIsNamed(t *testing.T) {
	l := newLab(t)
	if err := missing(int(l.host), "probe", features); err != nil {
		t.Errorf("on a kernel that has everything: %v", err)
	}
	if got := nft(t, l.host, "list ruleset"); got != "" {
		t.Errorf("probing left:\n%s", got)
	}
	lacking := []feature{features[0], {"tables of family 99", "CONFIG_NONE", func(c *nftables.Conn, name string) error {
		probeHook(c, name, 99, arpIn)
		return nil
	}}}
	err := missing(int(l.host), "probe", lacking)
	if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "no tables of family 99") ||
		!strings.Contains(err.Error(), "CONFIG_NONE") {
		t.Errorf("on a kernel that lacks something: %v, want ErrUnsupported naming it", err)
	}
}

func TestTableName(t *testing.T) {
	tests := map[string]string{
		"main":                  "vipd-main",
		"a.b_c-1":               "vipd-a.b_c-1",
		"":                      "vipd-_811c9dc5",
		`a"; flush ruleset`:     "vipd-a___flush_ruleset_",
		"Ä":                     "vipd-__",
		strings.Repeat("x", 99): "vipd-" + strings.Repeat("x", maxInstance) + "_",
	}
	for instance, want := range tests {
		if got := tableName(instance); !strings.HasPrefix(got, want) {
			t.Errorf("tableName(%q) = %q, want %q…", instance, got, want)
		}
	}
	if a, b := tableName("a b"), tableName("a_b"); a == b {
		t.Errorf("two instances share %q", a)
	}
}
