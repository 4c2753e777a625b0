package consensus

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"
)

// A node that knows that it is no member any more asks nobody for votes, and does again if that was wrong.
func TestMutedNodeAsksForNoVotes(t *testing.T) {
	a := founder(t)
	b := newPeer(t, "b", false)
	target := raft.ServerAddress(a.address)
	asks := map[string]func() error{
		"pre-vote": func() error {
			return b.transport.RequestPreVote("a", target, &raft.RequestPreVoteRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: 3}}, &raft.RequestPreVoteResponse{})
		},
		"vote": func() error {
			return b.transport.RequestVote("a", target, &raft.RequestVoteRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: 3}}, &raft.RequestVoteResponse{})
		},
	}
	for name, ask := range asks {
		b.Mute(true)
		if err := ask(); !errors.Is(err, errMute) {
			t.Errorf("%s of a muted node: %v", name, err)
		}
		b.Mute(false)
		if err := ask(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
