package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"vipd/cluster/trust"
)

// introduce lets this node stand for elections, once it has asked whether it may.
func (m *member) introduce(ctx context.Context) error {
	m.recall()
	m.raft.Mute(m.askPeers(ctx))
	return nil
}

// recall has members looked for that are in the log, and that this node was killed before it wrote down. One of them may be
// the one that the cluster goes on from.
func (m *member) recall() {
	foreseen, err := m.raft.Foresee()
	if err != nil {
		m.log.Warn("look for members in the log", "error", err)
		return
	}
	var more []trust.Peer
	for name, n := range foreseen.Nodes {
		if name != m.self.node {
			more = append(more, trust.Peer{Gossip: n.Gossip, Address: n.Address})
		}
	}
	m.addPeers(more)
}

// askPeers makes contact with all members known, so that a node that was off learns of a later generation before it takes
// part in anything. It reports whether one of them said that this node is a member no more.
func (m *member) askPeers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	var asking sync.WaitGroup
	var absent atomic.Bool
	for _, p := range m.peers() {
		asking.Go(func() {
			var a presence
			err := m.calls.call(ctx, p.Address, "presence", presenceCall{Node: m.self.node}, &a) // see heardOf
			if err == nil && m.isAbsent(a) {
				absent.Store(true)
			}
		})
	}
	asking.Wait()
	return absent.Load()
}

// askLimit is less than Raft's timers, so it costs no election.
const askLimit = 500 * time.Millisecond
