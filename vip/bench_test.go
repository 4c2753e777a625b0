package vip

import (
	"fmt"
	"net/netip"
	"testing"

	"vipd/vip/internal/nstest"
)

// BenchmarkFailover measures adding addresses, reading back included.
func BenchmarkFailover(b *testing.B) {
	for _, first := range []string{"10.1.0.1/32", "10.1.0.1/16", "fd00::1/128", "fd00::1/64"} {
		for _, count := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", netip.MustParsePrefix(first), count), func(b *testing.B) {
				nstest.Enter(b)
				nstest.Veth(b, "eth0", "eth1")
				h, err := Open(Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer h.Close()
				benchmarkFailover(b, h, many(first, count))
			})
		}
	}
}

func many(first string, count int) []Address {
	p := netip.MustParsePrefix(first)
	var all []Address
	for ip := p.Addr(); len(all) < count; ip = ip.Next() {
		all = append(all, Address{Prefix: netip.PrefixFrom(ip, p.Bits()), Interface: "eth0"})
	}
	return all
}

func benchmarkFailover(b *testing.B, h *Host, want []Address) {
	for b.Loop() {
		if outcome, err := h.Set(want); err != nil || len(outcome.Added) != len(want) {
			b.Fatal(outcome.Failed, err)
		}
		b.StopTimer()
		if outcome, err := h.Set(nil); err != nil || len(outcome.Removed) != len(want) {
			b.Fatal(outcome.Failed, err)
		}
		b.StartTimer()
	}
}
