package consensus

import (
	"testing"

	"github.com/hashicorp/raft"

	"vipd/cluster/state"
)

// rest is a node's stores after its Raft was stopped; they can be started from again.
func rest(t *testing.T, from *raft.InmemStore, snapshots raft.SnapshotStore, name string) Options {
	t.Helper()
	return Options{
		Name: name, Address: "127.0.0.1:1", Logs: from, Stable: from, Snapshots: snapshots,
		Logger: quiet(), Committed: func(Commit) {}, Broken: func(err error) { t.Error(err) },
	}
}

// One of three goes on alone, with all that its log has, committed or not, and has it noted.
func TestRecover(t *testing.T) {
	store, snapshots := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
	three := raft.Configuration{Servers: []raft.Server{
		{ID: "a", Address: "127.0.0.1:1"}, {ID: "b", Address: "127.0.0.1:2"}, {ID: "c", Address: "127.0.0.1:3"},
	}}
	check(t, store.SetUint64(keyTerm, 7))
	logs := []*raft.Log{{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(three)}}
	for i, cmd := range []state.Command{founding("a"), joining("b"), registering("b")} {
		logs = append(logs, &raft.Log{Index: uint64(i + 2), Term: 3, Type: raft.LogCommand, Data: encode(t, cmd)})
	}
	check(t, store.StoreLogs(logs))
	o := rest(t, store, snapshots, "a")
	end, err := EndOf(o)
	check(t, err)
	diff(t, "end", End{Term: 3, Index: 4, Known: 7}, end)
	check(t, Recover(o, state.Command{Recover: &state.Recover{Cluster: "test-g2-00", Node: "a"}}))
	end, err = EndOf(o)
	check(t, err)
	diff(t, "end", End{Term: 8, Index: 6, Known: 8}, end)

	_, transport := raft.NewInmemTransport("127.0.0.1:1")
	f := newFSM(func(Commit) {}, o.Broken)
	n := &Node{options: o}
	r, err := raft.NewRaft(n.config(), f, store, store, snapshots, transport)
	check(t, err)
	t.Cleanup(func() { check(t, r.Shutdown().Error()) })
	eventually(t, "it leads, and has all applied", func() bool { return r.State() == raft.Leader && f.view.Load().Index == 6 })
	view := f.view.Load()
	diff(t, "voters", state.Voters{Index: 5, Names: []string{"a"}}, view.Voters)
	diff(t, "cluster", "test-g2-00", view.Cluster)
	diff(t, "b is on its way out", true, view.Nodes["b"].Leaving)
	diff(t, "and its epoch lives", true, view.Nodes["b"].Live())
}

func TestRecoverFromNothing(t *testing.T) {
	store := raft.NewInmemStore()
	if err := Recover(rest(t, store, raft.NewInmemSnapshotStore(), "a"), state.Command{Recover: &state.Recover{}}); err == nil {
		t.Error("an empty log was gone on from")
	}
}

// Before a leader says what is committed a node knows nothing, and yet what it would go on from.
func TestForesee(t *testing.T) {
	store := raft.NewInmemStore()
	o := rest(t, store, raft.NewInmemSnapshotStore(), "a")
	two := raft.Configuration{Servers: []raft.Server{{ID: "a", Address: "127.0.0.1:1"}, {ID: "b", Address: "127.0.0.1:2"}}}
	check(t, store.StoreLogs([]*raft.Log{
		{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(two)},
		{Index: 2, Term: 1, Type: raft.LogCommand, Data: encode(t, founding("a"))},
		{Index: 3, Term: 1, Type: raft.LogNoop},
		{Index: 4, Term: 1, Type: raft.LogCommand, Data: encode(t, joining("b"))},
	}))
	n := &Node{options: o, fsm: newFSM(func(Commit) {}, o.Broken)}
	diff(t, "what is known", 0, len(n.View().Nodes))
	foreseen, err := n.Foresee()
	check(t, err)
	diff(t, "voters", state.Voters{Index: 1, Names: []string{"a", "b"}}, foreseen.Voters)
	diff(t, "members", 2, len(foreseen.Nodes))
	diff(t, "index", 4, foreseen.Index)
	check(t, store.DeleteRange(1, 2))
	n.fsm.view.Store(foreseen)
	again, err := n.Foresee()
	check(t, err)
	diff(t, "of a log without its beginning", foreseen, again)
}

// A new cluster has what it begins with in its log before its Raft runs, so it is never without.
func TestBootstrapWithCommands(t *testing.T) {
	store := raft.NewInmemStore()
	o := rest(t, store, raft.NewInmemSnapshotStore(), "a")
	check(t, Bootstrap(o, founding("a"), joining("b")))
	_, transport := raft.NewInmemTransport("127.0.0.1:1")
	f := newFSM(func(Commit) {}, o.Broken)
	n := &Node{options: o}
	r, err := raft.NewRaft(n.config(), f, store, store, o.Snapshots, transport)
	check(t, err)
	t.Cleanup(func() { check(t, r.Shutdown().Error()) })
	eventually(t, "it leads, and has all applied", func() bool { return r.State() == raft.Leader && f.view.Load().Index == 3 })
	view := f.view.Load()
	diff(t, "voters", state.Voters{Index: 1, Names: []string{"a"}}, view.Voters)
	diff(t, "cluster", "test", view.Cluster)
	diff(t, "b is a member", true, view.Nodes["b"] != nil)
}
