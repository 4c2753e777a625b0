package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// contents is all that Raft reads from its stores.
func contents(t *testing.T, s store) (all []string) {
	t.Helper()
	for _, key := range [][]byte{keyTerm, keyVoteTerm, keyCandidate} {
		value, _ := s.Get(key)
		all = append(all, fmt.Sprintf("%s %x", key, value))
	}
	first, err1 := s.FirstIndex()
	last, err2 := s.LastIndex()
	check(t, errors.Join(err1, err2))
	all = append(all, fmt.Sprint(first, last))
	for i := first; i <= last && last > 0; i++ {
		var l raft.Log
		check(t, s.GetLog(i, &l))
		all = append(all, fmt.Sprint(l.Index, l.Term, l.Type, len(l.Data), sumEntry(&l)))
	}
	return all
}

// reopened is what a start finds in a directory.
func reopened(t *testing.T, path string) []string {
	t.Helper()
	d := open(t, path)
	r, err := d.OpenRaft(hclog.NewNullLogger())
	check(t, err)
	all := contents(t, r.writes)
	check(t, errors.Join(r.Close(), d.lock.Close()))
	return all
}

// history makes Raft's writes as an unlucky node would see them: entries of all sizes, conflicts, elections, and a log
// that is cut behind snapshots.
type history struct {
	random      *rand.Rand
	term        uint64
	first, last uint64
}

func (h *history) next() op {
	switch h.random.IntN(12) {
	case 0:
		h.term++
		return op{key: keyTerm, value: marshalNumber(h.term)}
	case 1:
		return op{key: keyVoteTerm, value: marshalNumber(h.term)}
	case 2:
		return op{key: keyCandidate, value: fmt.Appendf(nil, "node-%d", h.random.IntN(5))}
	case 3:
		if h.last > h.first { // its end conflicts with a leader's
			o := op{first: h.first + 1 + h.random.Uint64N(h.last-h.first), last: h.last}
			h.last = o.first - 1
			return o
		}
	case 4:
		if h.last > h.first { // a snapshot has its beginning
			o := op{first: h.first, last: h.first + h.random.Uint64N(h.last-h.first)}
			h.first = o.last + 1
			return o
		}
	}
	var o op
	for range 1 + h.random.IntN(3) {
		h.last++
		size := h.random.IntN(200)
		if h.random.IntN(4) == 0 {
			size = h.random.IntN(20_000)
		}
		o.logs = append(o.logs, &raft.Log{Index: h.last, Term: h.term, Data: bytes.Repeat([]byte{byte(h.last)}, size)})
	}
	return o
}

func newHistory(seed uint64) *history {
	return &history{random: rand.New(rand.NewPCG(seed, 1)), term: 1, first: 1}
}

// A daemon is killed again and again, and its machine as well: whatever it had acknowledged is there.
func TestJournalIsThereAfterKill(t *testing.T) {
	for seed := range uint64(3) {
		path, h := t.TempDir(), newHistory(seed)
		d := open(t, path)
		r := openStores(t, d)
		want := raft.NewInmemStore()
		// As after a snapshot, which a log that is cut needs.
		writeSnapshot(t, r, 100_000, "{}\n")
		write := func(o op) {
			check(t, o.apply(r.writes))
			check(t, o.apply(want))
		}
		write(op{key: keyTerm, value: marshalNumber(1)})
		for i := range 300 {
			o := h.next()
			write(o)
			if i%20 != 0 || o.waits() {
				continue
			}
			killed := copyDir(t, path)
			diff(t, fmt.Sprintf("seed %d, killed after write %d", seed, i), contents(t, want), reopened(t, killed))
			diff(t, fmt.Sprintf("seed %d, started once more after write %d", seed, i), contents(t, want), reopened(t, killed))
		}
		check(t, errors.Join(r.Close(), d.Close()))
		diff(t, fmt.Sprintf("seed %d, closed", seed), contents(t, want), reopened(t, path))
	}
}

// The machine stops while sectors of one record are on their way to the disk: any of them may have come there.
func TestTornJournal(t *testing.T) {
	path, random := t.TempDir(), rand.New(rand.NewPCG(3, 4))
	d := open(t, path)
	r := openStores(t, d)
	name := d.journalPath()
	check(t, r.Stable.SetUint64(keyTerm, 1))
	for i := range uint64(12) {
		old, err := os.ReadFile(name)
		check(t, err)
		before := contents(t, r.writes)
		killed := copyDir(t, path)
		check(t, r.Logs.StoreLog(&raft.Log{Index: i + 1, Term: 1, Data: bytes.Repeat([]byte{7}, int(i)*150)}))
		after := contents(t, r.writes)
		written, err := os.ReadFile(name)
		check(t, err)
		for range 8 {
			torn := slices.Clone(old)
			for at := 0; at < len(torn); at += sectorSize {
				if random.IntN(2) == 0 {
					copy(torn[at:at+sectorSize], written[at:])
				}
			}
			again := copyDir(t, killed)
			overwrite(t, filepath.Join(again, "raft", "journal"), torn)
			if got := reopened(t, again); !cmp.Equal(got, before) && !cmp.Equal(got, after) {
				t.Fatalf("torn in write %d: neither what was before nor after it:\n%v", i, cmp.Diff(before, got))
			}
		}
	}
}

// stoppedStore stands for a machine that stops after some writes to raft.db.
type stoppedStore struct {
	store
	left int
}

var errStopped = errors.New("stopped")

