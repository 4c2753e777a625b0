package storage

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestVotesSurviveReopening(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	v := openVotes(t, d)
	diff(t, "new votes", map[string]uint64{}, v.Withdrawn())
	check(t, v.Withdraw("a", 7))
	check(t, v.Withdraw("a", 3)) // older: no news
	check(t, v.Withdraw("b", 1<<63))
	check(t, v.RaiseCeiling(3*time.Second))
	check(t, v.RaiseCeiling(time.Second))
	check(t, v.Close())
	check(t, d.Close())

	v = openVotes(t, open(t, path))
	diff(t, "withdrawn", map[string]uint64{"a": 7, "b": 1 << 63}, v.Withdrawn())
	diff(t, "ceiling", 3*time.Second, v.Ceiling())
}

func TestWithdrawnIsACopy(t *testing.T) {
	v := openVotes(t, open(t, t.TempDir()))
	check(t, v.Withdraw("a", 1))
	v.Withdrawn()["a"] = 0
	diff(t, "withdrawn", map[string]uint64{"a": 1}, v.Withdrawn())
}

func TestMemberNames(t *testing.T) {
	v := openVotes(t, open(t, t.TempDir()))
	check(t, v.Withdraw(strings.Repeat("x", 255), 1))
	for _, name := range []string{"", strings.Repeat("x", 256)} {
		if err := v.Withdraw(name, 1); err == nil {
			t.Errorf("name of %d bytes was accepted", len(name))
		}
	}
	check(t, v.Withdraw("still usable", 1))
}

// Many more records than a file has slots for, reopened now and then; compared with a map.
func TestVotesAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		path, err := os.MkdirTemp(t.TempDir(), "")
		check(t, err)
		d := open(t, path)
		v := openVotes(t, d)
		want, ceiling := map[string]uint64{}, time.Duration(0)
		members := rapid.IntRange(1, 300).Draw(rt, "members")
		for range rapid.IntRange(0, 600).Draw(rt, "steps") {
			switch rapid.IntRange(0, 40).Draw(rt, "step") {
			case 0:
				check(t, v.Close())
				v = openVotes(t, d)
			case 1, 2, 3:
				lease := time.Duration(rapid.IntRange(0, 1e9).Draw(rt, "lease"))
				check(t, v.RaiseCeiling(lease))
				ceiling = max(ceiling, lease)
			default:
				name := fmt.Sprintf("node-%d", rapid.IntRange(1, members).Draw(rt, "member"))
				epoch := rapid.Uint64Range(1, 1000).Draw(rt, "epoch")
				check(t, v.Withdraw(name, epoch))
				want[name] = max(want[name], epoch)
			}
		}
		check(t, v.Close())
		v = openVotes(t, d)
		diff(t, "withdrawn", want, v.Withdrawn())
		diff(t, "ceiling", ceiling, v.Ceiling())
		check(t, v.Close())
		check(t, d.Close())
	})
}

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

func TestDamagedVotesNameFileAndRemedy(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	name := filepath.Join(path, "votes")
	check(t, os.Truncate(name, 1000))
	_, err := d.Votes()
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "vipctl remove") {
		t.Fatalf("got %v", err)
	}
}

// Opening repairs: a second, different damage later still finds a good copy.
func TestVotesRepairedWhenOpened(t *testing.T) {
	d := open(t, t.TempDir())
	v := openVotes(t, d)
	check(t, v.Withdraw("a", 5))
	for duplicate := range 2 {
		check(t, v.Close())
		data, err := os.ReadFile(v.path)
		check(t, err)
		half := len(data) / 2
		copy(data[duplicate*half:], make([]byte, half))
		check(t, os.WriteFile(v.path, data, 0o600))
		v = openVotes(t, d)
		diff(t, "withdrawn", map[string]uint64{"a": 5}, v.Withdrawn())
	}
}

func TestFailedWriteIsFinal(t *testing.T) {
	d := open(t, t.TempDir())
	v := openVotes(t, d)
	check(t, v.Withdraw("a", 1))
	writable := v.file
	readOnly, err := os.Open(v.path)
	check(t, err)
	v.file = readOnly
	if err := v.Withdraw("b", 1); err == nil {
		t.Fatal("a failed write was acknowledged")
	}
	v.file = writable
	if err := v.Withdraw("b", 1); err == nil || !strings.Contains(err.Error(), "no more writes") {
		t.Fatalf("write after a failed one: %v", err)
	}
	if v.Err() == nil {
		t.Fatal("Err is nil")
	}
	diff(t, "withdrawn", map[string]uint64{"a": 1}, v.Withdrawn())
	check(t, readOnly.Close())
	check(t, v.Close())
	check(t, openVotes(t, d).Withdraw("b", 1))
}

func TestVotesOnFullDisk(t *testing.T) {
	disk := smallDisk(t, "2m")
	d := open(t, disk)
	v := openVotes(t, d)
	undo := fill(t, disk)
	// The file has room already, so the full disk does not matter until a larger file is needed.
	for v.used < v.slots {
		check(t, v.Withdraw("a", uint64(v.used)))
	}
	want := v.Withdrawn()
	if err := v.Withdraw("b", 1); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	diff(t, "withdrawn", want, v.Withdrawn())
	check(t, v.Close())
	if _, err := d.Votes(); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	undo()
	v = openVotes(t, d)
	diff(t, "withdrawn", want, v.Withdrawn())
	undo = fill(t, disk)
	for v.used < v.slots {
		check(t, v.Withdraw("c", uint64(v.used)))
	}
	if err := v.Withdraw("d", 1); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("got %v, want ENOSPC", err)
	}
	undo()
	check(t, v.Withdraw("d", 1)) // lack of space is not final
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
