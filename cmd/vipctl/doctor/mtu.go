package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	headers = 28 // bytes of IPv4 and of ICMP echo
	small   = 64 // bytes that any path takes
)

// mtu asks each peer of IPv4 for an echo of as much as a frame of this host takes, unfragmented. One that answers a
// small echo and none of full size is behind something that drops full frames: Raft's snapshots would not arrive.
func (h Host) mtu(ctx context.Context) []Finding {
	if h.Status == nil || !h.File.Listen.Is4() {
		return nil
	}
	full, link := frameSize(h.File.Listen.Addr)
	if full == 0 {
		return nil
	}
	var mu sync.Mutex
	var found []Finding
	var asking sync.WaitGroup
	for _, n := range h.Status.Nodes {
		to, err := netip.ParseAddrPort(n.Address)
		if n.Name == h.Status.Node || err != nil || !to.Addr().Is4() {
			continue
		}
		asking.Go(func() {
			if ok, err := echoes(ctx, h.File.Listen.Addr, to.Addr(), small); err != nil || !ok {
				return // without rights, down, or no echo is answered at all
			}
			if ok, err := echoes(ctx, h.File.Listen.Addr, to.Addr(), full); ok || err != nil && !errors.Is(err, unix.EMSGSIZE) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, Finding{Problem, "peer", fmt.Sprintf("packets of %d bytes, the MTU of %s, do not reach %s, and small ones do", full, link, n.Name),
				fmt.Sprintf("give both hosts and all between them one MTU, or lower this host's: ip link set %s mtu 1400", link)})
		})
	}
	asking.Wait()
	return found
}

// frameSize returns the MTU of the interface that has an address.
func frameSize(ip netip.Addr) (mtu int, link string) {
	all, err := net.Interfaces()
	if err != nil {
		return 0, ""
	}
	for _, ifi := range all {
		addrs, err := ifi.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == ip {
				return ifi.MTU, ifi.Name
			}
		}
	}
	return 0, ""
}

// echoes reports whether an unfragmented echo of a size, headers included, is answered within probeLimit.
func echoes(ctx context.Context, from, to netip.Addr, size int) (bool, error) {
	config := net.ListenConfig{}
	conn, err := config.ListenPacket(ctx, "ip4:icmp", from.String())
	if err != nil {
		return false, err
	}
	defer conn.Close()
	raw, err := conn.(*net.IPConn).SyscallConn() //nolint:forcetypeassert // that is what such a network has
	if err != nil {
		return false, err
	}
	var optErr error
	if err := raw.Control(func(fd uintptr) {
		optErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	}); err != nil || optErr != nil {
		return false, errors.Join(err, optErr)
	}
	id := os.Getpid() & 0xffff
	message := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: id, Seq: size, Data: make([]byte, size-headers)}}
	packet, err := message.Marshal(nil)
	if err != nil {
		return false, err
	}
	if err := conn.SetDeadline(time.Now().Add(probeLimit)); err != nil {
		return false, err
	}
	if _, err := conn.WriteTo(packet, &net.IPAddr{IP: to.AsSlice()}); err != nil {
		return false, err
	}
	buffer := make([]byte, 1<<16)
	for {
		n, sender, err := conn.ReadFrom(buffer)
		if err != nil {
			return false, nil // in time
		}
		answer, err := icmp.ParseMessage(1, buffer[:n])
		if err != nil || answer.Type != ipv4.ICMPTypeEchoReply || sender.String() != to.String() {
			continue
		}
		if echo, ok := answer.Body.(*icmp.Echo); ok && echo.ID == id && echo.Seq == size {
			return true, nil
		}
	}
}
