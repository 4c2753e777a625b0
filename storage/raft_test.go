package storage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"
)

func openStores(t testing.TB, d *Dir) *Raft {
	t.Helper()
	r, err := d.OpenRaft(hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func writeSnapshot(t *testing.T, r *Raft, index uint64, content string) {
	t.Helper()
	sink, err := r.Snapshots.Create(1, index, 1, raft.Configuration{}, 0, nil)
	check(t, err)
	_, err = io.WriteString(sink, content)
	check(t, err)
	check(t, sink.Close())
}

func TestRaftStoresSurviveReopening(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	r := openStores(t, d)
	if has, err := r.HasState(); has || err != nil {
		t.Fatalf("new stores: HasState %v, %v", has, err)
	}
	check(t, r.Stable.SetUint64([]byte("CurrentTerm"), 4))
	check(t, r.Logs.StoreLogs([]*raft.Log{{Index: 1, Term: 4, Data: []byte("one")}, {Index: 2, Term: 4}}))
	for i := range 4 {
		writeSnapshot(t, r, uint64(i+1), strings.Repeat("s", i))
	}
	check(t, r.Close())
	check(t, d.Close())

	r = openStores(t, open(t, path))
	if has, err := r.HasState(); !has || err != nil {
		t.Fatalf("HasState %v, %v", has, err)
	}
	term, err := r.Stable.GetUint64([]byte("CurrentTerm"))
	check(t, err)
	diff(t, "term", uint64(4), term)
	var log raft.Log
	check(t, r.Logs.GetLog(1, &log))
	diff(t, "data", "one", string(log.Data))
	snaps, err := r.Snapshots.List()
	check(t, err)
	diff(t, "kept snapshots", 2, len(snaps))
	_, content, err := r.Snapshots.Open(snaps[0].ID)
	check(t, err)
	defer content.Close()
	got, err := io.ReadAll(content)
	check(t, err)
	diff(t, "newest snapshot", "sss", string(got))
}

func TestTimedWrite(t *testing.T) {
	r := openStores(t, open(t, t.TempDir()))
	took, err := r.TimedWrite(t.Context())
	if err != nil || took <= 0 {
		t.Fatalf("took %v, %v", took, err)
	}
}

// hangingStore stands for a disk that does not answer until goOn is closed.
type hangingStore struct {
	store
	goOn   chan struct{}
	writes atomic.Int32
}

func (h *hangingStore) SetUint64(key []byte, value uint64) error {
	h.writes.Add(1)
	<-h.goOn
	return h.store.SetUint64(key, value)
}

func TestTimedWriteOnHungDisk(t *testing.T) {
	r := openStores(t, open(t, t.TempDir()))
	disk := &hangingStore{store: r.writes.store, goOn: make(chan struct{})}
	r.writes.store = disk
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if took, err := r.TimedWrite(ctx); !errors.Is(err, context.DeadlineExceeded) || took <= 0 {
			t.Errorf("took %v, %v; want the deadline's error", took, err)
		}
		cancel()
	}
	if n := disk.writes.Load(); n > 1 {
		t.Errorf("%d writes are waiting for the disk, want one", n)
	}
	if d := r.Hanging(); d != 0 {
		t.Errorf("a write is said to hang after %v", d)
	}
	select {
	case <-r.Hangs():
	case <-time.After(HangsAfter + 5*time.Second):
		t.Fatal("nobody is told that a write hangs")
	}
	if d := r.Hanging(); d < HangsAfter {
		t.Errorf("it has hung for %v when that is told", d)
	}
	close(disk.goOn)
	_, err := r.TimedWrite(t.Context())
	check(t, err)
	if d := r.Hanging(); d != 0 {
		t.Errorf("a write is said to hang for %v after it is done", d)
	}
}

func TestRaftStoreOnFullDisk(t *testing.T) {
	disk := smallDisk(t, "4m")
	d := open(t, disk)
	r := openStores(t, d)
	check(t, r.Logs.StoreLog(&raft.Log{Index: 1, Data: []byte("kept")}))
	undo := fill(t, disk)
	var err error
	stored := uint64(1)
	for err == nil {
		if err = r.Logs.StoreLog(&raft.Log{Index: stored + 1, Data: bytes.Repeat([]byte("x"), 100_000)}); err == nil {
			stored++
		}
	}
	if !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), "make room on the file system of "+disk) {
		t.Fatalf("got %v", err)
	}
	select {
	case <-r.Failed():
	default:
		t.Fatal("Failed is not closed")
	}
	undo()
	if err := r.Stable.SetUint64([]byte("x"), 1); err == nil || r.Err() == nil {
		t.Fatal("a write after a failed one was accepted")
	}
	check(t, r.Close())

	r = openStores(t, d)
	last, err := r.Logs.LastIndex()
	check(t, err)
	if last < stored {
		t.Fatalf("last index %d, %d was acknowledged", last, stored)
	}
	var log raft.Log
	check(t, r.Logs.GetLog(1, &log))
	diff(t, "old entry", "kept", string(log.Data))
	check(t, r.Stable.SetUint64([]byte("x"), 1))
}

func TestDamagedRaftStoreNamesFileAndRemedy(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	check(t, openStores(t, d).Close())
	name := filepath.Join(path, "raft", "raft.db")
	check(t, os.WriteFile(name, bytes.Repeat([]byte("junk"), 4096), 0o600))
	_, err := d.OpenRaft(hclog.NewNullLogger())
	if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "vipctl remove") {
		t.Fatalf("got %v", err)
	}
}

func TestStoresAreOpenOnce(t *testing.T) {
	d := open(t, t.TempDir())
	v, r := openVotes(t, d), openStores(t, d)
	_, err1 := d.Votes()
	_, err2 := d.OpenRaft(hclog.NewNullLogger())
	for _, err := range []error{err1, err2, d.Close(), d.ForgetCluster()} {
		if !errors.Is(err, ErrInUse) {
			t.Errorf("got %v, want ErrInUse", err)
		}
	}
	check(t, v.Close())
	check(t, r.Close())
	check(t, d.Close())
}

// A file system that became read-only, as after an error of its disk, is said to be, with what to do.
func TestReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, "4m")
	d := open(t, disk)
	r, v := openStores(t, d), openVotes(t, d)
	check(t, errors.Join(r.Close(), v.Close(), d.Close()))
	remount := func(flags uintptr) { check(t, unix.Mount("", disk, "", unix.MS_REMOUNT|flags, "")) }
	remount(unix.MS_RDONLY)
	_, err := Open(disk)
	if err == nil || !strings.Contains(err.Error(), "the file system of "+disk+" is read-only") {
		t.Errorf("got %v", err)
	}
	remount(0)
	openVotes(t, open(t, disk))
}
