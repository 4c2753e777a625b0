package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// statusEach is how often `systemctl status` is told how the node is, where there is no watchdog to feed.
const statusEach = 5 * time.Second

// service is what the service manager is told, by sd_notify(3). Without one nothing is sent.
type service struct {
	log *slog.Logger

	mu   sync.Mutex
	note string // what is shown beside the node's state; empty: nothing
	last string // the status told last
}

// ready says that the daemon does its work.
func (s *service) ready(status string) { s.tell(systemd.SdNotifyReady, status) }

// reloading says that the node file is being read; ready says that this is over.
func (s *service) reloading() {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		s.log.Warn("read the clock", "error", err)
	}
	s.send(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", systemd.SdNotifyReloading, now.Nano()/1000))
}

// stopping says that the daemon ends, which may take a while.
func (s *service) stopping() { s.tell(systemd.SdNotifyStopping, "handing over") }

// remark sets what is shown beside the node's state from now on.
func (s *service) remark(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = text
}

// tell sends a state with a status.
func (s *service) tell(state, status string) {
	s.mu.Lock()
	if s.note != "" {
		status += "; " + s.note
	}
	s.last = status
	s.mu.Unlock()
	s.send(state + "\nSTATUS=" + strings.ReplaceAll(status, "\n", "; "))
}

// update tells the status if it is another one, and feeds the watchdog if it may be.
func (s *service) update(status string, alive bool) {
	if alive {
		s.send(systemd.SdNotifyWatchdog)
	}
	s.mu.Lock()
	same := s.last == status || s.note != "" && s.last == status+"; "+s.note
	s.mu.Unlock()
	if !same {
		s.tell("", status)
	}
}

func (s *service) send(text string) {
	if _, err := systemd.SdNotify(false, strings.TrimPrefix(text, "\n")); err != nil {
		s.log.Warn("tell the service manager", "error", err)
	}
}

// alive is what the watchdog goes by.
type alive interface {
	Idle() time.Duration // since the lease was looked after
	Describe() string
}

// feed keeps the service manager informed until ctx ends. Its watchdog is fed only while the lease is looked after:
// a daemon whose lease loop hangs is of no use, and is restarted.
func (s *service) feed(ctx context.Context, node alive) {
	limit, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the service manager's watchdog is not fed", "error", err)
	}
	each := statusEach
	if limit > 0 {
		each = max(limit/4, 10*time.Millisecond)
	}
	tick := time.NewTicker(each)
	defer tick.Stop()
	for {
		idle := node.Idle()
		hangs := limit > 0 && idle > max(limit/2, 2*time.Second)
		if hangs {
			s.log.Error("the lease has not been looked after; the watchdog is not fed", "for", idle)
		}
		s.update(node.Describe(), limit > 0 && !hangs)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
