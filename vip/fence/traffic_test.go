package fence

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// sendFrom sends a datagram from an address of the host to the peer.
func (l *lab) sendFrom(tb testing.TB, from, to netip.Addr) (err error) {
	tb.Helper()
	in(tb, l.host, func() error {
		err = sendUDP(from, to)
		return nil
	})
	return err
}

// sendUDP sends a datagram to the discard port, in the namespace of the calling thread.
func sendUDP(from, to netip.Addr) error {
	d := net.Dialer{}
	if from.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	c, err := d.Dial("udp", netip.AddrPortFrom(to, 9).String())
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("x"))
	return err
}

func TestNothingLeavesFromAShutAddress(t *testing.T) {
	l := newLab(t)
	f := l.open(t, Options{})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	pairs := map[netip.Addr]netip.Addr{vipV4: peerV4, vipV6: peerV6}
	for from, to := range pairs {
		check(t, l.sendFrom(t, from, to))
	}
	check(t, f.Shut())
	for from, to := range pairs {
		if err := l.sendFrom(t, from, to); !errors.Is(err, unix.EPERM) {
			t.Errorf("send from %s while shut: %v, want EPERM", from, err)
		}
	}
	check(t, l.sendFrom(t, ownV4, peerV4))
	check(t, l.sendFrom(t, ownV6, peerV6))
	c, err := f.Counters()
	check(t, err)
	if diff := cmp.Diff(Counters{IPv4Out: 1, IPv6Out: 1}, c); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

// With these settings the kernel itself announces the addresses of an interface whose link address changes.
func TestKernelAnnouncementOfAShutAddress(t *testing.T) {
	l := newLab(t)
	f := l.open(t, Options{})
	check(t, f.Hold(vips))
	in(t, l.host, func() error {
		err := errors.Join(sysctl("ipv4/conf/eth0/arp_notify", "1"), sysctl("ipv6/conf/eth0/ndisc_notify", "1"))
		if err != nil {
			return err
		}
		dev, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.LinkSetHardwareAddr(dev, net.HardwareAddr{2, 0, 0, 0, 0, 9})
	})
	eventually(t, "announcements are dropped", func() bool {
		c, err := f.Counters()
		check(t, err)
		return c.ARPOut == 1 && c.NDOut == 1
	})
}

// Swapping the lease sets must not cost a packet that is being judged meanwhile.
func TestExtendDropsNothing(t *testing.T) {
	l := newLab(t)
	f := l.open(t, Options{})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	stop, extended := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				extended <- nil
				return
			default:
			}
			if err := f.Extend(after(patience)); err != nil {
				extended <- err
				return
			}
		}
	}()
	in(t, l.host, func() error {
		d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(vipV4, 0))}
		c, err := d.Dial("udp", netip.AddrPortFrom(farV4, 9).String())
		if err != nil {
			return err
		}
		defer c.Close()
		for range 100_000 {
			if _, err := c.Write([]byte("x")); errors.Is(err, unix.EPERM) {
				break // the counter tells
			}
		}
		return nil
	})
	close(stop)
	check(t, <-extended)
	c, err := f.Counters()
	check(t, err)
	c.Stalls = 0
	// A processor that stands still between two rules may miss two extensions, of which a real lease has a few a second.
	if c.IPv4Out <= 2 {
		c.IPv4Out = 0
	}
	if diff := cmp.Diff(Counters{}, c); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

func TestCountersIn(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	f := l.open(t, Options{})
	check(t, f.Hold(vips))
	wantAnswers(t, p, "shut", nil, vips...)
	c, err := f.Counters()
	check(t, err)
	if diff := cmp.Diff(Counters{ARPIn: 1, IPv4In: 1, IPv6In: 1, NDIn: 1}, c); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

func TestForwardedTrafficPasses(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	f := l.open(t, Options{})
	check(t, f.Hold(vips))
	got := p.ask("echo", []netip.Addr{vipV4}, farV4, p.sendEcho4, p.readEcho4)
	if diff := cmp.Diff([]string(nil), got); diff != "" {
		t.Errorf("answers before the far host's (-want +got):\n%s", diff)
	}
	wantAnswers(t, p, "shut", nil, vips...)
}

// listen returns a function that waits for a datagram and says where it came from.
func (l *lab) listen(tb testing.TB, ns netns.NsHandle, addr netip.Addr) func(time.Duration) netip.Addr {
	tb.Helper()
	var c *net.UDPConn
	in(tb, ns, func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 9)))
		return err
	})
	tb.Cleanup(func() { c.Close() })
	return func(wait time.Duration) netip.Addr {
		c.SetReadDeadline(time.Now().Add(wait))
		_, from, _ := c.ReadFromUDPAddrPort(make([]byte, 9))
		return from.Addr()
	}
}

// A guarded address that is the target of DNAT must not be reached, nor must what is forwarded leave from it.
func TestNATDoesNotLeadAround(t *testing.T) {
	l := newLab(t)
	nft(t, l.host, `table ip nat {
		chain pre { type nat hook prerouting priority -100; ip daddr 192.0.2.10 dnat to 198.51.100.2; }
		chain post { type nat hook postrouting priority 100; oifname "eth0" ip saddr 198.51.100.0/24 snat to 192.0.2.11; }
	}`)
	f := l.open(t, Options{})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold([]netip.Addr{vipV4, vip2V4}))
	heard := l.listen(t, l.peer, peerV4)
	send := func() {
		in(t, l.far, func() error { return sendUDP(netip.Addr{}, peerV4) })
	}
	send()
	if from := heard(patience); from != vip2V4 {
		t.Fatalf("open: the peer hears %v, want %v", from, vip2V4)
	}
	check(t, f.Shut())
	send()
	eventually(t, "packet with a translated source is dropped", func() bool {
		c, err := f.Counters()
		check(t, err)
		return c.IPv4Out == 1
	})
	if from := heard(time.Millisecond); from.IsValid() {
		t.Errorf("shut: the peer hears %v", from)
	}
	in(t, l.peer, func() error { return sendUDP(netip.Addr{}, vipV4) })
	eventually(t, "packet to a translated destination is dropped", func() bool {
		c, err := f.Counters()
		check(t, err)
		return c.IPv4In == 1
	})
}
