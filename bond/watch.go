package bond

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Watch calls look when it starts, after each change of a link that concerns
// returns true for, and after the time that look returned, since the kernel
// announces some changes to nobody (LACP's churn, counters, speed). It returns
// when ctx ends, with its error.
func Watch(ctx context.Context, concerns func(Event) bool, look func() (again time.Duration, err error)) error {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK)
	if err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	stop := context.AfterFunc(ctx, socket.Close) // ends Receive
	defer func() {
		if stop() {
			socket.Close()
		}
	}()
	for {
		again, err := look()
		if err != nil {
			return err
		}
		timeout := unix.NsecToTimeval(again.Nanoseconds())
		if err := socket.SetReceiveTimeout(&timeout); err != nil {
			return fmt.Errorf("watch links: %w", err)
		}
		if err := awaitEvent(socket, concerns); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("watch links: %w", err)
		}
	}
}

// Event says that something about a link changed.
type Event struct {
	Name   string
	Kind   string // as in Status
	Member bool   // of a bond, bridge or team
}

// awaitEvent returns when something of concern was said, or it is time to look
// anyway.
func awaitEvent(socket *nl.NetlinkSocket, concerns func(Event) bool) error {
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
			if err != nil || concerns(Event{Name: l.name, Kind: l.kind, Member: l.master != 0}) {
				return nil
			}
		}
	}
}

// Concerns reports whether an event may change a status. A link that joins or
// leaves a bond changes the bond as well, which says so itself.
func (s Status) Concerns(e Event) bool {
	return e.Name == s.Name || slices.ContainsFunc(s.Members, func(m MemberStatus) bool { return m.Name == e.Name })
}
