package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
