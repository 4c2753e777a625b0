package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Watch sends the status of a link when it starts and after each change, until
// ctx ends, whose error it then returns. It waits for the receiver, and skips
// what changed back meanwhile. Most changes are noticed at once; what the kernel
// announces to nobody (LACP's churn, counters, speed) within a second. The link
// may come and go.
func Watch(ctx context.Context, name string, events chan<- Status) error {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK)
	if err != nil {
		return fmt.Errorf("watch %s: %w", name, err)
	}
	stop := context.AfterFunc(ctx, socket.Close) // ends Receive
	defer func() {
		if stop() {
			socket.Close()
		}
	}()
	if err := socket.SetReceiveTimeout(&unix.Timeval{Sec: 1}); err != nil {
		return fmt.Errorf("watch %s: %w", name, err)
	}
	var last Status
	for first := true; ; first = false {
		now, err := ReadStatus(name)
		if err != nil {
			return err
		}
		if first || !reflect.DeepEqual(now, last) {
			select {
			case events <- now:
			case <-ctx.Done():
				return ctx.Err()
			}
			last = now
		}
		if err := awaitChange(socket, last); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("watch %s: %w", name, err)
		}
	}
}

// awaitChange returns when something was said about the link or its members, or
// it is time to look anyway.
func awaitChange(socket *nl.NetlinkSocket, s Status) error {
	for {
		msgs, _, err := socket.Receive()
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) {
			return nil // time is up, or messages were lost
		}
		if err != nil {
			return err
		}
		for _, m := range msgs {
			l, err := parseLink(m.Data)
			if err != nil || concerns(l, s) {
				return nil
			}
		}
	}
}

// concerns reports whether a message may change a status. A link that joins or
// leaves changes the bond as well, which says so itself.
func concerns(l rawLink, s Status) bool {
	return l.name == s.Name || slices.ContainsFunc(s.Members, func(m MemberStatus) bool { return m.Name == l.name })
}
