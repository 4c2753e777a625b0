package consensus

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"vipd/cluster/state"
)

// large is a command of some size that leaves no more behind than the one before it.
func large(i, size int) state.Command {
	n := nodeNamed("large")
	n.Gossip = fmt.Sprint(i, strings.Repeat("x", size))
	return state.Command{Join: &state.Join{Node: n}}
}

// sizeOf is what the files of a directory have together, in bytes.
func sizeOf(t *testing.T, path string) (size int64) {
	t.Helper()
	check(t, filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			info, err := e.Info()
			check(t, err)
			size += info.Size()
		}
		return err
	}))
	return size
}

// However large its entries are, the data directory stays small, and the state comes back from it.
func TestLargeCommandsLeaveTheDirectorySmall(t *testing.T) {
	a := founder(t)
	const size, count = 400 << 10, 300 // twice as much as is allowed below, and many times what is aimed for
	for i := range count {
		a.propose(large(i, size))
	}
	eventually(t, "the log is small", func() bool {
		first, err := a.log.FirstIndex()
		check(t, err)
		_, last := a.LogEnd()
		return (last-first)*size < mostBytes+2*retryBytes
	})
	if got := sizeOf(t, a.path); got > 4*mostBytes {
		t.Errorf("%d bytes of commands left %d bytes in the data directory", size*count, got)
	}
	want := a.View()
	a.restart()
	a.lead()
	diff(t, "nodes", want.Nodes, a.View().Nodes)
	diff(t, "kept again", uint64(keptEntries), a.raft.ReloadableConfig().TrailingLogs)
}

// A node that was away for so long that a snapshot brings it up to date has a gap in its log, and starts again.
func TestRestartAfterASnapshotFromAPeer(t *testing.T) {
	a, b, _ := three(t)
	b.follows(a)
	b.stop()
	for i := range 60 {
		a.propose(joining(fmt.Sprint("n", i)))
	}
	check(t, a.shrink(leastEntries))
	b.start(false)
	a.propose(joining("after"))
	b.follows(a)
	a.propose(joining("more"))
	b.follows(a)
	for range 2 {
		b.restart()
		b.follows(a)
	}
}

func TestLogSizes(t *testing.T) {
	var s logSizes
	for i := range uint64(10) {
		s.put(5+i, 10)
	}
	diff(t, "newest", 3, s.newestWithin(39))
	s.put(12, 1) // in the place of what did not become committed
	diff(t, "total", 71, s.total)
	s.behead(7)
	diff(t, "without its head", []int{10, 10, 10, 10, 1}, s.sizes)
	s.put(100, 7) // behind a snapshot
	diff(t, "after a gap", 7, s.total)
	s.cut(100)
	diff(t, "empty", 0, s.total)
	s.put(50, 3)
	diff(t, "begun anew", 3, s.total)
}
