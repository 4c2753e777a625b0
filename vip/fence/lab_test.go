package fence

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"vipd/vip/boottime"
)

var (
	ownV4  = netip.MustParseAddr("192.0.2.1")
	ownV6  = netip.MustParseAddr("2001:db8::1")
	peerV4 = netip.MustParseAddr("192.0.2.2")
	peerV6 = netip.MustParseAddr("2001:db8::2")
	vipV4  = netip.MustParseAddr("192.0.2.10")
	vipV6  = netip.MustParseAddr("2001:db8::10")
	vip2V4 = netip.MustParseAddr("192.0.2.11")
	vip2V6 = netip.MustParseAddr("2001:db8::11")
	vips   = []netip.Addr{vipV4, vipV6}
	vips2  = []netip.Addr{vip2V4, vip2V6}
	farV4  = netip.MustParseAddr("198.51.100.2")
)

const patience = 20 * time.Second // how long a condition may take on a loaded machine

// needRoot skips the test where namespaces cannot be made, or fails it if it must run.
func needRoot(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		tb.Fatal("needs root for network namespaces")
	}
	tb.Skip("needs root for network namespaces")
}

// A lab is a host with addresses of its own and virtual ones, a peer on its link, and a far network behind the host.
type lab struct {
	host, peer, far netns.NsHandle
	peerIf          *net.Interface // in peer
	hostMAC         net.HardwareAddr
}

func newLab(tb testing.TB) *lab {
	tb.Helper()
	needRoot(tb)
	l := &lab{host: newNS(tb), peer: newNS(tb), far: newNS(tb)}
	l.wire(tb, "eth0", l.peer)
	l.wire(tb, "eth1", l.far)
	l.address(tb, l.host, "eth0", "192.0.2.1/24", "2001:db8::1/64", "fe80::1/64",
		"192.0.2.10/32", "192.0.2.11/32", "2001:db8::10/128", "2001:db8::11/128")
	l.address(tb, l.host, "eth1", "198.51.100.1/24")
	l.address(tb, l.peer, "eth0", "192.0.2.2/24", "2001:db8::2/64", "fe80::2/64")
	l.address(tb, l.far, "eth1", "198.51.100.2/24")
	l.introduce(tb)
	return l
}

func newNS(tb testing.TB) netns.NsHandle {
	tb.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	check(tb, err)
	defer home.Close()
	ns, err := netns.New()
	check(tb, err)
	tb.Cleanup(func() { ns.Close() })
	check(tb, netns.Set(home))
	return ns
}

// in runs fn in a namespace. Sockets that it opens stay there.
func in(tb testing.TB, ns netns.NsHandle, fn func() error) {
	tb.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	check(tb, err)
	defer home.Close()
	check(tb, netns.Set(ns))
	err = fn()
	check(tb, netns.Set(home))
	check(tb, err)
}

func (l *lab) wire(tb testing.TB, name string, other netns.NsHandle) {
	tb.Helper()
	in(tb, l.host, func() error {
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name, PeerNamespace: netlink.NsFd(other)}
		return netlink.LinkAdd(veth)
	})
	for _, ns := range []netns.NsHandle{l.host, other} {
		in(tb, ns, func() error {
			// Generated link-local addresses would stay tentative for a second.
			if err := sysctl("ipv6/conf/"+name+"/addr_gen_mode", "1"); err != nil {
				return err
			}
			for _, link := range []string{"lo", name} {
				dev, err := netlink.LinkByName(link)
				if err != nil {
					return err
				}
				if err := netlink.LinkSetUp(dev); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func sysctl(name, value string) error {
	return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0)
}

func (l *lab) address(tb testing.TB, ns netns.NsHandle, link string, addrs ...string) {
	tb.Helper()
	in(tb, ns, func() error {
		dev, err := netlink.LinkByName(link)
		if err != nil {
			return err
		}
		for _, s := range addrs {
			a, err := netlink.ParseAddr(s)
			if err != nil {
				return err
			}
			a.Flags = unix.IFA_F_NODAD
			if err := netlink.AddrAdd(dev, a); err != nil {
				return fmt.Errorf("add %s: %w", s, err)
			}
		}
		return nil
	})
}

// introduce gives host and peer each other's link address for good, so that IP can be tested apart from ARP and ND, and
// makes the host forward.
func (l *lab) introduce(tb testing.TB) {
	tb.Helper()
	var hostIf *net.Interface
	in(tb, l.host, func() (err error) {
		if err := sysctl("ipv4/ip_forward", "1"); err != nil {
			return err
		}
		hostIf, err = net.InterfaceByName("eth0")
		return err
	})
	l.hostMAC = hostIf.HardwareAddr
	in(tb, l.peer, func() (err error) {
		if l.peerIf, err = net.InterfaceByName("eth0"); err != nil {
			return err
		}
		gateway := &netlink.Route{LinkIndex: l.peerIf.Index, Gw: ownV4.AsSlice()}
		if err := netlink.RouteAdd(gateway); err != nil {
			return err
		}
		return neighbours(l.peerIf, l.hostMAC, ownV4, ownV6, vipV4, vip2V4, vipV6, vip2V6)
	})
	in(tb, l.host, func() error { return neighbours(hostIf, l.peerIf.HardwareAddr, peerV4, peerV6) })
	in(tb, l.far, func() error {
		return netlink.RouteAdd(&netlink.Route{Gw: net.IPv4(198, 51, 100, 1)})
	})
}

func neighbours(ifi *net.Interface, mac net.HardwareAddr, addrs ...netip.Addr) error {
	for _, a := range addrs {
		n := &netlink.Neigh{LinkIndex: ifi.Index, State: netlink.NUD_PERMANENT, IP: a.AsSlice(), HardwareAddr: mac}
		if err := netlink.NeighSet(n); err != nil {
			return fmt.Errorf("add neighbour %s: %w", a, err)
		}
	}
	return nil
}

// nft runs the nft program in a namespace.
func nft(tb testing.TB, ns netns.NsHandle, input string) string {
	tb.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal("needs nft, from the package nftables")
		}
		tb.Skip("needs nft, from the package nftables")
	}
	var out []byte
	in(tb, ns, func() (err error) {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(input)
		if out, err = cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("nft %q: %w: %s", input, err, out)
		}
		return nil
	})
	return string(out)
}

// open opens a fence on the lab's host.
func (l *lab) open(tb testing.TB, opts Options) *Fence {
	tb.Helper()
	opts.NetNS = int(l.host)
	if opts.Instance == "" {
		opts.Instance = "test"
	}
	f, err := Open(opts)
	check(tb, err)
	tb.Cleanup(f.disconnect)
	return f
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// eventually repeats cond until it holds.
func eventually(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !cond(); {
		if time.Now().After(deadline) {
			tb.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// after returns the instant that lies d from now.
func after(d time.Duration) int64 { return boottime.Now() + int64(d) }
