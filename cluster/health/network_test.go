package health

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"vipd/bond"
	"vipd/cluster/state"
)

// segment is a cable with a host at its other end: the test's goroutine has eth0, with nothing but a link-local
// address, and the host 10.9.0.1/24 and fd00:9::1/64.
func segment(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	runtime.LockOSThread()
	home := must(netns.Get())(t)
	there := must(netns.New())(t)
	here := must(netns.New())(t)
	t.Cleanup(func() {
		if err := netns.Set(home); err != nil {
			t.Errorf("leave the network namespace: %v", err)
			return // and the thread ends with the goroutine
		}
		runtime.UnlockOSThread()
		for _, ns := range []netns.NsHandle{home, there, here} {
			ns.Close()
		}
	})
	set := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	lo := must(netlink.LinkByName("lo"))(t)
	set(netlink.LinkSetUp(lo))
	set(netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(int(there))}))
	far := must(netlink.NewHandleAt(there))(t)
	defer far.Close()
	peer := must(far.LinkByName("eth0"))(t)
	for _, a := range []string{"10.9.0.1/24", "fd00:9::1/64"} {
		addr := must(netlink.ParseAddr(a))(t)
		addr.Flags = 2 // IFA_F_NODAD
		set(far.AddrAdd(peer, addr))
	}
	set(far.LinkSetUp(peer))
	set(os.WriteFile("/proc/sys/net/ipv6/conf/eth0/accept_dad", []byte("0"), 0)) // else its address is of no use for a second
	set(netlink.LinkSetUp(must(netlink.LinkByName("eth0"))(t)))
}

// answered waits for a check to be well: a cable has no carrier at once, and an address of IPv6 does not answer at once.
func answered(t *testing.T, run func() Outcome) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for o := run(); !o.OK; o = run() {
		if time.Now().After(deadline) {
			t.Fatalf("never well: %+v", o)
		}
	}
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func address(t *testing.T, text string) {
	t.Helper()
	addr := must(netlink.ParseAddr(text))(t)
	addr.Flags = 2
	if err := netlink.AddrAdd(must(netlink.LinkByName("eth0"))(t), addr); err != nil {
		t.Fatal(err)
	}
}

// networked returns a monitor whose host's group has an address.
func networked(virtual string) *Monitor {
	return New(Options{Virtual: func() map[netip.Addr]bool { return map[netip.Addr]bool{netip.MustParseAddr(virtual): true} }})
}

func TestARP(t *testing.T) {
	segment(t)
	m := networked("10.9.0.3")
	asks := func(ip, link string) Outcome {
		return once(t, m, state.Check{ARP: &state.ARPCheck{Address: ip, Interface: link}, Timeout: 500 * time.Millisecond})
	}
	answered(t, func() Outcome { return asks("10.9.0.1", "eth0") }) // without an address of its own
	says(t, asks("10.9.0.2", "eth0"), false, "0 of 3 requests answered: no answer within 150ms")
	answered(t, func() Outcome { return asks("fd00:9::1", "eth0") })
	says(t, asks("fd00:9::2", "eth0"), false, "no answer within 150ms")
	says(t, asks("10.9.0.1", "eth9"), false, "it has no interface eth9")
	says(t, asks("10.9.0.1", "lo"), false, "lo has no hardware address")
	says(t, asks("fd00:9::1", "lo"), false, "lo has no link-local address")
	address(t, "10.9.0.4/24")
	answered(t, func() Outcome { return asks("10.9.0.1", "eth0") })
	link := must(netlink.LinkByName("eth0"))(t)
	if err := netlink.LinkSetDown(link); err != nil {
		t.Fatal(err)
	}
	says(t, asks("10.9.0.1", "eth0"), false, "send: network is down")
}

// A request tells neighbours where its sender is: it never names a virtual address, which another node may have by now.
func TestARPSpeaksForNoVirtualAddress(t *testing.T) {
	segment(t)
	ifi := must(net.InterfaceByName("eth0"))(t)
	to := netip.MustParseAddr("10.9.0.1")
	sender := func(want string) {
		t.Helper()
		from, err := senderOn(ifi, to, networked("10.9.0.3").options.Virtual)
		if err != nil || from.String() != want {
			t.Errorf("it asks as %v, want %s; %v", from, want, err)
		}
	}
	sender("0.0.0.0")
	address(t, "10.9.0.3/24")
	sender("0.0.0.0")
	address(t, "192.0.2.9/24")
	sender("192.0.2.9")
	address(t, "10.9.0.4/24")
	sender("10.9.0.4")
}

