package cluster

import (
	"net/netip"
	"testing"

	"vipd/cluster/consensus"
	"vipd/cluster/state"
	"vipd/storage"
)

// A daemon that was killed between the new generation's identity and its entries in the log writes these at its next start,
// and once more if it is killed again before it has noted that.
func TestRecoveryGoesOn(t *testing.T) {
	dir, err := storage.Open(t.TempDir())
	check(t, err)
	t.Cleanup(func() { check(t, dir.Close()) })
	n := New(Options{Name: "a", Listen: netip.MustParseAddr("127.0.0.1"), ClusterPort: 7947, Dir: dir, Logger: quiet()})
	end := func(do func(consensus.Options)) (end consensus.End) {
		t.Helper()
		stores, err := dir.OpenRaft(consensus.Logger(quiet()))
		check(t, err)
		o := n.restingRaft(stores, quiet())
		do(o)
		end, err = consensus.EndOf(o)
		check(t, err)
		check(t, stores.Close())
		return end
	}
	end(func(o consensus.Options) { check(t, consensus.Bootstrap(o, founding("a"))) })
	begun := storage.Identity{Node: "a", ClusterID: "test-g2-00", Secret: []byte("secret"), Recovers: "a"}
	for i := range uint64(2) {
		check(t, dir.SaveIdentity(begun))
		check(t, n.resumeRewrite(begun))
		id, _, err := dir.Identity()
		check(t, err)
		diff(t, "what is left to do", "", id.Recovers)
		diff(t, "cluster", "test-g2-00", id.ClusterID)
		got := end(func(consensus.Options) {})
		diff(t, "end of the log", consensus.End{Term: 2 + i, Index: 4 + 2*i, Known: 2 + i}, got)
	}
	s := grow(t, state.New(), founding("a"), state.Command{Join: &state.Join{Node: nodeNamed("b")}})
	again := grow(t, s, state.Command{Recover: &state.Recover{Cluster: "test-g2-00", Node: "a"}}, state.Command{Recover: &state.Recover{Cluster: "test-g2-00", Node: "a"}})
	diff(t, "b is on its way out", true, again.Nodes["b"].Leaving)
	diff(t, "a is not", false, again.Nodes["a"].Leaving)
}

// A node that was killed before it wrote a member down finds it in its log.
func TestRecall(t *testing.T) {
	raft := raftOfOne(t)
	_, err := raft.Propose(t.Context(), state.Command{At: at, Join: &state.Join{Node: nodeNamed("b")}})
	check(t, err)
	m := &member{raft: raft, self: wireName{node: "a"}, log: quiet()}
	m.recall()
	diff(t, "known", []storage.Peer{{Gossip: nodeNamed("b").Gossip, Address: nodeNamed("b").Address}}, m.known)
	m.recall()
	diff(t, "each once", 1, len(m.known))
}
