package gossip

import (
	"testing"

	"pgregory.net/rapid"
)

// Each counter is taken once at most, and always if it is near the newest, in whatever order they come.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		taken := map[uint64]bool{}
		at, newest := rapid.Uint64Range(1, 1<<40).Draw(t, "begin"), uint64(0)
		for range rapid.IntRange(1, 200).Draw(t, "datagrams") {
			at += rapid.SampledFrom([]uint64{1, 1, 2, 63, 64, 65, 900, windowBits, 1 << 20}).Draw(t, "step")
			counter := at - min(at-1, rapid.SampledFrom([]uint64{0, 0, 1, 64, 500, windowBits, 3 * windowBits}).Draw(t, "late"))
			took := w.take(counter)
			switch {
			case took && taken[counter]:
				t.Fatalf("%d was taken twice", counter)
			case !took && !taken[counter] && counter+windowBits-64 > newest:
				t.Fatalf("%d was not taken, %d being the newest", counter, newest)
			}
			taken[counter] = taken[counter] || took
			newest = max(newest, counter)
		}
	})
}

func TestReplayedDatagramIsRefused(t *testing.T) {
	from, to := sealerOf(t, 7, "one"), sealerOf(t, 7, "one")
	first := from.seal([]byte("first"))
	second := from.seal([]byte("second"))
	for i, packet := range [][]byte{second, first} {
		if _, err := to.open(nil, packet, someHost); err != nil {
			t.Fatalf("datagram %d, out of order: %v", i, err)
		}
	}
	for i, packet := range [][]byte{first, second} {
		if got, err := to.open([]byte("kept"), packet, someHost); err == nil || string(got) != "kept" {
			t.Errorf("datagram %d, once more: %q, %v", i, got, err)
		}
	}
	for range 2 * windowBits {
		if _, err := to.open(nil, from.seal(nil), someHost); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := to.open(nil, first, someHost); err == nil {
		t.Error("an old datagram is taken again")
	}
}
