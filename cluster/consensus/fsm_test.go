package consensus

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"vipd/cluster/state"
)

// history is a committed log, and the state after each of its entries.
type history struct {
	commits []Commit
	states  map[uint64]*state.State
}

// drawHistory draws a log with gaps, as Raft's own entries leave them.
func drawHistory(t *rapid.T) history {
	s := state.New()
	h := history{states: map[uint64]*state.State{0: s}}
	names := rapid.SampledFrom([]string{"a", "b", "c"})
	for range rapid.IntRange(1, 12).Draw(t, "entries") {
		c := Commit{Prev: s.Index, Index: s.Index + uint64(rapid.IntRange(1, 3).Draw(t, "gap"))}
		if rapid.IntRange(0, 4).Draw(t, "configuration") == 0 {
			c.Voters = rapid.SliceOfNDistinct(names, 1, 3, rapid.ID).Draw(t, "voters")
			s = s.WithVoters(c.Index, c.Voters)
		} else {
			name := names.Draw(t, "node")
			cmd := rapid.SampledFrom([]state.Command{
				founding(name), joining(name), registering(name),
				{Retire: &state.Retire{Tenure: state.Tenure{Node: name, Epoch: s.LastEpoch}}},
				{Drain: &state.Drain{Node: name, On: s.LastEpoch%2 == 0}},
			}).Draw(t, "command")
			cmd.Version = cmd.Needs()
			c.Command = encode(t, cmd)
			s, _ = s.Apply(c.Index, cmd)
		}
		h.commits = append(h.commits, c)
		h.states[s.Index] = s
	}
	return h
}

// deliver hands a commit to the state machine as Raft does.
func deliver(f *fsm, c Commit) {
	if c.Command != nil {
		f.Apply(&raft.Log{Index: c.Index, Type: raft.LogCommand, Data: c.Command})
		return
	}
	var configuration raft.Configuration
	for _, name := range c.Voters {
		configuration.Servers = append(configuration.Servers, raft.Server{ID: raft.ServerID(name), Suffrage: raft.Voter})
	}
	f.StoreConfiguration(c.Index, configuration)
}

// TestViewIsOnlyEverEarlier hands a log to the state machine by both ways in any order, with snapshots in
// between: the view is always that of the log up to its index, never behind what Raft applied, and never
// goes back.
func TestViewIsOnlyEverEarlier(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		var told []Commit
		f := newFSM(func(c Commit) { told = append(told, c) }, func(err error) { t.Fatalf("broken: %v", err) })
		applied, index := 0, uint64(0)
		for applied < len(h.commits) {
			i := rapid.IntRange(0, len(h.commits)-1).Draw(t, "commit")
			switch rapid.IntRange(0, 5).Draw(t, "way") {
			case 0, 1:
				deliver(f, h.commits[applied])
				applied++
			case 2:
				if i >= applied {
					restore(t, f, h.states[h.commits[i].Index])
					applied = i + 1
				}
			default:
				fits := h.commits[i].Prev == f.view.Load().Index
				if moved := f.early(h.commits[i]); moved != fits {
					t.Fatalf("commit %d on view %d: taken %v", h.commits[i].Index, f.view.Load().Index, moved)
				}
			}
			view := f.view.Load()
			diff(t, fmt.Sprintf("view at %d", view.Index), h.states[view.Index], view)
			diff(t, fmt.Sprintf("applied at %d", f.applied.Index), h.states[f.applied.Index], f.applied)
			if view.Index < f.applied.Index || view.Index < index {
				t.Fatalf("view at %d, was at %d; applied is at %d", view.Index, index, f.applied.Index)
			}
			index = view.Index
		}
		for _, c := range told {
			if c.Command == nil && c.Voters == nil {
				continue // a snapshot
			}
			if next := h.states[c.Index]; next == nil || h.states[c.Prev] == nil {
				t.Fatalf("told of a commit from %d to %d, which the log does not have", c.Prev, c.Index)
			}
		}
	})
}

func restore(t fataler, f *fsm, s *state.State) {
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil {
		t.Fatalf("encode: %v", err)
	}
	if err := f.Restore(io.NopCloser(&b)); err != nil {
		t.Fatalf("restore: %v", err)
	}
}

func TestUnknownCommandStopsTheStateMachine(t *testing.T) {
	var broken []error
	f := newFSM(func(Commit) {}, func(err error) { broken = append(broken, err) })
	f.Apply(&raft.Log{Index: 1, Data: encode(t, founding("a"))})
	before := f.view.Load()

	future := []byte(`{"v":1,"at":"2026-01-02T03:04:05Z","teleport":{"node":"a"}}`)
	for i, data := range [][]byte{future, encode(t, joining("b")), future} {
		if result := f.Apply(&raft.Log{Index: uint64(i) + 2, Data: data}).(state.Result); result.Err == nil {
			t.Fatalf("entry %d was taken", i+2)
		}
	}
	f.StoreConfiguration(5, raft.Configuration{Servers: []raft.Server{{ID: "a"}}})
	if f.early(Commit{Prev: 1, Index: 2, Command: future}) {
		t.Fatal("the unknown command was taken early")
	}
	diff(t, "view", before, f.view.Load())
	diff(t, "times told", 1, len(broken))
}

// A snapshot of a state that lacks an entry would lose the entry for good.
func TestNoSnapshotAfterUnknownCommand(t *testing.T) {
	f := newFSM(func(Commit) {}, func(error) {})
	f.Apply(&raft.Log{Index: 1, Data: encode(t, founding("a"))})
	if _, err := f.Snapshot(); err != nil {
		t.Fatalf("snapshot before: %v", err)
	}
	f.Apply(&raft.Log{Index: 2, Data: []byte(`{"v":99}`)})
	if _, err := f.Snapshot(); err == nil {
		t.Fatal("a snapshot is made of a state that lacks an entry of the log")
	}
}

func TestRestoreRefusesWhatItCannotRead(t *testing.T) {
	f := newFSM(func(Commit) {}, func(error) {})
	before := f.view.Load()
	for _, text := range []string{"", "{", `{"format":99}`} {
		if err := f.Restore(io.NopCloser(bytes.NewBufferString(text))); err == nil {
			t.Errorf("restored %q", text)
		}
	}
	diff(t, "view", before, f.view.Load())
}
