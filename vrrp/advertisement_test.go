package vrrp_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"vipd/vrrp"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	equalAddr = cmpopts.EquateComparable(netip.Addr{})

	wire4 = vrrp.Wire{Src: ip("192.168.1.2"), Dst: vrrp.Group4}
	wire6 = vrrp.Wire{Src: ip("fe80::2"), Dst: vrrp.Group6}
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func ips(ss ...string) (out []netip.Addr) {
	for _, s := range ss {
		out = append(out, ip(s))
	}
	return out
}

// withForm is wire4 with another form of checksum.
func withForm(c vrrp.Checksum) vrrp.Wire {
	w := wire4
	w.Checksum = c
	return w
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// golden are packets spelled byte by byte. The checksums come from a separate calculation.
var golden = []struct {
	name   string
	wire   vrrp.Wire
	advert vrrp.Advertisement
	bytes  []byte
}{
	{
		name: "v2, no authentication",
		wire: wire4,
		advert: vrrp.Advertisement{Version: vrrp.V2, VRID: 51, Priority: 100, Interval: time.Second,
			Addresses: ips("192.168.1.100")},
		bytes: join(
			[]byte{0x21, 51, 100, 1}, // version and type, vrid, priority, count
			[]byte{0, 1, 0xb8, 0xbd}, // auth type, interval in seconds, checksum
			[]byte{192, 168, 1, 100},
			make([]byte, 8), // the authentication field is there even when it means nothing
		),
	},
	{
		name: "v2, password",
		wire: wire4,
		advert: vrrp.Advertisement{Version: vrrp.V2, VRID: 51, Priority: 100, Interval: time.Second,
			Addresses: ips("192.168.1.100"), Auth: vrrp.Password("1111")},
		bytes: join(
			[]byte{0x21, 51, 100, 1},
			[]byte{1, 1, 0x55, 0x5b},
			[]byte{192, 168, 1, 100},
			[]byte{'1', '1', '1', '1', 0, 0, 0, 0},
		),
	},
	{
		name: "v3 over IPv4, checksum with pseudo-header",
		wire: withForm(vrrp.PseudoHeader),
		advert: vrrp.Advertisement{Version: vrrp.V3, VRID: 51, Priority: 100, Interval: time.Second,
			Addresses: ips("192.168.1.100")},
		bytes: join(
			[]byte{0x31, 51, 100, 1},
			[]byte{0, 100, 0x06, 0x21}, // reserved, interval in centiseconds, checksum
			[]byte{192, 168, 1, 100},
		),
	},
	{
		name: "v3 over IPv4, checksum of the message only",
		wire: withForm(vrrp.MessageOnly),
		advert: vrrp.Advertisement{Version: vrrp.V3, VRID: 51, Priority: 100, Interval: time.Second,
			Addresses: ips("192.168.1.100")},
		bytes: join(
			[]byte{0x31, 51, 100, 1},
			[]byte{0, 100, 0xa8, 0x5a},
			[]byte{192, 168, 1, 100},
		),
	},
	{
		name: "v3 over IPv4, longest interval, two addresses, stopping",
		wire: withForm(vrrp.MessageOnly),
		advert: vrrp.Advertisement{Version: vrrp.V3, VRID: 1, Priority: 0, Interval: vrrp.MaxInterval3,
			Addresses: ips("10.0.0.1", "10.0.0.2")},
		bytes: join(
			[]byte{0x31, 1, 0, 2},
			[]byte{0x0f, 0xff, 0xaa, 0xfa},
			[]byte{10, 0, 0, 1},
			[]byte{10, 0, 0, 2},
		),
	},
	{
		name: "v3 over IPv6",
		wire: wire6,
		advert: vrrp.Advertisement{Version: vrrp.V3, VRID: 7, Priority: 255, Interval: 100 * time.Millisecond,
			Addresses: ips("fe80::1")},
		bytes: join(
			[]byte{0x31, 7, 255, 1},
			[]byte{0, 10, 0xd3, 0x4a},
			[]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
		),
	},
	{
		name: "v2 over IPv6 has no authentication field",
		wire: wire6,
		advert: vrrp.Advertisement{Version: vrrp.V2, VRID: 7, Priority: 100, Interval: time.Second,
			Addresses: ips("fe80::1")},
		bytes: join(
			[]byte{0x21, 7, 100, 1},
			[]byte{0, 1, 0x7e, 0x54},
			[]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
		),
	},
	{
		name:   "no addresses",
		wire:   withForm(vrrp.MessageOnly),
		advert: vrrp.Advertisement{Version: vrrp.V3, VRID: 9, Priority: 1, Interval: 10 * time.Millisecond},
		bytes:  []byte{0x31, 9, 1, 0, 0, 1, 0xcd, 0xf5},
	},
}

func TestGoldenPackets(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.advert.Marshal(tt.wire)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.bytes, b); diff != "" {
				t.Errorf("marshalled (-want +got):\n%s", diff)
			}
			a, err := vrrp.Parse(tt.bytes, tt.wire)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.advert, a, equalAddr); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEitherChecksum: a receiver that was told so accepts both forms, others only their own.
