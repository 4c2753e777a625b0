package consensus

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// configLog passes a log store through and remembers the indices of the configurations in it and its last
// entry's term. Raft does not tell the index of its newest configuration, and the lease counts by it.
type configLog struct {
	raft.LogStore

	mu       sync.Mutex
	configs  []uint64 // ascending
	lastTerm uint64
	last     uint64
	// atOpen is the newest entry that stood in the log when it was opened, has not been dropped since,
	// and changes the replicated state.
	atOpen uint64
	change uint64 // the newest entry that changes the replicated state; 0: none that is still in the log

	sizes logSizes
	tried int           // size of the log that was told of last
	large chan struct{} // capacity 1: the log has become large
}

// openConfigLog scans the entries that are there.
func openConfigLog(store raft.LogStore) (*configLog, error) {
	c := &configLog{LogStore: store, large: make(chan struct{}, 1)}
	first, err := store.FirstIndex()
	if err != nil {
		return nil, fmt.Errorf("read first index of the raft log: %w", err)
	}
	last, err := store.LastIndex()
	if err != nil {
		return nil, fmt.Errorf("read last index of the raft log: %w", err)
	}
	for i := first; i <= last && i != 0; i++ {
		var l raft.Log
		if err := store.GetLog(i, &l); err != nil {
			return nil, fmt.Errorf("read raft log entry %d: %w", i, err)
		}
		c.note(&l)
	}
	c.atOpen = c.change
	return c, nil
}

func changesState(l *raft.Log) bool {
	return l.Type == raft.LogCommand || l.Type == raft.LogConfiguration
}

func (c *configLog) note(l *raft.Log) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.Type == raft.LogConfiguration && !slices.Contains(c.configs, l.Index) {
		c.configs = append(c.configs, l.Index)
	}
	if changesState(l) {
		c.change = l.Index
	}
	c.last, c.lastTerm = l.Index, l.Term
	c.sizes.put(l.Index, len(l.Data))
	if c.sizes.total > max(mostBytes, c.tried+retryBytes) {
		c.tried = c.sizes.total
		select {
		case c.large <- struct{}{}:
		default:
		}
	}
}

// newestWithin counts the newest entries that have no more bytes than that together.
func (c *configLog) newestWithin(bytes int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sizes.newestWithin(bytes)
}

// newest returns the index of the newest configuration in the log; 0 when it has none.
func (c *configLog) newest() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.configs) == 0 {
		return 0
	}
	return c.configs[len(c.configs)-1]
}

// end returns the term and index of the last entry.
func (c *configLog) end() (term, index uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastTerm, c.last
}

// StoreLog implements raft.LogStore.
func (c *configLog) StoreLog(l *raft.Log) error { return c.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore. A configuration counts from before it is durable: that only makes
// this voter refuse earlier.
func (c *configLog) StoreLogs(logs []*raft.Log) error {
	for _, l := range logs {
		c.note(l)
	}
	return c.LogStore.StoreLogs(logs)
}

// DeleteRange implements raft.LogStore: it is called to drop a conflicting tail, and to drop a head that
// a snapshot covers.
func (c *configLog) DeleteRange(min, max uint64) error {
	if err := c.LogStore.DeleteRange(min, max); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if max < c.last {
		c.sizes.behead(max)
		c.tried = 0
		return nil // a head: its newest configuration stays in force
	}
	c.sizes.cut(min)
	c.configs = slices.DeleteFunc(c.configs, func(i uint64) bool { return i >= min })
	return c.rewind(min - 1)
}

// rewind makes last the log's end.
func (c *configLog) rewind(last uint64) error {
	c.last, c.lastTerm = last, 0
	l, err := c.get(last)
	if err != nil {
		return err
	}
	c.lastTerm = l.Term
	if c.change <= last {
		return nil
	}
	for !changesState(l) {
		if l, err = c.get(l.Index - 1); err != nil {
			return err
		}
	}
	c.change = l.Index
	c.atOpen = min(c.atOpen, c.change)
	return nil
}

// get returns an entry; a zero one stands for those before the log's beginning.
func (c *configLog) get(index uint64) (*raft.Log, error) {
	var l raft.Log
	if err := c.GetLog(index, &l); errors.Is(err, raft.ErrLogNotFound) {
		return &raft.Log{Type: raft.LogCommand}, nil
	} else if err != nil {
		return nil, fmt.Errorf("read raft log entry %d: %w", index, err)
	}
	return &l, nil
}

// newestChange returns the index of the newest entry that changes the replicated state.
func (c *configLog) newestChange() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.change
}

// standing returns atOpen.
func (c *configLog) standing() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.atOpen
}
