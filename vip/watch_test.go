package vip

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/vip/internal/nstest"
)

// notified takes all notifications that wait, and returns how many there were and how many of them Watch
// would have called for attention. The kernel queues them before it answers the one who made the change.
func notified(t *testing.T, h *Host) (all, matter int) {
	t.Helper()
	for {
		if err := h.events.file.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		messages, err := h.events.receive()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all++
		if h.matter(messages) {
			matter++
		}
	}
	if err := h.events.file.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	return all, matter
}

func TestWhatMatters(t *testing.T) {
	h := openHost(t)
	set(t, h, on("10.0.0.5/24", "eth0"), on("fd00::5/64", "eth0"))
	for _, command := range []string{
		"address delete 10.0.0.5/24 dev eth0", "address delete fd00::5/64 dev eth0", "address add 10.0.0.9/24 dev eth0",
		"link set eth1 down", "link set eth0 mtu 1400", "link delete eth0",
	} {
		notified(t, h)
		nstest.IP(t, command)
		if _, matter := notified(t, h); matter == 0 {
			t.Errorf("%s: does not matter", command)
		}
	}
}

func TestOwnDoingDoesNotMatter(t *testing.T) {
	h := openHost(t)
	notified(t, h)
	five, six := on("fd00::5/64", "eth0"), on("fd00::6/64", "eth0")
	set(t, h, on("10.0.0.5/24", "eth0"), five, six)
	if err := h.Refresh(); err != nil {
		t.Fatal(err)
	}
	// Each address is notified when it is added and when it is renewed.
	if all, matter := notified(t, h); all < 6 || matter > 1 {
		t.Errorf("%d of %d notifications matter; only the change of promote_secondaries may", matter, all)
	}
	set(t, h, five, six)
	if all, matter := notified(t, h); all == 0 || matter > 0 {
		t.Errorf("%d of %d notifications of a removal matter", matter, all)
	}
}

// watch keeps Watch going until the test ends.
func watch(t *testing.T, h *Host) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	changed, ended := make(chan struct{}, 1), make(chan error, 1)
	go func() { ended <- h.Watch(ctx, changed) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("watch: %v", err)
		}
	})
	return changed
}

func noticed(t *testing.T, changed <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatalf("not noticed: %s", what)
	}
}

func TestWatch(t *testing.T) {
	h := openHost(t)
	notified(t, h)
	changed := watch(t, h)
	for range 3 {
		nstest.IP(t, "address add 10.0.0.9/32 dev eth0")
		noticed(t, changed, "an address came")
		nstest.IP(t, "address delete 10.0.0.9/32 dev eth0")
		noticed(t, changed, "an address went")
	}
}

func TestWatchSurvivesAFlood(t *testing.T) {
	h := openHost(t)
	notified(t, h)
	raw, err := h.events.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
	}); err != nil {
		t.Fatal(err)
	}
	for range 10 { // more than fits, while nobody reads
		nstest.IP(t, "address add 10.0.0.9/32 dev eth0")
		nstest.IP(t, "address delete 10.0.0.9/32 dev eth0")
	}
	changed := watch(t, h)
	noticed(t, changed, "lost notifications")
	await(t, 10*time.Second, "a change after lost notifications is noticed", func() bool {
		nstest.IP(t, "address replace 10.0.0.9/32 dev eth0 valid_lft 1000 preferred_lft 1000")
		return len(changed) == 1
	})
}
