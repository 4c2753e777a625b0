// Package nstest gives a test a network namespace of its own.
package nstest

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"
)

// Enter moves the calling goroutine, and nothing else, into a fresh network namespace until the test
// ends. Goroutines that should be in it too call Join. Without root the test fails where CI=true and is
// skipped elsewhere.
func Enter(t testing.TB) netns.NsHandle {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatalf("find the network namespace: %v", err)
	}
	ns, err := netns.New()
	if err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	t.Cleanup(func() {
		defer ns.Close()
		defer home.Close()
		// A thread that cannot go back must not serve other tests; one that stays locked ends with its goroutine.
		if err := netns.Set(home); err != nil {
			t.Errorf("leave the network namespace: %v", err)
			return
		}
		runtime.UnlockOSThread()
	})
	IP(t, "link set lo up")
	return ns
}

// Join moves the calling goroutine into a namespace for the rest of its life.
func Join(ns netns.NsHandle) error {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	return netns.Set(ns)
}

// Veth makes a cable between two interfaces of the namespace and switches both on. IPv6 makes no
// addresses of its own on them.
func Veth(t testing.TB, a, b string) {
	t.Helper()
	IP(t, "link add "+a+" type veth peer name "+b)
	for _, name := range []string{a, b} {
		IP(t, "link set "+name+" addrgenmode none")
		IP(t, "link set "+name+" up")
	}
	AwaitCarrier(t, a)
	AwaitCarrier(t, b)
}

// AwaitCarrier waits until an interface passes frames on. For a moment after it got its carrier it
// drops them without an error.
func AwaitCarrier(t testing.TB, name string) {
	t.Helper()
	var state string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		state = IP(t, "link show dev "+name)
		if strings.Contains(state, "state UP") && !strings.Contains(state, "qdisc noop ") {
			return
		}
	}
	t.Fatalf("no carrier: %s", state)
}

// IP runs ip(8) in the namespace and returns what it printed.
func IP(t testing.TB, args string) string {
	t.Helper()
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", args, err, out)
	}
	return string(out)
}
