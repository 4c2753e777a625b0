package announce

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"vipd/vip/internal/nstest"
)

// tap hears what arrives at the far end of a cable.
type tap struct {
	conn *packet.Conn
	mac  net.HardwareAddr // of the near end
}

// cable makes eth0 and listens at its other end, in a fresh namespace.
func cable(t *testing.T) (tap, netns.NsHandle) {
	t.Helper()
	ns := nstest.Enter(t)
	every, err := pin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.SchedSetaffinity(0, &every); err != nil {
			t.Error(err)
		}
	})
	return replug(t), ns
}

// replug makes the cable and listens at its far end.
func replug(t *testing.T) tap {
	t.Helper()
	nstest.Veth(t, "eth0", "eth1")
	near, err := net.InterfaceByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	return tap{conn: listen(t, "eth1"), mac: near.HardwareAddr}
}

// pin keeps the calling thread on one processor, the same for all threads, and returns those it could
// use before. Frames from different processors may overtake each other on a veth.
func pin() (before unix.CPUSet, err error) {
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return before, err
	}
	first := 0
	for !before.IsSet(first) {
		first++
	}
	var one unix.CPUSet
	one.Set(first)
	return before, unix.SchedSetaffinity(0, &one)
}

func listen(t *testing.T, name string) *packet.Conn {
	t.Helper()
	far, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := packet.Listen(far, packet.Raw, unix.ETH_P_ALL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20)
	}); err != nil {
		t.Fatal(err)
	}
	return conn
}

// heard is an announcement as the neighbours see it.
type heard struct {
	form string // "request", "reply" or "advertisement"
	ip   netip.Addr
}

// next returns the next announcement that arrives until the deadline, checked in every field.
func (p tap) next(t *testing.T, within time.Duration) (heard, bool) {
	t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2000)
	for {
		n, _, err := p.conn.ReadFrom(b)
		if err != nil {
			return heard{}, false
		}
		h, ours, err := p.check(b[:n])
		if err != nil {
			t.Fatalf("%v in % x", err, b[:n])
		}
		if ours {
			return h, true
		}
	}
}

// check takes a frame apart by hand. Frames of other kinds, which the kernel may send, are not ours.
func (p tap) check(b []byte) (h heard, ours bool, err error) {
	if len(b) < 14 || string(b[6:12]) != string(p.mac) {
		return heard{}, false, nil
	}
	switch kind := binary.BigEndian.Uint16(b[12:]); {
	case kind == 0x0806:
		h, err = p.checkARP(b)
		return h, true, err
	case kind == 0x86dd && len(b) > 54 && b[20] == 58 && b[54] == 136:
		h, err = p.checkAdvertisement(b)
		return h, true, err
	}
	return heard{}, false, nil
}

func (p tap) checkARP(b []byte) (heard, error) {
	if len(b) < 42 || string(b[:6]) != "\xff\xff\xff\xff\xff\xff" {
		return heard{}, fmt.Errorf("not a broadcast ARP packet")
	}
	a := b[14:]
	if string(a[:7]) != "\x00\x01\x08\x00\x06\x04\x00" || string(a[8:14]) != string(p.mac) {
		return heard{}, fmt.Errorf("wrong ARP header or sender")
	}
	form, target := "request", "\xff\xff\xff\xff\xff\xff"
	if a[7] == 2 {
		form, target = "reply", string(p.mac)
	} else if a[7] != 1 {
		return heard{}, fmt.Errorf("operation %d", a[7])
	}
	if string(a[18:24]) != target || string(a[14:18]) != string(a[24:28]) {
		return heard{}, fmt.Errorf("wrong target")
	}
	ip, _ := netip.AddrFromSlice(a[14:18])
	return heard{form, ip}, nil
}

func (p tap) checkAdvertisement(b []byte) (heard, error) {
	ip6, icmp := b[14:54], b[54:]
	from, _ := netip.AddrFromSlice(ip6[8:24])
	to, _ := netip.AddrFromSlice(ip6[24:40])
	switch {
	case string(b[:6]) != "\x33\x33\x00\x00\x00\x01" || to.String() != "ff02::1":
		return heard{}, fmt.Errorf("sent to %s", to)
	case ip6[0] != 0x60 || int(binary.BigEndian.Uint16(ip6[4:])) != len(icmp) || ip6[7] != 255:
		return heard{}, fmt.Errorf("wrong IPv6 header")
	case len(icmp) != 32 || icmp[1] != 0 || string(icmp[8:24]) != string(ip6[8:24]):
		return heard{}, fmt.Errorf("the target is not the source")
	case string(icmp[24:26]) != "\x02\x01" || string(icmp[26:32]) != string(p.mac):
		return heard{}, fmt.Errorf("wrong link-layer address option")
	case checksum(ip6, icmp) != 0xffff:
		return heard{}, fmt.Errorf("checksum is wrong by %#x", checksum(ip6, icmp))
	}
	form := "advertisement"
	switch icmp[4] {
	case 0x20: // override alone
	case 0xa0:
		form = "router's advertisement"
	default:
		return heard{}, fmt.Errorf("flags %#x", icmp[4])
	}
	return heard{form, from}, nil
}

// checksum adds up the pseudo-header (RFC 8200 section 8.1) and the message, its own checksum included.
func checksum(ip6, icmp []byte) uint16 {
	pseudo := append([]byte{}, ip6[8:40]...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(icmp)))
	pseudo = append(pseudo, 0, 0, 0, 58)
	var sum uint32
	for _, part := range [][]byte{pseudo, icmp} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
