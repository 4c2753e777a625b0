package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Pages of raft.db are lost: they have what was there before, zeros, or what belongs elsewhere.
func TestLostPagesOfRaftLog(t *testing.T) {
	good := voter(t)
	want, err := remember(copyDir(t, good))
	check(t, err)
	const file = "raft/raft.db"
	data, err := os.ReadFile(filepath.Join(good, file))
	check(t, err)
	path := copyDir(t, good)
	const page = 4096
	for at := 0; at+page <= len(data); at += page {
		for name, filling := range map[string][]byte{
			"zeros": make([]byte, page), "ones": bytes.Repeat([]byte{0xff}, page), "its neighbour": data[(at+page)%len(data):][:page],
		} {
			bad := slices.Clone(data)
			copy(bad[at:], filling)
			overwrite(t, filepath.Join(path, file), bad)
			judge(t, fmt.Sprintf("page %d has %s", at/page, name), path, file, want)
			restore(t, good, path)
		}
	}
}

// The machine stops in the middle of writing raft.db: pages of a transaction are there, its root is not. It starts,
// with all that was acknowledged.
func TestTornWriteOfRaftLog(t *testing.T) {
	path := voter(t)
	before, err := remember(copyDir(t, path))
	check(t, err)
	name := filepath.Join(path, "raft", "raft.db")
	old, err := os.ReadFile(name)
	check(t, err)
	d := open(t, path)
	r := openStores(t, d)
	check(t, r.Logs.StoreLog(&raft.Log{Index: 121, Term: 4, Data: bytes.Repeat([]byte("x"), 5000)}))
	check(t, errors.Join(r.Close(), d.Close()))
	written, err := os.ReadFile(name)
	check(t, err)
	const page = 4096
	for at := 2 * page; at+page <= len(written); at += page {
		if at+page > len(old) || bytes.Equal(old[at:at+page], written[at:at+page]) {
			continue
		}
		torn := slices.Clone(old)
		copy(torn[at:at+page/2], written[at:])
		copied := copyDir(t, path)
		overwrite(t, filepath.Join(copied, "raft", "raft.db"), torn)
		got, err := remember(copied)
		check(t, err)
		if !cmp.Equal(before, got, cmp.AllowUnexported(memory{})) {
			t.Fatalf("page %d torn: %v", at/page, cmp.Diff(before, got, cmp.AllowUnexported(memory{})))
		}
	}
}

// A directory that an older vipd wrote has no checksums; they are added, and count from then on.
func TestRaftLogOfOlderVersionIsSealed(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	check(t, os.MkdirAll(d.file("raft"), 0o700))
	bolt, err := openUnchecked(d.file("raft/raft.db"))
	check(t, err)
	check(t, bolt.SetUint64(keyTerm, 7))
	check(t, bolt.Set(keyCandidate, []byte("node-b")))
	check(t, bolt.StoreLogs([]*raft.Log{
		{Index: 1, Term: 1, Data: []byte("before a gap, which a snapshot of a peer left")},
		{Index: 90, Term: 7, Data: []byte("one")}, {Index: 91, Term: 7, Data: []byte("two")},
	}))
	check(t, bolt.Close())
	snapshots, err := raft.NewFileSnapshotStore(d.file("raft"), 2, io.Discard)
	check(t, err)
	s, err := snapshots.Create(1, 89, 6, raft.Configuration{}, 1, nil)
	check(t, err)
	_, err = s.Write([]byte("{}\n"))
	check(t, errors.Join(err, s.Close()))
	check(t, d.SaveIdentity(exampleIdentity()))

	for range 2 {
		r := openStores(t, d)
		term, err := r.Stable.GetUint64(keyTerm)
		check(t, err)
		diff(t, "term", uint64(7), term)
		vote, err := r.Stable.Get(keyCandidate)
		check(t, err)
		diff(t, "vote", "node-b", string(vote))
		first, err := r.Logs.FirstIndex()
		check(t, err)
		diff(t, "first", uint64(90), first)
		var l raft.Log
		check(t, r.Logs.GetLog(91, &l))
		diff(t, "entry", "two", string(l.Data))
		check(t, r.Close())
	}
	for _, name := range []string{"raft/raft.db"} {
		check(t, os.Truncate(d.file(name), 0))
		if _, err := d.OpenRaft(hclog.NewNullLogger()); !errors.Is(err, ErrDamaged) {
			t.Errorf("an empty %s: %v", name, err)
		}
	}
}

// An older vipd reads what this one writes.
func TestSealedRaftLogReadsAsBefore(t *testing.T) {
	path := voter(t)
	bolt, err := openUnchecked(filepath.Join(path, "raft", "raft.db"))
	check(t, err)
	defer bolt.Close()
	term, err := bolt.GetUint64(keyTerm)
	check(t, err)
	diff(t, "term", uint64(4), term)
	var l raft.Log
	check(t, bolt.GetLog(120, &l))
	diff(t, "entry", bytes.Repeat([]byte{120}, 100), l.Data)
}
