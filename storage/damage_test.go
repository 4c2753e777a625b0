package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// memories is all that a directory has to remember, as the next start reads it.
type memories struct {
	Votes    memory
	Identity Identity
	Term     uint64
	VoteTerm uint64
	Vote     string
	Log      []string
	Snapshot string // content of the newest that can be read, and what it says of itself
}

// voter makes the directory of a voter that has lived for a while: with a log of several pages, deleted
// entries, snapshots, withdrawals and a vote.
func voter(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	d := open(t, path)
	v, r := openVotes(t, d), openStores(t, d)
	check(t, d.SaveIdentity(exampleIdentity()))
	check(t, v.Withdraw("b", 9))
	check(t, r.Stable.SetUint64(keyTerm, 3))
	for i := uint64(1); i <= 120; i++ {
		check(t, r.Logs.StoreLog(&raft.Log{Index: i, Term: 3, Data: bytes.Repeat([]byte{byte(i)}, 100)}))
		if i == 50 || i == 90 {
			writeSnapshot(t, r, i, fmt.Sprintf("{\"state\":%d}\n", i))
		}
	}
	check(t, r.Logs.DeleteRange(1, 20))
	check(t, r.Stable.SetUint64(keyTerm, 4))
	check(t, r.Stable.SetUint64(keyVoteTerm, 4))
	check(t, r.Stable.Set(keyCandidate, []byte("node-b")))
	check(t, errors.Join(r.Close(), v.Close(), d.Close()))
	return path
}

// remember starts from a directory as the daemon does. The error is that of the start.
func remember(path string) (m memories, err error) {
	d, err := Open(path)
	if err != nil {
		return m, err
	}
	defer d.lock.Close()
	var joined bool
	if m.Identity, joined, err = d.Identity(); err != nil || !joined {
		return m, errors.Join(err, failUnless(joined, "it has joined nothing"))
	}
	r, err := d.OpenRaft(hclog.NewNullLogger())
	if err != nil {
		return m, err
	}
	defer r.Close()
	v, err := d.Votes()
	if err != nil {
		return m, err
	}
	defer v.Close()
	m.Votes = v.memory
	return m, m.readRaft(r)
}

func failUnless(ok bool, text string) error {
	if ok {
		return nil
	}
	return errors.New(text)
}

func (m *memories) readRaft(r *Raft) (err error) {
	if m.Term, err = r.Stable.GetUint64(keyTerm); err != nil {
		return err
	}
	if m.VoteTerm, err = r.Stable.GetUint64(keyVoteTerm); err != nil {
		return err
	}
	vote, err := r.Stable.Get(keyCandidate)
	if err != nil {
		return err
	}
	m.Vote = string(vote)
	first, err1 := r.Logs.FirstIndex()
	last, err2 := r.Logs.LastIndex()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for i := first; i <= last; i++ {
		var l raft.Log
		if err := r.Logs.GetLog(i, &l); err != nil {
			return err
		}
		m.Log = append(m.Log, fmt.Sprint(l.Index, l.Term, l.Type, l.Data))
	}
	return m.readSnapshot(r)
}

func (m *memories) readSnapshot(r *Raft) error {
	list, err := r.Snapshots.List()
	if err != nil || len(list) == 0 {
		return errors.Join(err, failUnless(len(list) > 0, "no snapshot"))
	}
	meta, content, err := r.Snapshots.Open(list[0].ID)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(content)
	m.Snapshot = fmt.Sprint(meta.Index, meta.Term, meta.Configuration, meta.ConfigurationIndex, string(text))
	return err
}

// copyDir makes a copy to damage.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	check(t, os.CopyFS(to, os.DirFS(from)))
	return to
}

func files(t *testing.T, path string) (names []string) {
	t.Helper()
	check(t, filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && filepath.Base(name) != "lock" {
			rel, _ := filepath.Rel(path, name)
			names = append(names, rel)
		}
		return err
	}))
	return names
}

// judge starts from a damaged directory. It may remember everything, the older of two snapshots instead of the newer
// one included, since the log has the rest; or refuse, and then say which file and what to do.
func judge(t *testing.T, what, path, file string, want memories) (refused bool) {
	t.Helper()
	got, err := remember(path)
	if err == nil {
		older := want
		older.Snapshot = strings.ReplaceAll(want.Snapshot, "90", "50")
		if d := cmp.Diff(want, got, cmp.AllowUnexported(memory{})); d != "" && !cmp.Equal(older, got, cmp.AllowUnexported(memory{})) {
			t.Errorf("%s: silently (-want +got):\n%s", what, d)
		}
		return false
	}
	named := strings.Contains(err.Error(), filepath.Join(path, file)) || strings.Contains(err.Error(), filepath.Join(path, filepath.Dir(file)))
	remedied := strings.Contains(err.Error(), "vipctl remove") || errors.Is(err, ErrNewerVersion)
	if !named && !errors.Is(err, ErrNewerVersion) || !remedied {
		t.Errorf("%s: the error does not name the file or what to do: %v", what, err)
	}
	return true
}

func overwrite(t *testing.T, name string, data []byte) {
	t.Helper()
	check(t, os.WriteFile(name, data, 0o600))
}

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
