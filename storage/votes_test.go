package storage

import (
	"errors"
	"fmt"
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
			case 4:
				lease := time.Duration(rapid.IntRange(0, 1e9).Draw(rt, "lower lease"))
				check(t, v.LowerCeiling(lease))
				ceiling = min(ceiling, lease)
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
