package lab

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netns"
)

// Do runs f inside the namespace. Sockets that f opens stay there.
func (n *Namespace) Do(t testing.TB, f func() error) {
	t.Helper()
	if err := n.do(f); err != nil {
		t.Fatalf("in namespace %s: %v", n.Name, err)
	}
}

func (n *Namespace) do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// The thread is not unlocked: it ends with the goroutine, and nobody gets it in a wrong namespace.
		runtime.LockOSThread()
		h, err := netns.GetFromName(n.Name)
		if err != nil {
			done <- fmt.Errorf("open the namespace: %w", err)
			return
		}
		defer h.Close()
		if err := netns.Set(h); err != nil {
			done <- fmt.Errorf("enter the namespace: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// Cable joins two namespaces, each end being eth0 with an IPv4 and a link-local IPv6 address that end in
// the number, and are usable at once.
func Cable(t testing.TB, a, b *Namespace) {
	t.Helper()
	Run(t, "ip", "link", "add", "eth0", "netns", a.Name, "type", "veth", "peer", "name", "eth0", "netns", b.Name)
	for i, n := range []*Namespace{a, b} {
		n.IP(t, "link", "set", "eth0", "addrgenmode", "none")
		n.IP(t, "link", "set", "eth0", "up")
		n.IP(t, "addr", "add", fmt.Sprintf("10.0.0.%d/24", i+1), "dev", "eth0")
		n.IP(t, "addr", "add", fmt.Sprintf("fe80::%d/64", i+1), "dev", "eth0", "nodad")
	}
}

// Eventually waits until ok, and fails the test after the limit.
func Eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
