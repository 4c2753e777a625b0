package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// Each file is cut at each block, and at bytes in between: nothing is forgotten silently.
func TestCutFiles(t *testing.T) {
	good := voter(t)
	want, err := remember(copyDir(t, good))
	check(t, err)
	for _, file := range files(t, good) {
		data, err := os.ReadFile(filepath.Join(good, file))
		check(t, err)
		cuts := []int{0, 1, len(data) / 2, len(data) - 1}
		for n := 512; n < len(data); n += max(512, len(data)/40) {
			cuts = append(cuts, n)
		}
		for _, n := range cuts {
			path := copyDir(t, good)
			overwrite(t, filepath.Join(path, file), data[:n])
			judge(t, fmt.Sprintf("%s cut at %d of %d", file, n, len(data)), path, file, want)
		}
		if file == "identity" {
			continue // a node without one belongs to no cluster, and votes in none
		}
		path := copyDir(t, good)
		check(t, os.Remove(filepath.Join(path, file)))
		judge(t, file+" removed", path, file, want)
	}
}

// flips is how many bytes of a file are flipped, more or less; set it higher to look closer.
const flips = 100

// Bytes of each file are flipped, one at a time.
func TestFlippedFiles(t *testing.T) {
	good := voter(t)
	want, err := remember(copyDir(t, good))
	check(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	path := copyDir(t, good)
	for _, file := range files(t, good) {
		positions, refused := flip(t, random, good, path, file, want)
		t.Logf("%s: %d bytes, refused %d times", file, len(positions), len(refused))
		if len(refused) == 0 && !strings.HasPrefix(file, "votes") && !strings.Contains(file, "snapshots") {
			t.Errorf("damage to %s is never noticed", file)
		}
	}
}

// flip flips bytes of a file in a copy of a directory, one at a time, and judges each start. It returns the positions of
// which it drew, and of those bytes for which a start was refused.
func flip(t *testing.T, random *rand.Rand, good, copied, file string, want memories) (positions, refused []int) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(good, file))
	check(t, err)
	positions = used(data)
	for _, at := range positions {
		if random.IntN(len(positions)) >= flips {
			continue
		}
		bad := slices.Clone(data)
		bad[at] ^= 1 << random.IntN(8)
		overwrite(t, filepath.Join(copied, file), bad)
		if judge(t, fmt.Sprintf("%s, byte %d", file, at), copied, file, want) {
			refused = append(refused, at)
		}
		restore(t, good, copied)
	}
	return positions, refused
}

// used returns the positions of bytes that are not in long runs of zeros.
func used(data []byte) (positions []int) {
	for i := range data {
		if !allZeros(data[max(0, i-16):min(len(data), i+16)]) {
			positions = append(positions, i)
		}
	}
	return positions
}

func allZeros(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// restore makes a directory what it was, where a start may have written.
func restore(t *testing.T, good, path string) {
	t.Helper()
	check(t, os.RemoveAll(path))
	check(t, os.MkdirAll(path, 0o700))
	check(t, os.CopyFS(path, os.DirFS(good)))
}

// A snapshot that is damaged is made up for by the one before it and the log; where the log does not reach back, the
// start is refused.
func TestDamagedSnapshot(t *testing.T) {
	path := voter(t)
	names, err := filepath.Glob(filepath.Join(path, "raft", "snapshots", "*-90-*", "state.bin"))
	check(t, err)
	diff(t, "snapshots", 1, len(names))
	check(t, os.Truncate(names[0], 3))
	got, err := remember(path)
	check(t, err)
	if !strings.Contains(got.Snapshot, `{"state":50}`) {
		t.Errorf("it goes on from %s", got.Snapshot)
	}
	if _, err := os.Stat(names[0]); err == nil {
		t.Error("the damaged snapshot is there still, and would be sent to peers")
	}

	path = voter(t)
	d := open(t, path)
	r := openStores(t, d)
	check(t, r.Logs.DeleteRange(21, 80))
	check(t, errors.Join(r.Close(), d.Close()))
	names, err = filepath.Glob(filepath.Join(path, "raft", "snapshots", "*-90-*", "meta.json"))
	check(t, err)
	overwrite(t, names[0], nil)
	if _, err := remember(path); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), filepath.Dir(names[0])) {
		t.Errorf("a snapshot that is needed is damaged: %v", err)
	}
}

func FuzzCheckBolt(f *testing.F) {
	path := filepath.Join(f.TempDir(), "raft.db")
	bolt, err := openUnchecked(path)
	if err != nil {
		f.Fatal(err)
	}
	s := sealedStore{bolt, path}
	for i := range uint64(3) {
		if err := errors.Join(s.StoreLog(&raft.Log{Index: i + 1, Term: 1, Data: []byte("entry")}), s.SetUint64(keyTerm, i)); err != nil {
			f.Fatal(err)
		}
	}
	if err := bolt.Close(); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if file, err := checkBolt(data); err == nil && file.logs > 0 && file.last-file.first+1 != uint64(file.logs) {
			t.Fatalf("%d entries from %d to %d", file.logs, file.first, file.last)
		}
	})
}
