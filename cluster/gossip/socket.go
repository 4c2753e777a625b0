package gossip

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Sizes of the kernel's buffers, in bytes.
const (
	// receiveBuffer is what the kernel keeps for us while we are held up.
	receiveBuffer = 2 << 20
	// sendBuffer has to be several times what may wait for one host whose link-layer address is being
	// asked for, 208 KiB by default (net.ipv4.neigh.*.unres_qlen_bytes): while a host is dead that lasts for
	// seconds, and what waits counts against the socket.
	sendBuffer = 8 << 20
)

// enlarge sets both, beyond the system's limit where CAP_NET_ADMIN allows that.
func enlarge(raw syscall.RawConn, log *slog.Logger) {
	set := func(forced, modest, size int) {
		var err error
		controlErr := raw.Control(func(fd uintptr) {
			if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, forced, size); err != nil {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, modest, size)
			}
		})
		if err := errors.Join(err, controlErr); err != nil {
			log.Warn("enlarge the buffers of gossip", "error", err)
		}
	}
	set(unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, receiveBuffer)
	set(unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sendBuffer)
}

// sendNow sends a packet, or fails at once if the kernel has no room for it: waiting for the room that a
// dead host takes would hold up what is for the living.
func sendNow(raw syscall.RawConn, packet []byte, to netip.AddrPort) error {
	target, err := sockaddr(to)
	if err != nil {
		return err
	}
	writeErr := raw.Write(func(fd uintptr) bool {
		err = unix.Sendto(int(fd), packet, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, target)
		return true
	})
	return errors.Join(err, writeErr)
}

func sockaddr(to netip.AddrPort) (unix.Sockaddr, error) {
	a := to.Addr().Unmap()
	if a.Is4() {
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: a.As4()}, nil
	}
	s := &unix.SockaddrInet6{Port: int(to.Port()), Addr: a.As16()}
	if a.Zone() == "" {
		return s, nil
	}
	if index, err := strconv.ParseUint(a.Zone(), 10, 32); err == nil {
		s.ZoneId = uint32(index)
		return s, nil
	}
	ifi, err := net.InterfaceByName(a.Zone())
	if err != nil {
		return nil, fmt.Errorf("find the interface of %s: %w", a, err)
	}
	s.ZoneId = uint32(ifi.Index)
	return s, nil
}