func TestEitherChecksum(t *testing.T) {
	a := vrrp.Advertisement{Version: vrrp.V3, VRID: 1, Priority: 100, Interval: time.Second, Addresses: ips("10.0.0.1")}
	for _, sent := range []vrrp.Checksum{vrrp.PseudoHeader, vrrp.MessageOnly, vrrp.Either} {
		b, err := a.Marshal(withForm(sent))
		if err != nil {
			t.Fatal(err)
		}
		for _, wanted := range []vrrp.Checksum{vrrp.PseudoHeader, vrrp.MessageOnly, vrrp.Either} {
			_, err := vrrp.Parse(b, withForm(wanted))
			same := sent == wanted || wanted == vrrp.Either || sent == vrrp.Either && wanted == vrrp.PseudoHeader
			if same && err != nil {
				t.Errorf("sent as %v, wanted %v: %v", sent, wanted, err)
			}
			if !same && !errors.Is(err, vrrp.BadChecksum) {
				t.Errorf("sent as %v, wanted %v: error %v, want %v", sent, wanted, err, vrrp.BadChecksum)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := golden[0].bytes // v2, one address, 20 bytes
	v3 := golden[3].bytes   // v3, one address, 12 bytes
	// fix corrects a version 2 packet's checksum after a change.
	fix := func(b []byte) []byte {
		b[6], b[7] = 0, 0
		var sum uint32
		for i := 0; i < len(b); i += 2 {
			sum += uint32(b[i])<<8 | uint32(b[i+1])
		}
		sum = sum>>16 + sum&0xffff
		b[6], b[7] = byte(^sum>>8), byte(^sum)
		return b
	}
	set := func(b []byte, at int, v byte) []byte {
		b = append([]byte(nil), b...)
		b[at] = v
		return b
	}
	tests := []struct {
		name string
		in   []byte
		want vrrp.Reason
	}{
		{"empty", nil, vrrp.BadLength},
		{"seven bytes", good[:7], vrrp.BadLength},
		{"version 1", set(good, 0, 0x11), vrrp.BadVersion},
		{"version 4", set(good, 0, 0x41), vrrp.BadVersion},
		{"type 2", set(good, 0, 0x22), vrrp.BadType},
		{"an address missing", good[:16], vrrp.BadLength},
		{"more addresses said than sent", set(good, 3, 2), vrrp.BadLength},
		{"longer than padding explains", join(good, make([]byte, 7)), vrrp.BadLength},
		{"a flipped bit", set(good, 10, 3), vrrp.BadChecksum},
		{"vrid 0", fix(set(good, 1, 0)), vrrp.BadVRID},
		{"interval 0", fix(set(good, 5, 0)), vrrp.BadInterval},
		{"interval 0 in v3", fix(set(v3, 5, 0)), vrrp.BadInterval},
		{"AH", fix(set(good, 4, 2)), vrrp.BadAuthType},
		{"auth type 255", fix(set(good, 4, 255)), vrrp.BadAuthType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := vrrp.Parse(tt.in, withForm(vrrp.MessageOnly))
			if got := vrrp.ReasonOf(err); got != tt.want {
				t.Errorf("error %v, reason %q, want %q", err, got, tt.want)
			}
			if diff := cmp.Diff(vrrp.Advertisement{}, a, equalAddr); diff != "" {
				t.Errorf("a refused packet left something behind (-want +got):\n%s", diff)
			}
		})
	}
}

// TestParseToleratesPadding: senders that counted Ethernet's padding as payload are understood.
func TestParseToleratesPadding(t *testing.T) {
	for _, tt := range golden {
		if tt.wire.Dst.Is6() {
			if _, err := vrrp.Parse(join(tt.bytes, make([]byte, 2)), tt.wire); !errors.Is(err, vrrp.BadLength) {
				t.Errorf("%s: error %v; IPv6's shortest advert needs no padding", tt.name, err)
			}
			continue
		}
		pad := 26 - len(tt.bytes)
		a, err := vrrp.Parse(join(tt.bytes, make([]byte, pad)), tt.wire)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.advert, a, equalAddr); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	good := golden[0].advert
	tests := []struct {
		name   string
		change func(*vrrp.Advertisement)
		wire   vrrp.Wire
		want   vrrp.Reason
	}{
		{"version", func(a *vrrp.Advertisement) { a.Version = 1 }, wire4, vrrp.BadVersion},
		{"vrid", func(a *vrrp.Advertisement) { a.VRID = 0 }, wire4, vrrp.BadVRID},
		{"256 addresses", func(a *vrrp.Advertisement) { a.Addresses = make([]netip.Addr, 256) }, wire4, vrrp.BadLength},
		{"IPv6 address over IPv4", func(a *vrrp.Advertisement) { a.Addresses = ips("fe80::1") }, wire4, vrrp.BadFamily},
		{"IPv4 address over IPv6", func(*vrrp.Advertisement) {}, wire6, vrrp.BadFamily},
		{"no source", func(*vrrp.Advertisement) {}, vrrp.Wire{Dst: vrrp.Group4}, vrrp.BadFamily},
		{"v2 fraction", func(a *vrrp.Advertisement) { a.Interval = 1500 * time.Millisecond }, wire4, vrrp.BadInterval},
		{"v2 too long", func(a *vrrp.Advertisement) { a.Interval = 256 * time.Second }, wire4, vrrp.BadInterval},
		{"v3 below 10 ms", func(a *vrrp.Advertisement) { a.Version, a.Interval = 3, time.Millisecond }, wire4, vrrp.BadInterval},
		{"v3 too long", func(a *vrrp.Advertisement) { a.Version, a.Interval = 3, 41*time.Second }, wire4, vrrp.BadInterval},
		{"v3 password", func(a *vrrp.Advertisement) { a.Version, a.Auth = 3, vrrp.Password("x") }, wire4, vrrp.BadAuthType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := good
			tt.change(&a)
			b, err := a.Marshal(tt.wire)
			if got := vrrp.ReasonOf(err); got != tt.want || b != nil {
				t.Errorf("%d bytes, error %v, reason %q, want %q", len(b), err, got, tt.want)
			}
		})
	}
}
