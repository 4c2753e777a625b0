package consensus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"vipd/cluster/state"
)

// ErrNotLeader is returned for what only the leader can do.
var ErrNotLeader = errors.New("this node does not lead")

var errStopped = errors.New("consensus is stopped on this node")

// Raft's timers. They are the backstop: a dead leader is noticed by its lease long before.
const (
	heartbeat     = 1500 * time.Millisecond
	leaderLease   = 750 * time.Millisecond
	commitTimeout = 500 * time.Millisecond // the leader tells of commits itself, and nudges where somebody waits; this is for datagrams that got lost
	enqueueLimit  = time.Second            // for a command to be taken by a leader whose log is stuck
)

// Options are what a Node is made of.
type Options struct {
	Name      string
	Address   string // host:port that peers reach Raft at
	Logs      raft.LogStore
	Stable    raft.StableStore
	Snapshots raft.SnapshotStore
	Stream    Stream
	Logger    *slog.Logger
	// Elsewhere says where a node is by now, if that is known; empty: where it was added by. It must not block. Nil: nothing
	// is known.
	Elsewhere func(node string) string
	// Committed is called for each commit, in order, from Raft's goroutine: it must not block.
	Committed func(Commit)
	// Broken is called once if the log holds something that this build cannot apply.
	Broken func(error)
	// Mute has it stand for no election before [Node.Mute] says otherwise.
	Mute bool
	// Permit says why nothing of a version of commands may be written into the log now, if so. Nil: all may.
	Permit func(version int) error
}

// Node is one node's Raft.
type Node struct {
	options   Options
	raft      *raft.Raft
	fsm       *fsm
	log       *configLog
	transport *transport
	stop      context.CancelFunc
	helpers   sync.WaitGroup
}

// Start runs Raft on what the stores hold. Close stops it.
func Start(o Options) (*Node, error) {
	log, err := openConfigLog(o.Logs)
	if err != nil {
		return nil, err
	}
	if o.Elsewhere == nil {
		o.Elsewhere = func(string) string { return "" }
	}
	n := &Node{options: o, log: log, fsm: newFSM(o.Committed, o.Broken), transport: newTransport(dialer{o.Stream, o.Elsewhere}, o.Logger)}
	n.transport.mute.Store(o.Mute)
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	n.helpers.Go(func() { n.transport.forward(ctx) })
	n.raft, err = newRaft(n.config(), n.fsm, log, &termStore{StableStore: o.Stable}, o.Snapshots, n.transport)
	if err != nil {
		n.stop()
		n.transport.Close()
		n.helpers.Wait()
		if n.fsm.refused != nil {
			err = n.fsm.refused // Raft only says that no snapshot could be restored
		}
		return nil, fmt.Errorf("start raft: %w", err)
	}
	n.helpers.Go(func() { n.boundLog(ctx) })
	return n, nil
}

func (n *Node) config() *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(n.options.Name)
	c.HeartbeatTimeout = heartbeat
	c.ElectionTimeout = heartbeat
	c.LeaderLeaseTimeout = leaderLease
	c.CommitTimeout = commitTimeout
	c.TrailingLogs = keptEntries
	c.SnapshotThreshold = snapshotEach
	c.ShutdownOnRemove = false
	c.NoLegacyTelemetry = true
	c.Logger = Logger(n.options.Logger)
	return c
}

// Bootstrap makes this node the only voter of a new cluster, which begins with some commands. The stores must be empty.
func Bootstrap(o Options, commands ...state.Command) error {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(o.Name)
	c.Logger = Logger(o.Logger)
	servers := raft.Configuration{Servers: []raft.Server{{
		ID: c.LocalID, Address: raft.ServerAddress(o.Address), Suffrage: raft.Voter,
	}}}
	// Raft asks the transport only for how it encodes an address.
	_, transport := raft.NewInmemTransport(raft.ServerAddress(o.Address))
	if err := raft.BootstrapCluster(c, o.Logs, o.Stable, o.Snapshots, transport, servers); err != nil {
		return fmt.Errorf("bootstrap raft: %w", err)
	}
	for i, cmd := range commands {
		data, err := cmd.Encode()
		if err != nil {
			return fmt.Errorf("encode %s: %w", cmd.Name(), err)
		}
		// Raft's own first entry has index and term 1.
		if err := o.Logs.StoreLog(&raft.Log{Index: uint64(i + 2), Term: 1, Type: raft.LogCommand, Data: data}); err != nil {
			return fmt.Errorf("write the first commands: %w", err)
		}
	}
	return nil
}

