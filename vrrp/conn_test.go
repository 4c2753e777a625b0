package vrrp_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"vipd/vrrp"
	"vipd/vrrp/internal/lab"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// pair is two namespaces with a cable between them.
func pair(t *testing.T) (a, b *lab.Namespace) {
	t.Helper()
	a, b = lab.NewNamespace(t, "a"), lab.NewNamespace(t, "b")
	lab.Cable(t, a, b)
	return a, b
}

func listen(t *testing.T, ns *lab.Namespace, cfg vrrp.ConnConfig) *vrrp.Conn {
	t.Helper()
	var c *vrrp.Conn
	ns.Do(t, func() (err error) { c, err = vrrp.Listen(t.Context(), cfg); return err })
	t.Cleanup(func() { c.Close() })
	return c
}

// receive takes the next packet, or fails after a while.
func receive(t *testing.T, c *vrrp.Conn) vrrp.Packet {
	t.Helper()
	got := make(chan vrrp.Packet, 1)
	go func() {
		if p, err := c.Receive(); err == nil {
			got <- p
		}
	}()
	select {
	case p := <-got:
		return p
	case <-time.After(slack):
		t.Fatal("nothing arrived")
		return vrrp.Packet{}
	}
}

// capture hears every frame that arrives at eth0.
func capture(t *testing.T, ns *lab.Namespace) *packet.Conn {
	t.Helper()
	var c *packet.Conn
	ns.Do(t, func() error {
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		c, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
		return err
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// nextAdvert is the next frame of protocol 112.
func nextAdvert(t *testing.T, c *packet.Conn) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(slack)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	for {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			t.Fatalf("no advert on the wire: %v", err)
		}
		v4 := n > 34 && b[12] == 0x08 && b[13] == 0x00 && b[23] == vrrp.Protocol
		v6 := n > 54 && b[12] == 0x86 && b[13] == 0xdd && b[20] == vrrp.Protocol
		if v4 || v6 {
			return b[:n]
		}
	}
}

func message(t *testing.T, src, dst string) vrrp.Advert {
	t.Helper()
	vip := "10.0.0.100"
	if ip(dst).Is6() {
		vip = "fe80::100"
	}
	b, err := vrrp.Advertisement{Version: 3, VRID: 51, Priority: 100, Interval: time.Second, Addresses: ips(vip)}.Marshal(vrrp.Wire{Src: ip(src), Dst: ip(dst)})
	if err != nil {
		t.Fatal(err)
	}
	return vrrp.Advert{Dst: ip(dst), Payload: b}
}

// TestOnTheWire looks at what a peer's network card sees.
func TestOnTheWire(t *testing.T) {
	a, b := pair(t)
	wire := capture(t, b)

	c4 := listen(t, a, vrrp.ConnConfig{Interface: "eth0", Source: ip("10.0.0.1")})
	advert := message(t, "10.0.0.1", "224.0.0.18")
	if err := c4.Send(advert); err != nil {
		t.Fatal(err)
	}
	f := nextAdvert(t, wire)
	if diff := cmp.Diff([]byte{0x01, 0x00, 0x5e, 0x00, 0x00, 0x12}, f[:6]); diff != "" {
		t.Errorf("destination MAC (-want +got):\n%s", diff)
	}
	h := f[14:]
	if h[1] != 0xc0 || h[8] != 255 || h[6]&0x40 != 0 || !bytes.Equal(h[12:20], []byte{10, 0, 0, 1, 224, 0, 0, 18}) {
		t.Errorf("TOS %#x, TTL %d, flags %#x, addresses %v", h[1], h[8], h[6], h[12:20])
	}
	if diff := cmp.Diff(advert.Payload, h[20:20+len(advert.Payload)]); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}

	c6 := listen(t, a, vrrp.ConnConfig{Interface: "eth0", Source: ip("fe80::1")})
	advert = message(t, "fe80::1", "ff02::12")
	if err := c6.Send(advert); err != nil {
		t.Fatal(err)
	}
	h = nextAdvert(t, wire)[14:]
	class := h[0]<<4 | h[1]>>4
	src, _ := netip.AddrFromSlice(h[8:24])
	if class != 0xc0 || h[7] != 255 || src != ip("fe80::1") {
		t.Errorf("traffic class %#x, hop limit %d, source %v", class, h[7], src)
	}
	if diff := cmp.Diff(advert.Payload, h[40:40+len(advert.Payload)]); diff != "" {
		t.Errorf("payload, whose checksum nobody may touch (-want +got):\n%s", diff)
	}
}

