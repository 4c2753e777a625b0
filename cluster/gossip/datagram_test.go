package gossip

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
)

var someHost = netip.MustParseAddr("192.0.2.1")

func sealerOf(t testing.TB, key byte, cluster string) *sealer {
	t.Helper()
	s, err := newSealer([][]byte{bytes.Repeat([]byte{key}, 32)}, cluster)
	check(t, err)
	return s
}

func TestSealedIsOpened(t *testing.T) {
	from, to := sealerOf(t, 7, "one"), sealerOf(t, 7, "one")
	var all []byte
	for _, text := range []string{"", "renewal", "grant"} {
		var err error
		start := len(all)
		all, err = to.open(all, from.seal([]byte(text)), someHost)
		check(t, err)
		if got := string(all[start:]); got != text {
			t.Errorf("%q was opened as %q", text, got)
		}
	}
	if len(to.known) != 1 {
		t.Errorf("%d ciphers are kept for one sender", len(to.known))
	}
}

// Equal data never looks equal, and no counter is used twice.
func TestSealedDiffers(t *testing.T) {
	s := sealerOf(t, 7, "one")
	if a, b := s.seal([]byte("x")), s.seal([]byte("x")); bytes.Equal(a[:headerSize], b[:headerSize]) || bytes.Equal(a[headerSize:], b[headerSize:]) {
		t.Error("two datagrams are alike")
	}
	if again := sealerOf(t, 7, "one"); again.keys.Load().salt == s.keys.Load().salt {
		t.Error("two starts have one salt")
	}
}

func TestForeignIsRefused(t *testing.T) {
	ours := sealerOf(t, 7, "one")
	packet := ours.seal([]byte("renewal"))
	for name, by := range map[string]*sealer{"another key": sealerOf(t, 8, "one"), "another cluster": sealerOf(t, 7, "two")} {
		if _, err := by.open(nil, packet, someHost); err == nil {
			t.Errorf("opened with %s", name)
		}
		if len(by.known) > 0 {
			t.Errorf("with %s, a stranger's cipher is kept", name)
		}
	}
	for i := range packet {
		bent := bytes.Clone(packet)
		bent[i] ^= 1
		if got, err := ours.open([]byte("kept"), bent, someHost); err == nil || string(got) != "kept" {
			t.Fatalf("with byte %d changed: %q, %v", i, got, err)
		}
		if _, err := ours.open(nil, packet[:i], someHost); err == nil {
			t.Fatalf("opened with %d of %d bytes", i, len(packet))
		}
	}
}

func TestFewCiphersAreKept(t *testing.T) {
	to := sealerOf(t, 7, "one")
	for i := range 3 * maxKnown {
		host := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		_, err := to.open(nil, sealerOf(t, 7, "one").seal([]byte("x")), host)
		check(t, err)
	}
	if len(to.known) > maxKnown {
		t.Errorf("%d ciphers are kept", len(to.known))
	}
}

// Recordings of many former starts of daemons, played in between, do not make anything said now good for a second time.
func TestManyRecordingsMakeNothingForgotten(t *testing.T) {
	to, from := sealerOf(t, 7, "one"), sealerOf(t, 7, "one")
	first := from.seal([]byte("x"))
	_, err := to.open(nil, first, someHost)
	check(t, err)
	for i := range 3 * maxKnown {
		host := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		_, err := to.open(nil, sealerOf(t, 7, "one").seal([]byte("x")), host)
		check(t, err)
		_, err = to.open(nil, from.seal([]byte("x")), someHost)
		check(t, err)
		if _, err := to.open(nil, first, someHost); !errors.Is(err, errReplayed) {
			t.Fatalf("after %d others, what was heard before is heard again: %v", i+1, err)
		}
	}
}

func BenchmarkDatagram(b *testing.B) {
	from, to := sealerOf(b, 7, "one"), sealerOf(b, 7, "one")
	data, into := make([]byte, 60), make([]byte, 0, 200)
	for b.Loop() {
		_, err := to.open(into, from.seal(data), someHost)
		check(b, err)
	}
}

// What a datagram of a stranger costs, which bounds the flood that a node can take in.
func BenchmarkForeign(b *testing.B) {
	to := sealerOf(b, 7, "one")
	packet := sealerOf(b, 8, "one").seal(make([]byte, 60))
	for b.Loop() {
		if _, err := to.open(nil, packet, someHost); err == nil {
			b.Fatal("opened")
		}
	}
}
