package consensus

import (
	"errors"
	"slices"
	"testing"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"
)

const (
	command = raft.LogCommand
	config  = raft.LogConfiguration
	noop    = raft.LogNoop
)

// entries makes log entries of these types, the first with the given index.
func entries(first, term uint64, types ...raft.LogType) []*raft.Log {
	var logs []*raft.Log
	for i, kind := range types {
		logs = append(logs, &raft.Log{Index: first + uint64(i), Term: term, Type: kind})
	}
	return logs
}

// logWith returns a log that was opened with these entries in it.
func logWith(t fataler, logs []*raft.Log) *configLog {
	t.Helper()
	store := raft.NewInmemStore()
	if err := store.StoreLogs(logs); err != nil {
		t.Fatalf("store: %v", err)
	}
	c, err := openConfigLog(store)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return c
}

// facts are what a configLog tells.
type facts struct{ Newest, Term, Last, Standing, Change uint64 }

func factsOf(c *configLog) facts {
	term, last := c.end()
	return facts{c.newest(), term, last, c.standing(), c.newestChange()}
}

func TestConfigLog(t *testing.T) {
	stand := entries(1, 1, config, noop, command, config, command, noop)
	for _, c := range []struct {
		name string
		logs []*raft.Log
		do   func(*configLog) error
		want facts
	}{
		{"empty", nil, nil, facts{}},
		{"opened", stand, nil, facts{Newest: 4, Term: 1, Last: 6, Standing: 5, Change: 5}},
		{"begins late", entries(10, 3, noop, config), nil, facts{Newest: 11, Term: 3, Last: 11, Standing: 11, Change: 11}},
		{"appended", stand, func(c *configLog) error { return c.StoreLogs(entries(7, 2, noop, config, command)) },
			facts{Newest: 8, Term: 2, Last: 9, Standing: 5, Change: 9}},
		{"one appended", nil, func(c *configLog) error { return c.StoreLog(entries(1, 1, config)[0]) },
			facts{Newest: 1, Term: 1, Last: 1, Change: 1}},
		{"tail dropped", stand, func(c *configLog) error { return c.DeleteRange(4, 6) },
			facts{Newest: 1, Term: 1, Last: 3, Standing: 3, Change: 3}},
		{"tail of no consequence dropped", stand, func(c *configLog) error { return c.DeleteRange(6, 6) },
			facts{Newest: 4, Term: 1, Last: 5, Standing: 5, Change: 5}},
		{"tail dropped down to what changes nothing", stand, func(c *configLog) error { return c.DeleteRange(3, 6) },
			facts{Newest: 1, Term: 1, Last: 2, Standing: 1, Change: 1}},
		{"what was appended is dropped", stand, func(c *configLog) error {
			return errors.Join(c.StoreLogs(entries(7, 2, config, command)), c.DeleteRange(7, 8))
		}, facts{Newest: 4, Term: 1, Last: 6, Standing: 5, Change: 5}},
		{"tail replaced", stand, func(c *configLog) error {
			return errors.Join(c.DeleteRange(4, 6), c.StoreLogs(entries(4, 5, config)))
		}, facts{Newest: 4, Term: 5, Last: 4, Standing: 3, Change: 4}},
		{"head compacted", stand, func(c *configLog) error { return c.DeleteRange(1, 5) },
			facts{Newest: 4, Term: 1, Last: 6, Standing: 5, Change: 5}},
		{"head compacted, then the tail dropped", entries(1, 1, config, command, noop, noop), func(c *configLog) error {
			return errors.Join(c.DeleteRange(1, 2), c.DeleteRange(4, 4))
		}, facts{Newest: 1, Term: 1, Last: 3, Standing: 2, Change: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := logWith(t, c.logs)
			if c.do != nil {
				check(t, c.do(l))
			}
			diff(t, "facts", c.want, factsOf(l))
		})
	}
}

// TestConfigLogKnowsWhatItsStoreHas compares with a scan of the store after any appends and truncations.
func TestConfigLogKnowsWhatItsStoreHas(t *testing.T) {
	kinds := rapid.SampledFrom([]raft.LogType{command, config, noop})
	rapid.Check(t, func(t *rapid.T) {
		store := raft.NewInmemStore()
		c, err := openConfigLog(store)
		if err != nil {
			t.Fatal(err)
		}
		last := uint64(0)
		for term := range uint64(rapid.IntRange(1, 10).Draw(t, "steps")) {
			if last > 0 && rapid.Bool().Draw(t, "drop") {
				from := rapid.Uint64Range(1, last).Draw(t, "from")
				if err := c.DeleteRange(from, last); err != nil {
					t.Fatal(err)
				}
				last = from - 1
			}
			logs := entries(last+1, term+1, rapid.SliceOfN(kinds, 1, 5).Draw(t, "kinds")...)
			if err := c.StoreLogs(logs); err != nil {
				t.Fatal(err)
			}
			last += uint64(len(logs))
			again, err := openConfigLog(store)
			if err != nil {
				t.Fatal(err)
			}
			want, got := factsOf(again), factsOf(c)
			want.Standing, got.Standing = 0, 0 // that is about the opening
			diff(t, "facts", want, got)
		}
	})
}

// failingStore is a log store whose disk is broken.
type failingStore struct{ raft.LogStore }

var errDisk = errors.New("disk")

func (failingStore) StoreLogs([]*raft.Log) error      { return errDisk }
func (failingStore) DeleteRange(uint64, uint64) error { return errDisk }

// A configuration counts from before it is durable; one that could not be dropped stays in force.
func TestConfigLogOnABrokenDisk(t *testing.T) {
	c := logWith(t, entries(1, 1, config, command))
	c.LogStore = failingStore{c.LogStore}
	if err := c.StoreLogs(entries(3, 1, config)); !errors.Is(err, errDisk) {
		t.Fatalf("store: %v", err)
	}
	diff(t, "newest after a store that failed", 3, c.newest())
	if err := c.DeleteRange(1, 2); !errors.Is(err, errDisk) {
		t.Fatalf("delete: %v", err)
	}
	diff(t, "newest after a delete that failed", 3, c.newest())
	if !slices.IsSorted(c.configs) {
		t.Fatalf("configurations %v", c.configs)
	}
}