func (s *stoppedStore) write(write func() error) error {
	if s.left--; s.left < 0 {
		return errStopped
	}
	return write()
}

func (s *stoppedStore) Set(k, v []byte) error {
	return s.write(func() error { return s.store.Set(k, v) })
}

func (s *stoppedStore) StoreLogs(l []*raft.Log) error {
	return s.write(func() error { return s.store.StoreLogs(l) })
}

func (s *stoppedStore) DeleteRange(a, b uint64) error {
	return s.write(func() error { return s.store.DeleteRange(a, b) })
}

// The machine stops while raft.db is written from the journal: the next start does it again.
func TestJournalIsReplayedWhereBulkWriteStopped(t *testing.T) {
	path, h := t.TempDir(), newHistory(9)
	d := open(t, path)
	r := openStores(t, d)
	writeSnapshot(t, r, 100_000, "{}\n")
	check(t, r.Stable.SetUint64(keyTerm, 1))
	for range 60 {
		check(t, h.next().apply(r.writes))
	}
	check(t, r.Stable.Set(keyCandidate, []byte("the last")))
	want := contents(t, r.writes)
	b, err := r.journaled.takeBatch()
	check(t, err)
	for stop := 0; ; stop++ {
		err := b.writeTo(&stoppedStore{r.journaled.bolt, stop})
		diff(t, fmt.Sprintf("stopped after %d writes", stop), want, reopened(t, copyDir(t, path)))
		if err == nil {
			break
		}
	}
}

// While the stores are open an older vipd, which would not see the journal, does not start; once they are closed it does.
func TestJournalKeepsOlderVersionsOut(t *testing.T) {
	d := open(t, t.TempDir())
	r := openStores(t, d)
	mark := func() string {
		text, err := readSealed(d.raftSealedPath())
		check(t, err)
		return string(text)
	}
	diff(t, "mark while open", journaledText, mark())
	check(t, r.Stable.SetUint64(keyTerm, 5))
	check(t, r.Close())
	diff(t, "mark when closed", sealedText, mark())
	if there, err := exists(d.journalPath()); there || err != nil {
		t.Errorf("the journal is there: %v, %v", there, err)
	}
	bolt, err := openUnchecked(d.file("raft/raft.db"))
	check(t, err)
	defer bolt.Close()
	term, err := bolt.GetUint64(keyTerm)
	check(t, err)
	diff(t, "term", uint64(5), term)
}

// An entry that no area has room for is stored all the same.
func TestEntryLargerThanJournal(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	r := openStores(t, d)
	check(t, r.Stable.SetUint64(keyTerm, 1))
	for i := range uint64(4) {
		check(t, r.Logs.StoreLog(&raft.Log{Index: i + 1, Term: 1, Data: make([]byte, i%2*(areaSize+1))}))
		diff(t, fmt.Sprintf("after entry %d", i+1), contents(t, r.writes), reopened(t, copyDir(t, path)))
	}
}

// Bytes of a journal that was not closed are flipped, and it is cut and removed: nothing is forgotten silently. A single
// bad byte never hinders a start.
func TestDamagedJournal(t *testing.T) {
	path := voter(t)
	d := open(t, path)
	r := openStores(t, d)
	for i := range uint64(30) {
		check(t, r.Logs.StoreLog(&raft.Log{Index: 121 + i, Term: 4, Data: bytes.Repeat([]byte("x"), int(i)*40)}))
	}
	good := copyDir(t, path)
	want, err := remember(copyDir(t, good))
	check(t, err)
	diff(t, "entries", 130, len(want.Log))
	const file = "raft/journal"
	data, err := os.ReadFile(filepath.Join(good, file))
	check(t, err)
	copied := copyDir(t, good)
	if _, refused := flip(t, rand.New(rand.NewPCG(5, 6)), good, copied, file, want); len(refused) > 0 {
		t.Errorf("bytes %v are bad in one of two copies, and the start is refused", refused)
	}
	for _, n := range []int{0, 1, areaSize, areaSize + 1000, len(data) / 2, len(data) - 1} {
		overwrite(t, filepath.Join(copied, file), data[:n])
		if !judge(t, fmt.Sprintf("cut at %d", n), copied, file, want) {
			t.Errorf("cut at %d, and it starts", n)
		}
		restore(t, good, copied)
	}
	check(t, os.Remove(filepath.Join(copied, file)))
	if !judge(t, "removed", copied, file, want) {
		t.Error("removed, and it starts")
	}
	restore(t, good, copied)
	bad := slices.Clone(data)
	for _, at := range []int{3 * sectorSize, areaSize + 3*sectorSize} {
		bad[at] ^= 1 // both copies of a record with others behind it
	}
	overwrite(t, filepath.Join(copied, file), bad)
	if !judge(t, "both copies", copied, file, want) {
		t.Error("both copies of a record are bad, and it starts")
	}
}

func FuzzJournal(f *testing.F) {
	f.Add(marshalJournal())
	f.Add(marshalOps([]op{{key: keyTerm, value: []byte("1")}, {first: 1, last: 4}, {logs: []*raft.Log{{Index: 2, Term: 1, Data: []byte("x")}}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if ops, err := parseOps(data); err == nil {
			again, err := parseOps(marshalOps(ops))
			check(t, err)
			diff(t, "operations", fmt.Sprintf("%+v", marshalOps(ops)), fmt.Sprintf("%+v", marshalOps(again)))
		}
		_, _ = parseJournal(data)
		_, _ = parseJournal(append(bytes.Clone(data), make([]byte, max(0, journalSize-len(data)))...))
	})
}