func TestPing(t *testing.T) {
	segment(t)
	address(t, "10.9.0.4/24")
	address(t, "fd00:9::4/64")
	m := networked("10.9.0.3")
	pings := func(p state.PingCheck) Outcome {
		p.Count, p.Answers = max(p.Count, 2), max(p.Answers, 1)
		return once(t, m, state.Check{Ping: &p, Timeout: 400 * time.Millisecond})
	}
	for _, ip := range []string{"127.0.0.1", "::1", "10.9.0.1", "fd00:9::1"} {
		answered(t, func() Outcome { return pings(state.PingCheck{Address: ip}) })
	}
	says(t, pings(state.PingCheck{Address: "10.9.0.1", Interface: "eth0", Count: 3, Answers: 3}), true, "it answers")
	says(t, pings(state.PingCheck{Address: "fd00:9::1", Interface: "eth0"}), true, "it answers")
	says(t, pings(state.PingCheck{Address: "10.9.0.2"}), false, "0 of 2 requests answered: no answer within 180ms")
	says(t, pings(state.PingCheck{Address: "10.9.0.2", Answers: 2}), false, "0 of 1 requests answered")
	says(t, pings(state.PingCheck{Address: "198.51.100.1"}), false, "network is unreachable")
	says(t, pings(state.PingCheck{Address: "10.9.0.1", Interface: "eth9"}), false, "use interface eth9: no such device")
	says(t, pings(state.PingCheck{Address: "10.9.0.1", Interface: "lo"}), false, "0 of 2 requests answered")
}

// What is asked stops when it has answered often enough, or cannot any more.
func TestAskedNoMoreThanNeeded(t *testing.T) {
	for _, tt := range []struct {
		answers       string // + or -, in turn
		count, wanted int
		turns         int
		ok            bool
	}{
		{"+++++", 5, 1, 1, true}, {"--+++", 5, 1, 3, true}, {"-----", 5, 1, 5, false},
		{"+-+-+", 5, 3, 5, true}, {"+-+--", 5, 3, 5, false}, {"---++", 5, 3, 3, false}, {"-++++", 5, 5, 1, false},
	} {
		turns := 0
		o := asked(tt.count, tt.wanted, func(turn int) error {
			turns++
			if tt.answers[turn] == '-' {
				return os.ErrDeadlineExceeded
			}
			return nil
		})
		if o.OK != tt.ok || turns != tt.turns {
			t.Errorf("%s, %d of %d wanted: %+v after %d", tt.answers, tt.wanted, tt.count, o, turns)
		}
	}
}

func TestBond(t *testing.T) {
	up, cut := bond.MemberStatus{Name: "a", Up: true, Carrier: true, Link: "up"}, bond.MemberStatus{Name: "b", Up: true, Link: "down"}
	status := func(members ...bond.MemberStatus) bond.Status {
		return bond.Status{Name: "bond0", Exists: true, Kind: "bond", Up: true, Carrier: true, Monitor: "miimon", Members: members}
	}
	down := status(up, up)
	down.Up = false
	for _, tt := range []struct {
		name   string
		status bond.Status
		links  int
		ok     bool
		says   string
	}{
		{"all", status(up, up), 0, true, "2 of 2 links usable"},
		{"degraded", status(up, cut), 0, false, "1 of 2 links usable"},
		{"degraded and enough", status(up, cut), 1, true, "1 of 2 links usable"},
		{"too few", status(up, up, cut), 3, false, "2 of 3 links usable, fewer than 3"},
		{"more than there are", status(up, up), 3, false, "2 of 2 links usable, fewer than 3"},
		{"none", status(cut, cut), 1, false, "bond0 has no usable link of 2"},
		{"empty", status(), 0, false, "bond0 has no usable link of 0"},
		{"down", down, 1, false, "bond0 is down"},
		{"not there", bond.Status{Name: "bond0"}, 1, false, "bond0 does not exist"},
		{"no bond", bond.Status{Name: "eth0", Exists: true, Up: true, Carrier: true}, 1, false, "it is no bond"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(Options{Bond: func(string) (bond.Status, error) { return tt.status, nil }})
			o := once(t, m, state.Check{Bond: &state.BondCheck{Name: "bond0", Links: tt.links}})
			if o.OK != tt.ok || !strings.HasPrefix(o.Text, tt.says) {
				t.Errorf("%+v", o)
			}
		})
	}
}
