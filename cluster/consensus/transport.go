package consensus

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"
)

// rpcTimeout bounds one call to a peer. A peer that takes longer is not going to help a failover.
const rpcTimeout = time.Second

// transport is Raft's network transport with one more source of requests: this node itself.
type transport struct {
	*raft.NetworkTransport
	requests chan raft.RPC
	mute     atomic.Bool // it asks for no votes
	reach    reach
}

var errMute = errors.New("this node stands for no election")

// AppendEntries implements raft.Transport; heartbeats go by it, too.
func (t *transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	err := t.NetworkTransport.AppendEntries(id, via(id, target), args, resp)
	t.reach.note(id, target, err, time.Now())
	return err
}

// RequestVote implements raft.Transport.
func (t *transport) RequestVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	if t.mute.Load() {
		return errMute
	}
	return fresh(func() error { return t.NetworkTransport.RequestVote(id, via(id, target), args, resp) })
}

// RequestPreVote implements raft.WithPreVote.
func (t *transport) RequestPreVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	if t.mute.Load() {
		return errMute
	}
	return fresh(func() error { return t.NetworkTransport.RequestPreVote(id, via(id, target), args, resp) })
}

// InstallSnapshot implements raft.Transport.
func (t *transport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	return t.NetworkTransport.InstallSnapshot(id, via(id, target), args, resp, data)
}

// TimeoutNow implements raft.Transport.
func (t *transport) TimeoutNow(id raft.ServerID, target raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return t.NetworkTransport.TimeoutNow(id, via(id, target), args, resp)
}

// maxPool is how many connections to a peer are kept for the next call.
const maxPool = 3

// fresh makes a call again while it fails for a connection that the peer has closed: those that are kept may all be to
// an earlier start of it, and Raft asks for a vote but once. To ask twice does no harm.
func fresh(call func() error) (err error) {
	for range maxPool + 1 {
		if err = call(); !stale(err) {
			return err
		}
	}
	return err
}

func stale(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

func newTransport(stream dialer, logger *slog.Logger) *transport {
	inner := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:  stream,
		MaxPool: maxPool,
		Timeout: rpcTimeout,
		// One append at a time to each peer. Raft's pipeline gets stuck for good when a follower refuses an
		// append while the next is sent: that follower then gets heartbeats and no entries, and the leader
		// never shuts down.
		MaxRPCsInFlight: 1,
		Logger:          Logger(logger),
	})
	return &transport{NetworkTransport: inner, requests: make(chan raft.RPC), reach: reach{log: logger}}
}

// Consumer implements raft.Transport.
func (t *transport) Consumer() <-chan raft.RPC { return t.requests }

// forward hands on what peers ask, until the context ends.
func (t *transport) forward(ctx context.Context) {
	for {
		select {
		case rpc := <-t.NetworkTransport.Consumer():
			select {
			case t.requests <- rpc:
			case <-ctx.Done():
				rpc.Respond(nil, errStopped)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// timeoutNow gives this node Raft's own request to stand for election at once, whoever leads now. The
// votes it asks for carry the mark of a leadership transfer, so that voters who still believe in the old
// leader answer; Raft's rules decide as ever.
func (t *transport) timeoutNow(ctx context.Context, header raft.RPCHeader) error {
	answer := make(chan raft.RPCResponse, 1)
	rpc := raft.RPC{Command: &raft.TimeoutNowRequest{RPCHeader: header}, RespChan: answer}
	select {
	case t.requests <- rpc:
	case <-ctx.Done():
		return errors.Join(errors.New("stand for election: raft takes no requests"), ctx.Err())
	}
	select {
	case r := <-answer:
		return r.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}
