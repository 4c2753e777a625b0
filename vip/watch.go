package vip

import (
	"context"
	"syscall"

	"golang.org/x/sys/unix"
)

// Watch calls for attention on changed whenever an address or interface of this host changed other than by
// this Host, until ctx ends; then it returns ctx's error. It never blocks on changed: give it room for
// one, and several changes become one call. Changes since Open count. One Watch runs at a time.
func (h *Host) Watch(ctx context.Context, changed chan<- struct{}) error {
	return h.events.watch(ctx, func(messages []syscall.NetlinkMessage) {
		if messages != nil && !h.matter(messages) {
			return
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	})
}

func (h *Host) matter(messages []syscall.NetlinkMessage) bool {
	for _, m := range messages {
		if m.Header.Pid != h.socket.port && !renewal(m) {
			return true
		}
	}
	return false
}

// renewal reports whether a notification says that an address of this package's is there. The kernel
// does not name the one who added an IPv6 address, so Set and Refresh would call for attention without end.
func renewal(m syscall.NetlinkMessage) bool {
	if m.Header.Type != unix.RTM_NEWADDR {
		return false
	}
	a, err := parseAddress(m)
	return err == nil && a.marked()
}
