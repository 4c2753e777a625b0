package announce

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vipd/vip/internal/nstest"
)

// BenchmarkAnnounce measures from the call until the last frame was handed to the interface.
func BenchmarkAnnounce(b *testing.B) {
	for _, first := range []string{"10.1.0.1", "fd00::1"} {
		for _, count := range []int{1, 1000} {
			b.Run(fmt.Sprintf("%s/%d", first, count), func(b *testing.B) {
				nstest.Enter(b)
				nstest.Veth(b, "eth0", "eth1")
				a, err := New(Options{Repeats: []time.Duration{}})
				if err != nil {
					b.Fatal(err)
				}
				defer a.Close()
				var targets []Target
				for ip := netip.MustParseAddr(first); len(targets) < count; ip = ip.Next() {
					targets = append(targets, Target{Addr: ip, Interface: "eth0"})
				}
				for b.Loop() {
					a.Announce(targets)
				}
			})
		}
	}
}
