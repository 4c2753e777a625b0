package probe

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var clientMAC = net.HardwareAddr{2, 0, 0, 9, 0, 100}

func unhex(t *testing.T, lines ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(lines, ""), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The requests, byte by byte. The checksums are those a host accepts, see the
// tests in the lab.
func TestRequests(t *testing.T) {
	node := [6]byte{2, 0, 0, 9, 0, 1}
	v4 := newFrames(vip4, netip.MustParseAddr("10.9.0.100"), clientMAC)
	v6 := newFrames(vip6, netip.MustParseAddr("fd09::64"), clientMAC)
	tests := []struct {
		name string
		got  []byte
		want []byte
	}{
		{"arp", bytes.Clone(v4.resolveTo(node, 0, true)), unhex(t,
			"ffffffffffff 020000090064 0806", "0001 0800 06 04 0001",
			"020000090064 0a090065", "000000000000 0a090032")},
		{"unicast arp", bytes.Clone(v4.resolveTo(node, 11, false)), unhex(t,
			"020000090001 020000090064 0806", "0001 0800 06 04 0001",
			"020000090064 0a090070", "000000000000 0a090032")},
		{"solicitation", v6.resolveTo(node, 1, true)[:ethLen+ipv6Len], unhex(t,
			"3333ff500001 020000090064 86dd", "60000000 0020 3a ff",
			"fd090000000000000000000000000066", "ff0200000000000000000001ff500001")},
	}
	for _, tt := range tests {
		if !bytes.Equal(tt.got, tt.want) {
			t.Errorf("%s:\n got %x\nwant %x", tt.name, tt.got, tt.want)
		}
	}
}

// A host's answer has the addresses swapped and another type.
func TestEchoComesBack(t *testing.T) {
	for _, vip := range []netip.Addr{vip4, vip6} {
		source, head, reply := netip.MustParseAddr("10.9.0.100"), ethLen+ipv4Len, byte(typeEchoReply4)
		if vip.Is6() {
			source, head, reply = netip.MustParseAddr("fd09::64"), ethLen+ipv6Len, typeEchoReply6
		}
		want := payload{session: 7, addr: 3, target: 2, sent: time.Now().UnixNano(), stream: CensusEcho}
		b := bytes.Clone(newFrames(vip, source, clientMAC).echoTo([6]byte{2, 0, 0, 9, 0, 1}, 9, want))
		if s := parse(b); s.kind != nothing {
			t.Errorf("%s: a request is seen as %+v", vip, s)
		}
		dst, src := bytes.Clone(b[:6]), bytes.Clone(b[6:12])
		copy(b, src)
		copy(b[6:], dst)
		n := vip.BitLen() / 8
		copy(b[head-2*n:], b[head-n:head])
		b[head] = reply
		s := parse(b)
		if s.kind != echoReply || s.addr != vip || s.echo != want || s.mac != [6]byte(dst) {
			t.Errorf("%s: got %+v, want echo %+v", vip, s, want)
		}
	}
}

func TestParse(t *testing.T) {
	arp := func(op, spa, tpa string) []byte {
		return unhex(t, "ffffffffffff 020000090001 0806 0001 0800 06 04", op, "020000090001", spa, "000000000000", tpa)
	}
	na := func(dst, flags string) []byte {
		return unhex(t, "333300000001 020000090001 86dd 60000000 0020 3a ff", "fd090000000000000000000000000001", dst,
			"88 00 0000", flags, "fd090000000000000000000000500001", "0201 00005e000201")
	}
	tests := []struct {
		name    string
		frame   []byte
		kind    sightingKind
		addr    netip.Addr
		claimed [6]byte
	}{
		{"arp reply", arp("0002", "0a090032", "0a090065"), resolveReply, vip4, [6]byte{2, 0, 0, 9, 0, 1}},
		{"gratuitous request", arp("0001", "0a090032", "0a090032"), announcement, vip4, [6]byte{2, 0, 0, 9, 0, 1}},
		{"gratuitous reply", arp("0002", "0a090032", "0a090032"), announcement, vip4, [6]byte{2, 0, 0, 9, 0, 1}},
		{"arp request", arp("0001", "0a090032", "0a090065"), nothing, vip4, [6]byte{2, 0, 0, 9, 0, 1}},
		{"solicited advertisement", na("fd090000000000000000000000000065", "60000000"), resolveReply, vip6, [6]byte{0, 0, 0x5e, 0, 2, 1}},
		{"unsolicited advertisement", na("ff020000000000000000000000000001", "20000000"), announcement, vip6, [6]byte{0, 0, 0x5e, 0, 2, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := parse(tt.frame)
			if s.kind != tt.kind || s.addr != tt.addr || s.claimed != tt.claimed {
				t.Errorf("got %+v", s)
			}
			for n := range tt.frame {
				parse(tt.frame[:n]) // must not panic
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	v4 := newFrames(vip4, netip.MustParseAddr("10.9.0.100"), clientMAC)
	v6 := newFrames(vip6, netip.MustParseAddr("fd09::64"), clientMAC)
	for _, fr := range []*frames{v4, v6} {
		f.Add(bytes.Clone(fr.echoTo([6]byte{}, 1, payload{})))
		f.Add(bytes.Clone(fr.resolveTo([6]byte{}, 1, false)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s := parse(b); s.kind != nothing && !s.addr.IsValid() {
			t.Errorf("%+v has no address", s)
		}
	})
}

func TestPace(t *testing.T) {
	p := newPace(0, 10*time.Millisecond, 4)
	asked := func(at float64) (got []int) {
		p.due(int64(at*float64(ms)), func(i int) { got = append(got, i) })
		return got
	}
	for _, step := range []struct {
		at   float64
		want []int
	}{
		{0, []int{0}},
		{2, nil},
		{2.5, []int{1}},
		{9, []int{2, 3}},
		{10, []int{0}},
		{100, []int{1, 2, 3, 0}}, // a stall is not made up for
	} {
		if got := asked(step.at); !bytes.Equal(toBytes(got), toBytes(step.want)) {
			t.Errorf("at %v ms: %v, want %v", step.at, got, step.want)
		}
	}
	silent := newPace(0, 0, 4)
	silent.due(ms, func(int) { t.Error("an interval of zero is not silent") })
}

func toBytes(v []int) (b []byte) {
	for _, i := range v {
		b = append(b, byte(i))
	}
	return b
}
