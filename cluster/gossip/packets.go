package gossip

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	maxPacket      = 65536 // what UDP carries, rounded up
	packetsWaiting = 256   // for memberlist
	batchPackets   = 256   // that are taken in together
	batchBytes     = 1 << 20
)

// readPackets hands datagrams over and memberlist's packets on, until the socket is closed. All that waits in the
// kernel is taken together: after a pause, the receiver must not judge by the first of it that others are silent.
func (t *transport) readPackets() {
	b := batch{buffer: make([]byte, maxPacket)}
	for {
		// The error is that of a socket that was closed: the function itself never ends the reading.
		err := t.raw.Read(func(fd uintptr) bool {
			for more := true; more; {
				more = t.fill(&b, int(fd))
				if len(b.datagrams) > 0 {
					t.receive(b.datagrams)
				}
				b.empty()
			}
			return false
		})
		if err != nil {
			return
		}
	}
}

// batch is what was read at once.
type batch struct {
	buffer    []byte // one packet as it comes
	opened    []byte // where the datagrams are
	datagrams [][]byte
}

func (b *batch) empty() {
	b.datagrams, b.opened = b.datagrams[:0], b.opened[:0]
	if cap(b.opened) > batchBytes {
		b.opened = nil
	}
}

// fill reads what waits in the kernel; it reports whether there may be more. Package unix would ask for the protocol of
// the socket with each packet.
func (t *transport) fill(b *batch, fd int) bool {
	for len(b.datagrams) < batchPackets && len(b.opened) < batchBytes {
		n, from, err := syscall.Recvfrom(fd, b.buffer, syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EBADF):
			return false
		case err != nil || n == 0:
			continue // an ICMP error about a packet sent earlier, or an empty packet
		case b.buffer[0] != datagramMark:
			t.pass(slices.Clone(b.buffer[:n]), from)
			continue
		}
		start := len(b.opened)
		opened, err := t.sealer.open(b.opened, b.buffer[:n])
		if err != nil {
			t.log.Debug("passed over a datagram", "error", err)
			continue
		}
		b.opened = opened
		b.datagrams = append(b.datagrams, opened[start:len(opened):len(opened)])
	}
	return true
}

// pass gives memberlist a packet, or loses it if memberlist is behind.
func (t *transport) pass(packet []byte, from syscall.Sockaddr) {
	source := addrPort(from)
	if !source.IsValid() {
		return
	}
	select {
	case t.packetCh <- &memberlist.Packet{Buf: packet, From: net.UDPAddrFromAddrPort(source), Timestamp: time.Now()}:
	default:
	}
}

func addrPort(s syscall.Sockaddr) netip.AddrPort {
	switch s := s.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.Addr).Unmap(), uint16(s.Port))
	}
	return netip.AddrPort{}
}
