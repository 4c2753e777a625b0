package consensus

import (
	"context"
	"errors"
	"log/slog"

	"github.com/hashicorp/raft"
)

// Bounds of the log. Raft counts entries, but some are large: a specification of a thousand groups is one.
//
// Two snapshots are kept, and the log reaches back behind the older one unless entries are large, so that a snapshot
// that turns out to be damaged costs nothing.
const (
	snapshotEach = 1024             // entries
	keptEntries  = 4 * snapshotEach // behind a snapshot
	mostBytes    = 16 << 20         // of the log, until a snapshot is made
	keptBytes    = mostBytes / 4    // behind that
	leastEntries = 16               // behind that, however large
	retryBytes   = mostBytes / 16   // that the log grows by before it is tried again
)

// logSizes are the sizes of a log's entries, which follow one another.
type logSizes struct {
	first uint64
	sizes []int
	total int
}

// put notes an entry; it replaces those from its index on.
func (s *logSizes) put(index uint64, size int) {
	if index < s.first || index > s.first+uint64(len(s.sizes)) || len(s.sizes) == 0 {
		*s = logSizes{first: index}
	}
	s.cut(index)
	s.sizes = append(s.sizes, size)
	s.total += size
}

// cut drops entries from an index on.
func (s *logSizes) cut(index uint64) {
	for s.first+uint64(len(s.sizes)) > index && len(s.sizes) > 0 {
		s.total -= s.sizes[len(s.sizes)-1]
		s.sizes = s.sizes[:len(s.sizes)-1]
	}
}

// behead drops entries up to an index.
func (s *logSizes) behead(last uint64) {
	for len(s.sizes) > 0 && s.first <= last {
		s.total -= s.sizes[0]
		s.sizes = s.sizes[1:]
		s.first++
	}
}

// newestWithin counts the newest entries that have no more bytes than that together.
func (s *logSizes) newestWithin(bytes int) (n int) {
	for i := len(s.sizes) - 1; i >= 0; i-- {
		if bytes -= s.sizes[i]; bytes < 0 {
			break
		}
		n++
	}
	return n
}

// boundLog makes a snapshot when the log has become large, and has less kept behind it.
func (n *Node) boundLog(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.log.large:
		}
		kept := max(leastEntries, n.log.newestWithin(keptBytes))
		if err := n.shrink(kept); err != nil && ctx.Err() == nil {
			n.options.Logger.Warn("make the log smaller", "error", err)
		}
	}
}

// shrink makes a snapshot and keeps so many entries behind it.
func (n *Node) shrink(kept int) error {
	if err := n.keepBehind(min(kept, keptEntries)); err != nil {
		return err
	}
	err := n.raft.Snapshot().Error()
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		err = nil
	}
	first, _ := n.log.FirstIndex()
	n.options.Logger.Info("the log was large; a snapshot replaces most of it", slog.Int("kept", kept), slog.Uint64("first", first))
	return errors.Join(err, n.keepBehind(keptEntries))
}

func (n *Node) keepBehind(entries int) error {
	c := n.raft.ReloadableConfig()
	c.TrailingLogs = uint64(entries)
	return n.raft.ReloadConfig(c)
}
