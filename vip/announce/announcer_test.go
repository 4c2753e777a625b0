package announce

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netns"

	"vipd/vip/internal/nstest"
)

var sameIP = cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.AllowUnexported(heard{})}

const (
	long  = 10 * time.Second
	short = 50 * time.Millisecond // how long to listen for what must not come
)

func open(t *testing.T, opts Options) *Announcer {
	t.Helper()
	a, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return a
}

// run keeps Run going in the namespace until the test ends.
func run(t *testing.T, a *Announcer, ns netns.NsHandle) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		if err := nstest.Join(ns); err != nil {
			ended <- err
			return
		}
		if _, err := pin(); err != nil {
			ended <- err
			return
		}
		ended <- a.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	})
}

func expectHeard(t *testing.T, p tap, want ...heard) {
	t.Helper()
	for i, w := range want {
		got, ok := p.next(t, long)
		if !ok {
			t.Fatalf("heard %d of %d announcements; %v is missing", i, len(want), w)
		}
		if diff := cmp.Diff(w, got, sameIP); diff != "" {
			t.Fatalf("announcement %d (-want +got):\n%s", i, diff)
		}
	}
}

func expectSilence(t *testing.T, p tap) {
	t.Helper()
	if got, ok := p.next(t, short); ok {
		t.Errorf("heard %v", got)
	}
}

func TestFirstRoundIsSentAtOnceAndInOrder(t *testing.T) {
	p, _ := cable(t)
	a := open(t, Options{Repeats: []time.Duration{}})
	nine, six, one := target("10.0.0.9"), target("fd00::1"), target("10.0.0.1")
	a.Announce([]Target{nine, six, one}) // nobody runs Run
	expectHeard(t, p, heard{"request", nine.Addr}, heard{"advertisement", six.Addr}, heard{"request", one.Addr})
	expectSilence(t, p)
}

func TestRepeats(t *testing.T) {
	p, ns := cable(t)
	a := open(t, Options{Repeats: []time.Duration{2 * time.Millisecond, time.Millisecond}})
	run(t, a, ns)
	one := target("10.0.0.1")
	a.Announce([]Target{one})
	expectHeard(t, p, heard{"request", one.Addr}, heard{"reply", one.Addr}, heard{"request", one.Addr})
	expectSilence(t, p)
}

func TestRouterSaysSo(t *testing.T) {
	p, _ := cable(t)
	a := open(t, Options{})
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/eth0/forwarding", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	six := target("fd00::1")
	a.Announce([]Target{six})
	expectHeard(t, p, heard{"router's advertisement", six.Addr})
}

func TestNothingAfterStop(t *testing.T) {
	p, ns := cable(t)
	var repeats []time.Duration
	for i := range 100 {
		repeats = append(repeats, time.Duration(i)*time.Millisecond)
	}
	a := open(t, Options{Repeats: repeats})
	run(t, a, ns)
	one, two, after := target("10.0.0.1"), target("10.0.0.2"), target("10.0.0.3")
	a.Announce([]Target{one, two})
	a.Stop([]netip.Addr{one.Addr, two.Addr})
	a.Announce([]Target{after})
	stopped := false
	for got, ok := p.next(t, short); ok; got, ok = p.next(t, short) {
		if stopped && got.ip != after.Addr {
			t.Fatalf("heard %v after Stop", got)
		}
		stopped = stopped || got.ip == after.Addr
	}
	if !stopped {
		t.Error("the announcement after Stop was not heard")
	}
}

func TestOnlyWhatIsPermitted(t *testing.T) {
	p, ns := cable(t)
	one, two := target("10.0.0.1"), target("10.0.0.2")
	a := open(t, Options{
		Repeats: []time.Duration{time.Millisecond},
		Permit:  func(ip netip.Addr) bool { return ip != one.Addr },
	})
	run(t, a, ns)
	a.Announce([]Target{one, two})
	expectHeard(t, p, heard{"request", two.Addr}, heard{"reply", two.Addr})
	expectSilence(t, p)
}

func TestTheMACIsReadAnew(t *testing.T) {
	p, _ := cable(t)
	a := open(t, Options{})
	one := target("10.0.0.1")
	a.Announce([]Target{one})
	expectHeard(t, p, heard{"request", one.Addr})
	nstest.IP(t, "link set eth0 address 02:00:00:00:00:42")
	p.mac = net.HardwareAddr{2, 0, 0, 0, 0, 0x42}
	a.Announce([]Target{one})
	expectHeard(t, p, heard{"request", one.Addr})
}

func TestInterfaceThatGoesAndComesBack(t *testing.T) {
	p, _ := cable(t)
	var log bytes.Buffer
	a := open(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Repeats: []time.Duration{}})
	one, two := target("10.0.0.1"), target("10.0.0.2")
	a.Announce([]Target{one, two})
	expectHeard(t, p, heard{"request", one.Addr}, heard{"request", two.Addr})

	nstest.IP(t, "link set eth0 down")
	a.Announce([]Target{one, two})
	nstest.IP(t, "link set eth0 up")
	nstest.AwaitCarrier(t, "eth0")
	a.Announce([]Target{one})
	expectHeard(t, p, heard{"request", one.Addr})

	nstest.IP(t, "link delete eth0")
	a.Announce([]Target{one, two})
	p = replug(t)
	a.Announce([]Target{one})
	expectHeard(t, p, heard{"request", one.Addr})

	nstest.IP(t, "link delete eth0") // and is back before anyone looks
	p = replug(t)
	a.Announce([]Target{one})
	expectHeard(t, p, heard{"request", one.Addr})
	if lines := strings.Count(log.String(), "\n"); lines != 4 {
		t.Errorf("logged %d lines, want one for each of down, up, gone, back:\n%s", lines, log.String())
	}
}

func TestInterfacesWithoutNeighboursAreSkipped(t *testing.T) {
	p, _ := cable(t)
	var log bytes.Buffer
	a := open(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	nstest.IP(t, "link set eth0 arp off")
	a.Announce([]Target{target("10.0.0.1"), {Addr: netip.MustParseAddr("10.0.0.2"), Interface: "lo"}})
	expectSilence(t, p)
	if log.Len() > 0 {
		t.Errorf("logged %s", log.String())
	}
}

func TestThousandsInOneBurst(t *testing.T) {
	p, ns := cable(t)
	a := open(t, Options{Repeats: []time.Duration{20 * time.Millisecond}})
	run(t, a, ns)
	var targets []Target
	for ip := netip.MustParseAddr("10.1.0.1"); len(targets) < 2000; ip = ip.Next() {
		targets = append(targets, Target{Addr: ip, Interface: "eth0"})
	}
	start := time.Now()
	a.Announce(targets)
	t.Logf("announced %d in %v", len(targets), time.Since(start))
	rounds := map[string][]netip.Addr{}
	for range 2 * len(targets) {
		got, ok := p.next(t, long)
		if !ok {
			break
		}
		rounds[got.form] = append(rounds[got.form], got.ip)
	}
	for _, form := range []string{"request", "reply"} {
		if len(rounds[form]) != len(targets) {
			t.Fatalf("heard %d of %d in the form of a %s", len(rounds[form]), len(targets), form)
		}
		for i, ip := range rounds[form] {
			if ip != targets[i].Addr {
				t.Fatalf("%s %d is for %s, want %s", form, i, ip, targets[i].Addr)
			}
		}
	}
}
