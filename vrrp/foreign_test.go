package vrrp_test

import (
	"testing"
	"time"

	"vipd/vrrp"
)

// foreign are adverts of priority 200 as other implementations send them, spelled byte by byte from RFC 3768, 5798
// and 9568, with two addresses in another order than ours. The checksums come from a separate calculation.
var foreign = []struct {
	name     string
	version  uint8
	wire     vrrp.Wire
	interval time.Duration
	bytes    []byte
}{
	{"v3, checksum with pseudo-header, 2.5 s", vrrp.V3, wire4, 2500 * time.Millisecond,
		[]byte{0x31, 51, 200, 2, 0, 250, 0xdf, 0x77, 192, 168, 1, 101, 192, 168, 1, 100}},
	{"v3, checksum of the message only, 2.5 s", vrrp.V3, wire4, 2500 * time.Millisecond,
		[]byte{0x31, 51, 200, 2, 0, 250, 0x81, 0xb5, 192, 168, 1, 101, 192, 168, 1, 100}},
	{"v3, reserved bits set", vrrp.V3, wire4, 2500 * time.Millisecond,
		[]byte{0x31, 51, 200, 2, 0xf0, 250, 0xef, 0x76, 192, 168, 1, 101, 192, 168, 1, 100}},
	{"v2 without authentication, Ethernet's padding counted", vrrp.V2, wire4, time.Second,
		[]byte{0x21, 51, 200, 2, 0, 1, 0x92, 0xae, 192, 168, 1, 101, 192, 168, 1, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	{"v3 over IPv6, longest interval", vrrp.V3, wire6, vrrp.MaxInterval3,
		[]byte{0x31, 51, 200, 2, 0x0f, 0xff, 0xf9, 0x97,
			0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}},
}

// A router of lower priority takes each as its master's, finds nothing to tolerate, and waits by the interval that
// the master says; one of higher priority stays master.
func TestForeignAdverts(t *testing.T) {
	for _, tt := range foreign {
		t.Run(tt.name, func(t *testing.T) {
			cfg := vrrp.Config{Version: tt.version, VRID: 51, Priority: 100, Interval: time.Second, Checksum: vrrp.Either,
				Addresses: ips("192.168.1.100", "192.168.1.101"), Source: ip("192.168.1.1")}
			if tt.wire.Dst.Is6() {
				cfg.Addresses, cfg.Source = ips("fe80::100", "fe80::101"), ip("fe80::1")
			}
			heard := vrrp.Received{Packet: vrrp.Packet{Src: tt.wire.Src, Dst: tt.wire.Dst, TTL: vrrp.TTL, Payload: tt.bytes}}
			start := time.Unix(0, 0)
			m, err := vrrp.NewMachine(cfg)
			if err != nil {
				t.Fatal(err)
			}
			m.Step(start, vrrp.Start{})
			now := start.Add(time.Second)
			for _, a := range m.Step(now, heard) {
				if _, ok := a.(vrrp.Adopted); !ok {
					t.Errorf("%v", a)
				}
			}
			skew := 156 * time.Second / 256
			if tt.version == vrrp.V3 {
				skew = 156 * tt.interval / 256
			}
			if got, want := m.Deadline(), now.Add(3*tt.interval+skew); !got.Equal(want) {
				t.Errorf("it waits %v, want %v", got.Sub(now), want.Sub(now))
			}

			cfg.Priority = 201
			if m, err = vrrp.NewMachine(cfg); err != nil {
				t.Fatal(err)
			}
			m.Step(start, vrrp.Inherit{})
			m.Step(now, heard)
			if m.State() != vrrp.Master {
				t.Errorf("of higher priority, it is %v", m.State())
			}
		})
	}
}