// TestHearing: a peer hears both ways of addressing, with the TTL and destination; we never hear ourselves.
func TestHearing(t *testing.T) {
	for _, tt := range []struct{ name, ours, theirs, group string }{
		{"IPv4", "10.0.0.1", "10.0.0.2", "224.0.0.18"},
		{"IPv6", "fe80::1", "fe80::2", "ff02::12"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pair(t)
			ca := listen(t, a, vrrp.ConnConfig{Interface: "eth0", Source: ip(tt.ours)})
			second := listen(t, a, vrrp.ConnConfig{Interface: "eth0", Source: ip(tt.ours)})
			cb := listen(t, b, vrrp.ConnConfig{Interface: "eth0", Source: ip(tt.theirs), UnicastTTL: 7})

			multicast := message(t, tt.ours, tt.group)
			if err := ca.Send(multicast); err != nil {
				t.Fatal(err)
			}
			want := vrrp.Packet{Src: ip(tt.ours), Dst: ip(tt.group), TTL: 255, Payload: multicast.Payload}
			if diff := cmp.Diff(want, receive(t, cb), equalAddr); diff != "" {
				t.Errorf("multicast (-want +got):\n%s", diff)
			}
			// The first thing that our side hears is the peer's answer: not its own advert, nor that of another
			// Conn on the same host.
			unicast := message(t, tt.theirs, tt.ours)
			if err := cb.Send(unicast); err != nil {
				t.Fatal(err)
			}
			want = vrrp.Packet{Src: ip(tt.theirs), Dst: ip(tt.ours), TTL: 7, Payload: unicast.Payload}
			for _, c := range []*vrrp.Conn{ca, second} {
				if diff := cmp.Diff(want, receive(t, c), equalAddr); diff != "" {
					t.Errorf("unicast (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestOtherGroup: a Conn hears the groups it joined and no other.
func TestOtherGroup(t *testing.T) {
	a, b := pair(t)
	ca := listen(t, a, vrrp.ConnConfig{Interface: "eth0", Source: ip("10.0.0.1")})
	cb := listen(t, b, vrrp.ConnConfig{Interface: "eth0", Source: ip("10.0.0.2"), Groups: ips("224.0.0.100")})
	for _, group := range []string{"224.0.0.18", "224.0.0.100"} {
		if err := ca.Send(message(t, "10.0.0.1", group)); err != nil {
			t.Fatal(err)
		}
	}
	if got := receive(t, cb).Dst; got != ip("224.0.0.100") {
		t.Errorf("heard what went to %v", got)
	}
}

func TestCloseEndsReceive(t *testing.T) {
	a, _ := pair(t)
	c := listen(t, a, vrrp.ConnConfig{Interface: "eth0", Source: ip("10.0.0.1")})
	done := make(chan error, 1)
	go func() { _, err := c.Receive(); done <- err }()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v", err)
		}
	case <-time.After(slack):
		t.Error("Receive still waits")
	}
}

func TestListenRefuses(t *testing.T) {
	a, _ := pair(t)
	a.Do(t, func() error {
		if _, err := vrrp.Listen(t.Context(), vrrp.ConnConfig{Interface: "absent", Source: ip("10.0.0.1")}); err == nil {
			t.Error("an absent interface was accepted")
		}
		if _, err := vrrp.Listen(t.Context(), vrrp.ConnConfig{Interface: "eth0"}); !errors.Is(err, vrrp.ErrNoSource) {
			t.Errorf("no source: %v", err)
		}
		return nil
	})
}

func TestSourceAddress(t *testing.T) {
	ns := lab.NewNamespace(t, "source")
	ns.IP(t, "link", "add", "eth0", "type", "veth", "peer", "name", "far")
	ns.IP(t, "link", "set", "eth0", "addrgenmode", "none")
	ns.IP(t, "link", "set", "eth0", "up")
	ns.IP(t, "link", "set", "far", "up")
	choose := func(ipv6 bool) (got netip.Addr, err error) {
		ns.Do(t, func() error {
			got, err = vrrp.SourceAddress("eth0", ipv6, ips("10.0.0.100", "fe80::100"))
			return nil
		})
		return got, err
	}
	// The virtual addresses are there first, as after a crash.
	ns.IP(t, "addr", "add", "10.0.0.100/32", "dev", "eth0")
	ns.IP(t, "addr", "add", "fe80::100/64", "dev", "eth0", "nodad")
	ns.IP(t, "addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
	for _, ipv6 := range []bool{false, true} {
		if got, err := choose(ipv6); !errors.Is(err, vrrp.ErrNoSource) {
			t.Errorf("IPv6 %v: %v, error %v; want none", ipv6, got, err)
		}
	}
	ns.IP(t, "addr", "add", "10.0.0.5/24", "dev", "eth0")
	ns.IP(t, "addr", "add", "10.0.0.6/24", "dev", "eth0")
	ns.IP(t, "addr", "add", "fe80::5/64", "dev", "eth0", "nodad")
	for ipv6, want := range map[bool]string{false: "10.0.0.5", true: "fe80::5"} {
		if got, err := choose(ipv6); got != ip(want) {
			t.Errorf("IPv6 %v: %v, error %v; want %s", ipv6, got, err, want)
		}
	}
}

// TestVirtualMACOnTheWire: adverts sent on the virtual interface carry the virtual MAC, and it hears peers.
func TestVirtualMACOnTheWire(t *testing.T) {
	a, b := pair(t)
	v := vrrp.VirtualMAC{Parent: "eth0", VRID: 51}
	a.Do(t, func() error { return v.Ensure(vrrp.VMACUp) })
	wire := capture(t, b)
	ca := listen(t, a, vrrp.ConnConfig{Interface: v.LinkName(), Source: ip("10.0.0.1"), Borrowed: true})
	cb := listen(t, b, vrrp.ConnConfig{Interface: "eth0", Source: ip("10.0.0.2")})
	if err := ca.Send(message(t, "10.0.0.1", "224.0.0.18")); err != nil {
		t.Fatal(err)
	}
	f := nextAdvert(t, wire)
	if diff := cmp.Diff(net.HardwareAddr{0, 0, 0x5e, 0, 1, 51}, net.HardwareAddr(f[6:12])); diff != "" {
		t.Errorf("source MAC (-want +got):\n%s", diff)
	}
	if got := receive(t, cb).Src; got != ip("10.0.0.1") {
		t.Errorf("the peer heard %v", got)
	}
	if err := cb.Send(message(t, "10.0.0.2", "224.0.0.18")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, ca).Src; got != ip("10.0.0.2") {
		t.Errorf("we heard %v", got)
	}
}
