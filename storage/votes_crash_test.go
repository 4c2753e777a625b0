package storage

import (
	"bytes"
	"maps"
	"os"
	"testing"
	"time"
)

// votesFile returns a file with three acknowledged records, written one after the other, and the file
// as it was before the last.
func votesFile(t *testing.T) (before, after []byte) {
	t.Helper()
	d := open(t, t.TempDir())
	v := openVotes(t, d)
	read := func() []byte {
		data, err := os.ReadFile(v.path)
		check(t, err)
		return data
	}
	check(t, v.Withdraw("a", 1))
	check(t, v.RaiseCeiling(time.Second))
	before = read()
	check(t, v.Withdraw("b", 2))
	return before, read()
}

func acknowledged() memory {
	return memory{withdrawn: map[string]uint64{"a": 1, "b": 2}, ceiling: time.Second}
}

func sameMemory(a, b memory) bool {
	return a.ceiling == b.ceiling && maps.Equal(a.withdrawn, b.withdrawn)
}

func TestVotesCutAnywhereIsDamage(t *testing.T) {
	_, good := votesFile(t)
	for n := range good {
		if m, err := parseVotes(good[:n]); err == nil {
			t.Fatalf("cut at byte %d: no error, %v", n, m)
		}
	}
}

func TestVotesFlippedByteLosesNothing(t *testing.T) {
	_, good := votesFile(t)
	bad := bytes.Clone(good)
	for i := range bad {
		empty := allZero(good[i/slotSize*slotSize:][:slotSize])
		if empty && i%61 != 0 {
			continue // empty slots are all alike
		}
		for _, change := range []byte{0x01, 0x80} {
			bad[i] = good[i] ^ change
			m, err := parseVotes(bad)
			bad[i] = good[i]
			if err == nil && !sameMemory(m, acknowledged()) {
				t.Fatalf("byte %d changed by %#x: silently %v", i, change, m)
			}
			if err != nil && !empty {
				t.Fatalf("byte %d changed by %#x: one copy is good, but %v", i, change, err)
			}
		}
	}
}

// A sector, a block or half of the file is lost or overwritten.
func TestVotesLostRegionLosesNothing(t *testing.T) {
	_, good := votesFile(t)
	for _, size := range []int{slotSize, 4096, len(good) / 2} {
		for _, filling := range []byte{0, 0xff} {
			for at := 0; at < len(good); at += size {
				bad := bytes.Clone(good)
				copy(bad[at:at+size], bytes.Repeat([]byte{filling}, size))
				if m, err := parseVotes(bad); err == nil && !sameMemory(m, acknowledged()) {
					t.Fatalf("%d bytes at %d set to %#x: silently %v", size, at, filling, m)
				}
			}
		}
	}
}

// Damage to both copies of an acknowledged record cannot be repaired and has to be noticed.
func TestVotesBothCopiesDamaged(t *testing.T) {
	_, good := votesFile(t)
	im := image(bytes.Clone(good))
	for position := range 5 {
		for i := range slotSize {
			a, b := im.slot(0, position), im.slot(1, position)
			a[i] ^= 4
			b[slotSize-1-i] ^= 4
			if m, err := parseVotes(im); err == nil {
				t.Fatalf("record %d, byte %d: silently %v", position, i, m)
			}
			a[i] ^= 4
			b[slotSize-1-i] ^= 4
		}
	}
}

// The machine stops while the last record is written: any part of the first copy is on the disk and
// nothing of the second, or the other way round, or one is whole and the other not. The file has to open,
// with all older records.
func TestVotesTornWrite(t *testing.T) {
	before, after := votesFile(t)
	const position = 4
	older := memory{withdrawn: map[string]uint64{"a": 1}, ceiling: time.Second}
	for n := range slotSize + 1 {
		for first := range 2 {
			for _, other := range []int{0, slotSize} {
				im := image(bytes.Clone(before))
				copy(im.slot(first, position)[:n], image(after).slot(first, position))
				copy(im.slot(1-first, position)[:other], image(after).slot(1-first, position))
				m, err := parseVotes(im)
				if err != nil {
					t.Fatalf("%d bytes of copy %d, %d of the other: %v", n, first, other, err)
				}
				if !sameMemory(m, older) && !sameMemory(m, acknowledged()) {
					t.Fatalf("%d bytes of copy %d, %d of the other: %v", n, first, other, m)
				}
				if other == slotSize && !sameMemory(m, acknowledged()) {
					t.Fatalf("a whole copy was there, got %v", m)
				}
			}
		}
	}
}

func FuzzParseVotes(f *testing.F) {
	im, _ := marshalVotes(memory{withdrawn: map[string]uint64{"a": 1}})
	f.Add([]byte(im))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseVotes(data)
		if err != nil {
			return
		}
		im, _ := marshalVotes(m)
		again, err := parseVotes(im)
		if err != nil || !sameMemory(m, again) {
			t.Fatalf("%v became %v, %v", m, again, err)
		}
	})
}
