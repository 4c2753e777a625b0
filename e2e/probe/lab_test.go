package probe

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"vipd/e2e/lab"
)

var (
	vip4 = netip.MustParseAddr("10.9.0.50")
	vip6 = netip.MustParseAddr("fd09::50:1")
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// ip runs ip(8) on a host.
func ip(t *testing.T, h *lab.Host, args ...string) {
	t.Helper()
	if out, err := h.Command(t.Context(), "ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: ip %v: %v: %s", h, args, err, out)
	}
}

func add1(t *testing.T, h *lab.Host, a netip.Addr) {
	t.Helper()
	args := []string{"addr", "add", netip.PrefixFrom(a, a.BitLen()).String(), "dev", "eth0"}
	if a.Is6() {
		args = append(args, "nodad")
	}
	ip(t, h, args...)
}

func del(t *testing.T, h *lab.Host, a netip.Addr) {
	t.Helper()
	ip(t, h, "addr", "del", netip.PrefixFrom(a, a.BitLen()).String(), "dev", "eth0")
}

// watch probes IPv4 from a process of its own and IPv6 from this one, so that
// both ways are tried.
func watch(t *testing.T, l *lab.Lab, change func(*Options), addrs ...netip.Addr) *Probe {
	t.Helper()
	o := Options{
		Do: l.Client.Do, Interface: "eth0", Addrs: addrs, Relearn: 1, Separate: addrs[0].Is4(),
		Source4: l.Client.IPv4.Addr(), Source6: l.Client.IPv6.Addr(),
	}
	for _, h := range l.Hosts {
		o.Hosts = append(o.Hosts, Station{Name: h.Name, MAC: h.MAC})
	}
	if change != nil {
		change(&o)
	}
	p, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	return p
}

func await(t *testing.T, p *Probe, a netip.Addr, host string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Await(ctx, a, host); err != nil {
		t.Fatal(err)
	}
}

func stop(t *testing.T, p *Probe, a netip.Addr) *AddressReport {
	t.Helper()
	r, err := p.Stop()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Timeline(&b, a); err != nil {
		t.Fatal(err)
	}
	t.Logf("prober %+v\n%s", r.Prober, b.String())
	return r.Address(a)
}

func eachFamily(t *testing.T, test func(t *testing.T, vip netip.Addr)) {
	t.Run("IPv4", func(t *testing.T) { test(t, vip4) })
	t.Run("IPv6", func(t *testing.T) { test(t, vip6) })
}

// pause lets the prober work for a while: what is waited for is the passing of
// time itself.
func pause(d time.Duration) { <-time.After(d) }

func TestOneHolder(t *testing.T) {
	eachFamily(t, func(t *testing.T, vip netip.Addr) {
		l := lab.New(t, lab.Options{Hosts: 3})
		add1(t, l.Hosts[0], vip)
		p := watch(t, l, nil, vip)
		await(t, p, vip, "node1")
		pause(500 * time.Millisecond)
		a := stop(t, p, vip)
		if a.FirstHost != "node1" || len(a.Changes) > 0 || len(a.DoubleAnswers) > 0 {
			t.Errorf("got %+v", a)
		}
		if a.Echo.Answered < 50 || a.Resolve.Answered < 50 || a.Census["node1"] < 10 || len(a.Census) != 1 {
			t.Errorf("answers: %d echo, %d resolve, census %v", a.Echo.Answered, a.Resolve.Answered, a.Census)
		}
	})
}

func TestMove(t *testing.T) {
	eachFamily(t, func(t *testing.T, vip netip.Addr) {
		l := lab.New(t, lab.Options{Hosts: 2})
		add1(t, l.Hosts[0], vip)
		p := watch(t, l, nil, vip)
		await(t, p, vip, "node1")
		from := time.Now()
		del(t, l.Hosts[0], vip)
		pause(100 * time.Millisecond)
		add1(t, l.Hosts[1], vip)
		await(t, p, vip, "node2")
		pause(50 * time.Millisecond)
		took := time.Since(from)
		a := stop(t, p, vip)
		for name, s := range map[string]StreamReport{"echo": a.Echo, "resolve": a.Resolve} {
			if d := s.Longest.Duration; d < 95*time.Millisecond || d > took {
				t.Errorf("%s: longest silence %v, want between 95 ms and %v", name, d, took)
			}
			if s.Longest.Before != "node1" || s.Longest.After != "node2" || s.Longest.Open {
				t.Errorf("%s: longest silence %+v", name, s.Longest)
			}
		}
		if len(a.Changes) != 1 || a.Changes[0].To != "node2" || len(a.DoubleAnswers) > 0 {
			t.Errorf("changes %+v, double answers %+v", a.Changes, a.DoubleAnswers)
		}
	})
}

