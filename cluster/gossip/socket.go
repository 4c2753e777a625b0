package gossip

import (
	"errors"
	"log/slog"

	"golang.org/x/sys/unix"

	"vipd/cluster/quiet"
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
func enlarge(packets *quiet.UDP, log *slog.Logger) {
	set := func(forced, modest, size int) {
		var err error
		controlErr := packets.Control(func(fd uintptr) {
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
