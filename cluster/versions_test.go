package cluster

import (
	"errors"
	"strings"
	"testing"

	"vipd/cluster/state"
)

func TestNothingNewerThanAllMembersRead(t *testing.T) {
	view := clusterOf(t, "a", "b", "c")
	noted := grow(t, view, state.Command{Note: &state.Note{Node: "c", Seq: 1}})
	raised := grow(t, view, state.Command{Raise: &state.Raise{Version: 6}})
	for _, c := range []struct {
		name    string
		view    *state.State
		reads   map[string]int
		wanted  int
		version int
		behind  []string
	}{
		{"the first version, of whom nothing is known", view, nil, 1, 1, nil},
		{"newer, of whom nothing is known", view, nil, 6, 1, []string{"a", "b", "c"}},
		{"one has not said", view, map[string]int{"a": 6, "b": 6}, 6, 1, []string{"c"}},
		{"one is older", view, map[string]int{"a": 6, "b": 6, "c": 4}, 6, 4, []string{"c"}},
		{"as old as the oldest", view, map[string]int{"a": 6, "b": 6, "c": 4}, 4, 4, nil},
		{"all read it", view, map[string]int{"a": 6, "b": 7, "c": 6}, 6, 6, nil},
		{"one that wrote notes reads them", noted, map[string]int{"a": 6, "b": 6}, 5, 5, nil},
		{"one that does not answer, and read it before", raised, map[string]int{"a": 6}, 6, 6, nil},
		{"newer than what was raised", raised, map[string]int{"a": 7}, 7, 6, []string{"b", "c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			version, behind := usable(c.view, c.wanted, func(node string) (account, bool) {
				reads, known := c.reads[node]
				return account{Reads: reads}, known
			})
			diff(t, "version", c.version, version)
			diff(t, "behind", c.behind, behind)
		})
	}
}

func TestWhoIsTooOldDoesNotJoin(t *testing.T) {
	m := &member{raft: raftOfOne(t), self: wireName{node: "a"}}
	m.early.Store(m.raft)
	m.options.Version = "v9"
	check(t, m.admit("b", 0))
	result, err := m.raft.Propose(t.Context(), state.Command{Raise: &state.Raise{Version: 6}})
	check(t, errors.Join(err, result.Err))
	check(t, m.admit("b", 6))
	for _, reads := range []int{0, 5} {
		if err := m.admit("b", reads); !errors.Is(err, state.ErrInvalid) || !strings.Contains(err.Error(), "v9") {
			t.Errorf("one that reads %d: %v", reads, err)
		}
	}
}

// The leader writes down what all read, so that one of them may die after that.
func TestStewardRaisesTheVersion(t *testing.T) {
	a := raftOfOne(t)
	reads := 4
	s := &steward{self: "a", log: quiet(), raft: a, usable: func(*state.State) int { return reads }, applied: func(string) uint64 { return 0 }, slept: awake}
	step := func(want int) {
		t.Helper()
		s.step(t.Context())
		diff(t, "in use", want, a.View().InUse())
	}
	step(1) // those of version 4 could not read that either
	reads = state.CommandVersion
	step(state.CommandVersion)
	reads = 1
	step(state.CommandVersion)
}

// A member tells of its new address, and neither a stranger, nor a copy of its data while it is alive, can do so for it.
func TestWhoMayMove(t *testing.T) {
	m := &member{raft: raftOfOne(t), self: wireName{node: "a"}}
	m.early.Store(m.raft)
	ask := func(name, instance string) error {
		_, err := m.letIn(t.Context(), joinCall{Node: state.Node{Name: name, Instance: instance, Address: "new:2"}, Reads: state.CommandVersion, Moved: true})
		return err
	}
	me := m.View().Nodes["a"]
	for what, err := range map[string]error{
		"it is alive":      ask("a", me.Instance),
		"another instance": ask("a", "other"),
		"no member":        ask("b", "i-b"),
	} {
		if err == nil {
			t.Errorf("%s, and it moved", what)
		}
	}
	diff(t, "address", me.Address, m.View().Nodes["a"].Address)
	result, err := m.raft.Propose(t.Context(), state.Command{Retire: &state.Retire{Tenure: state.Tenure{Node: "a", Epoch: me.Epoch}}})
	check(t, errors.Join(err, result.Err))
	check(t, ask("a", me.Instance))
	diff(t, "address", "new:2", m.View().Nodes["a"].Address)
}
