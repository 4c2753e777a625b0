package cluster

import (
	"context"
	"net"
	"testing"

	"github.com/hashicorp/raft"

	"vipd/cluster/consensus"
	"vipd/cluster/state"
)

// plain is Raft's way over TCP without anything around it.
type plain struct{ net.Listener }

func (plain) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

// raftNode starts Raft in memory, with nobody else; the test stops it in the end.
func raftNode(t testing.TB, name string, bootstrap bool) (n *consensus.Node, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	store := raft.NewInmemStore()
	o := consensus.Options{
		Name: name, Address: l.Addr().String(), Logs: store, Stable: store, Snapshots: raft.NewInmemSnapshotStore(),
		Stream: plain{l}, Logger: quiet(), Committed: func(consensus.Commit) {}, Broken: func(err error) { t.Error(err) },
	}
	if bootstrap {
		check(t, consensus.Bootstrap(o))
	}
	n, err = consensus.Start(o)
	check(t, err)
	t.Cleanup(func() { check(t, n.Close()) })
	return n, o.Address
}

// raftOfOne is a Raft that leads a cluster of node a, registered.
func raftOfOne(t testing.TB) *consensus.Node {
	t.Helper()
	a, _ := raftNode(t, "a", true)
	check(t, a.Campaign(t.Context()))
	eventually(t, "a leads", a.Leads)
	for _, cmd := range []state.Command{founding("a"), registering("a")} {
		result, err := a.Propose(t.Context(), cmd)
		check(t, err)
		check(t, result.Err)
	}
	return a
}

// raftOfTwo adds voter b, who follows.
func raftOfTwo(t testing.TB) (a, b *consensus.Node) {
	t.Helper()
	a = raftOfOne(t)
	b, address := raftNode(t, "b", false)
	check(t, a.AddVoter("b", address))
	eventually(t, "b follows a", func() bool {
		leader, _ := b.Leader()
		return leader == "a" && b.View().Index == a.View().Index
	})
	return a, b
}