func TestCutAndMend(t *testing.T) {
	l := lab.New(t, lab.Options{Hosts: 1})
	add1(t, l.Hosts[0], vip4)
	p := watch(t, l, nil, vip4)
	await(t, p, vip4, "node1")
	p.Mark("cut")
	if err := l.Hosts[0].Cut(); err != nil {
		t.Fatal(err)
	}
	pause(60 * time.Millisecond)
	if err := l.Hosts[0].Mend(); err != nil {
		t.Fatal(err)
	}
	await(t, p, vip4, "node1")
	if err := l.Hosts[0].CutOutbound(); err != nil {
		t.Fatal(err)
	}
	pause(60 * time.Millisecond)
	a := stop(t, p, vip4)
	closed := slices.ContainsFunc(a.Echo.Silences, func(s Silence) bool { return !s.Open && s.Duration >= 60*time.Millisecond })
	if n := len(a.Echo.Silences); !closed || !a.Echo.Silences[n-1].Open {
		t.Errorf("silences %+v, want the cut's and an open one", a.Echo.Silences)
	}
	if a.Echo.Lost < 60 {
		t.Errorf("%d requests lost", a.Echo.Lost)
	}
}

// A client whose neighbour entry is valid follows announcements only.
func TestAnnouncement(t *testing.T) {
	l := lab.New(t, lab.Options{Hosts: 2})
	add1(t, l.Hosts[0], vip4)
	p := watch(t, l, func(o *Options) { o.Relearn = time.Hour }, vip4)
	await(t, p, vip4, "node1")
	del(t, l.Hosts[0], vip4)
	add1(t, l.Hosts[1], vip4)
	await(t, p, vip4, "node2")
	pause(100 * time.Millisecond)
	// The kernel announces what an interface has when its MAC is set, if told to.
	if out, err := l.Hosts[1].Command(t.Context(), "sysctl", "-qw", "net.ipv4.conf.eth0.arp_notify=1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	ip(t, l.Hosts[1], "link", "set", "eth0", "address", l.Hosts[1].MAC.String())
	pause(50 * time.Millisecond)
	a := stop(t, p, vip4)
	if len(a.Announcements) == 0 || a.Announcements[0].Host != "node2" {
		t.Fatalf("announcements %+v", a.Announcements)
	}
	s := a.Echo.Longest
	if s.Open || s.After != "node2" || s.End.Before(a.Announcements[0].At) {
		t.Errorf("longest silence %+v, want it to end after the announcement %+v", s, a.Announcements[0])
	}
	if a.Resolve.Longest.Duration >= s.Duration {
		t.Errorf("resolve was silent for %v, no shorter than echo", a.Resolve.Longest.Duration)
	}
}

// Many addresses stretch the interval to keep to the rate.
func TestManyAddresses(t *testing.T) {
	l := lab.New(t, lab.Options{Hosts: 2})
	var addrs []netip.Addr
	for a := netip.MustParseAddr("10.9.1.1"); len(addrs) < 200; a = a.Next() {
		addrs = append(addrs, a)
		add1(t, l.Hosts[0], a)
	}
	p := watch(t, l, func(o *Options) { o.MaxRate = 10000 }, addrs...)
	await(t, p, addrs[199], "node1")
	pause(time.Second)
	r, err := p.Stop()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r.Prober)
	if r.Prober.Interval != 60*time.Millisecond {
		t.Errorf("interval %v, want 60 ms", r.Prober.Interval)
	}
	if rate := float64(r.Prober.Sent) / r.End.Sub(r.Start).Seconds(); rate > 11000 {
		t.Errorf("%.0f packets a second", rate)
	}
	for _, a := range r.Addresses {
		if a.FirstHost != "node1" || a.Echo.Answered < 5 {
			t.Errorf("%s: %d answers, first from %q", a.Addr, a.Echo.Answered, a.FirstHost)
		}
	}
	if d := r.DoubleAnswers(); len(d) > 0 {
		t.Errorf("double answers %+v", d)
	}
}

func TestStartFails(t *testing.T) {
	lab.Require(t)
	for name, o := range map[string]Options{
		"no address":   {Interface: "lo", Source4: netip.MustParseAddr("127.0.0.1")},
		"no source":    {Interface: "lo", Addrs: []netip.Addr{vip6}, Source4: netip.MustParseAddr("127.0.0.1")},
		"no interface": {Interface: "none", Addrs: []netip.Addr{vip4}, Source4: netip.MustParseAddr("127.0.0.1")},
	} {
		for _, o.Separate = range []bool{false, true} {
			if _, err := Start(o); err == nil {
				t.Errorf("%s, separate %v: started", name, o.Separate)
			}
		}
	}
}