// Mute says whether this node stands for no election from now on: it is no member any more, or does not know yet whether
// it is. Its log cannot tell it so, since it gets no entries.
func (n *Node) Mute(mute bool) { n.transport.mute.Store(mute) }

// Close stops Raft and waits until it has.
func (n *Node) Close() error {
	err := n.raft.Shutdown().Error()
	n.stop()
	n.helpers.Wait()
	return errors.Join(err, n.transport.Close())
}

// View is the newest state known to be committed.
func (n *Node) View() *state.State { return n.fsm.view.Load() }

// Learn takes in a commit that the leader told of directly; it reports whether the view moved.
func (n *Node) Learn(c Commit) bool { return n.fsm.early(c) }

// Propose commits a command. Only the leader can: others get ErrNotLeader. An error leaves it open whether the
// command will be committed, that one too, for a leader may be deposed in the middle of it; and so does the
// end of ctx, before which a leader whose disk hangs has no answer.
func (n *Node) Propose(ctx context.Context, cmd state.Command) (state.Result, error) {
	if n.options.Permit != nil {
		if err := n.options.Permit(cmd.Needs()); err != nil {
			return state.Result{}, fmt.Errorf("%s: %w", cmd.Name(), err)
		}
	}
	data, err := cmd.Encode()
	if err != nil {
		return state.Result{}, fmt.Errorf("encode %s: %w", cmd.Name(), err)
	}
	future := n.raft.Apply(data, enqueueLimit)
	done := make(chan error, 1)
	go func() { done <- future.Error() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return state.Result{}, fmt.Errorf("commit %s: %w", cmd.Name(), leaderError(err))
	}
	return future.Response().(state.Result), nil
}

// Nudge lets the followers learn of what was committed at once rather than with the next append that is
// due: it gives them an empty entry to append. It is for commits that somebody waits for; the datagram that
// told of one may have been lost, or have come to a node whose view lags.
func (n *Node) Nudge() { n.raft.Barrier(enqueueLimit) }

// Barrier returns when everything committed before is in the leader's view. That costs nothing if all that stands in
// the log is known to be committed: no other leader can have committed more, or this node would not have been elected.
func (n *Node) Barrier(limit time.Duration) error {
	if !n.Leads() {
		return ErrNotLeader
	}
	if n.View().Index >= n.log.newestChange() {
		return nil
	}
	return leaderError(n.raft.Barrier(limit).Error())
}

func leaderError(err error) error {
	if errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrLeadershipLost) || errors.Is(err, raft.ErrRaftShutdown) {
		return errors.Join(ErrNotLeader, err)
	}
	return err
}

// Leads reports whether this node believes that it is the leader.
func (n *Node) Leads() bool { return n.raft.State() == raft.Leader }

// Term is the newest term that this node knows of.
func (n *Node) Term() uint64 { return n.raft.CurrentTerm() }

// Leader returns the leader's name and address; empty when none is known.
func (n *Node) Leader() (name, address string) {
	a, id := n.raft.LeaderWithID()
	return string(id), string(a)
}

// Follow calls changed after each change of this node's role or of the leader it knows, until ctx ends.
func (n *Node) Follow(ctx context.Context, changed func()) {
	observed := make(chan raft.Observation, 16)
	observer := raft.NewObserver(observed, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.RaftState, raft.LeaderObservation:
			return true
		}
		return false
	})
	n.raft.RegisterObserver(observer)
	defer n.raft.DeregisterObserver(observer)
	for {
		select {
		case <-ctx.Done():
			return
		case <-observed:
			changed()
		}
	}
}

// NewestConfig is the index of the newest voter configuration in this node's log, committed or not.
func (n *Node) NewestConfig() uint64 { return max(n.log.newest(), n.View().Voters.Index) }

// LogEnd is the term and index of the newest entry in this node's log.
func (n *Node) LogEnd() (term, index uint64) {
	if term, index = n.log.end(); index != 0 {
		return term, index
	}
	return 0, n.raft.LastIndex()
}

// CaughtUp reports whether the view has everything that stood in the log when it was opened, but for what
// turned out not to be committed. Raft's own applied index is no measure: it counts what has been handed
// over to be applied.
func (n *Node) CaughtUp() bool { return n.View().Index >= n.log.standing() }

// Campaign makes this node stand for election at once.
func (n *Node) Campaign(ctx context.Context) error {
	header := raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax,
		ID:              []byte(n.options.Name),
		Addr:            []byte(n.options.Address),
	}
	return n.transport.timeoutNow(ctx, header)
}
