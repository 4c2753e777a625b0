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
	batchReads     = 4096  // packets, of whatever kind: more than fit the kernel's buffer
	batchBytes     = 1 << 20
)

// readPackets hands datagrams over and memberlist's packets on, until the socket is closed. All that waits in the
// kernel is taken together: after a pause, the receiver must not judge by the first of it that others are silent.
func (t *transport) readPackets() {
	b := batch{buffer: make([]byte, maxPacket)}
	t.packets.Wait(func() {
		for more := true; more; {
			more = t.fill(&b)
			if len(b.datagrams) > 0 {
				t.receive(b.datagrams)
			}
			b.empty()
		}
	})
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

// fill reads what waits in the kernel; it reports whether there may be more.
func (t *transport) fill(b *batch) bool {
	// Under a flood the socket is never empty: what counts is handed over in between.
	for reads := 0; reads < batchReads && len(b.datagrams) < batchPackets && len(b.opened) < batchBytes; reads++ {
		n, from, err := t.packets.Receive(b.buffer)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, net.ErrClosed):
			return false
		case err != nil || n == 0:
			continue // an ICMP error about a packet sent earlier, or an empty packet
		case b.buffer[0] != datagramMark:
			t.pass(b.buffer[:n], from)
			continue
		}
		start := len(b.opened)
		opened, err := t.sealer.open(b.opened, b.buffer[:n], from.Addr().Unmap())
		if err != nil {
			t.log.Debug("passed over a datagram", "error", err)
			continue
		}
		b.opened = opened
		b.datagrams = append(b.datagrams, opened[start:len(opened):len(opened)])
	}
	return true
}

// pass gives memberlist a copy of a packet, or loses it if memberlist is behind or strangers send too many.
func (t *transport) pass(packet []byte, source netip.AddrPort) {
	if !source.IsValid() || len(t.packetCh) == cap(t.packetCh) || !t.sealer.admission.packet(source.Addr().Unmap(), time.Now()) {
		return
	}
	select {
	case t.packetCh <- &memberlist.Packet{Buf: slices.Clone(packet), From: net.UDPAddrFromAddrPort(source), Timestamp: time.Now()}:
	default:
	}
}
