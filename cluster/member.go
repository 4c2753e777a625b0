package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"vipd/cluster/consensus"
	"vipd/cluster/crowd"
	"vipd/cluster/gossip"
	"vipd/cluster/health"
	"vipd/cluster/placement"
	"vipd/cluster/state"
	"vipd/cluster/trust"
	"vipd/storage"
	"vipd/vip"
	"vipd/vip/announce"
)

// member is this node while it belongs to a cluster.
type member struct {
	options  Options
	self     wireName
	identity storage.Identity // what is on the disk; changed under mu by saveIdentity, but for the cluster's id
	log      *slog.Logger

	stores *storage.Raft
	votes  *storage.Votes
	mux    *trust.Mux
	creds  *trust.Credentials
	calls  *caller
	keys   *keychain
	shown  *crowd.Rate // tickets, by strangers
	// refusals are of tickets.
	refusals seldom
	gossip   *gossip.Gossip
	raft     *consensus.Node // set before Run
	early    atomic.Pointer[consensus.Node]
	host     *vip.Host
	door     *door

	keeper     *keeper
	tenant     *tenant
	clerk      *clerk
	reporter   *reporter
	chronicler *chronicler
	monitor    *health.Monitor
	speaker    *speaker
	roles      *roles
	paths      *paths
	soloist    *soloist
	conductor  *conductor
	elector    *elector
	steward    *steward
	rotator    *rotator
	ears       *ears
	announcer  *announce.Announcer
	receipts   receipts

	// inherited is what a predecessor left that this process goes on with, left what it does not; nil: nothing.
	inherited *inheritance
	left      *storage.Hold

	changes  signal
	carrying signal // other groups than before are carried
	// hearingChanged wakes makeWay.
	hearingChanged chan struct{}
	afterwards     courteous // wakes those who follow the view and are not on the way of a failover
	opened         closers   // what has to be closed, in reverse order
	// givenBy is who had this node found its cluster, or join it, as Command.By; empty after a restart.
	givenBy string
	// founding is the command by which this node founds its cluster; nil if it is there already.
	founding *state.Command
	// desired is the role that this node asks for when it joins.
	desired state.Role
	removed atomic.Bool // from the cluster, by others
	asked   time.Time   // when others were asked for that last; of meet alone
	told    time.Time   // when gossip was told last that this node has another address; of meet alone
	// joining says that the stores were empty when they were opened, and that the node was not let in since:
	// it has to ask to be.
	joining atomic.Bool
	fatal   chan error // the first error that ends this life

	ended chan struct{} // closed when Run returns

	mu      sync.Mutex
	refused error          // why the cluster does not let this node in
	known   []storage.Peer // the members as written down last
}

// newStart returns a name for this start of the daemon.
func newStart() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// openMember opens everything a member needs. On an error nothing stays open. Nothing is held and nothing
// moves before Run. founding makes the cluster; nil if there is one.
func openMember(o Options, id storage.Identity, founding *state.Command) (*member, error) {
	m := &member{
		founding: founding,
		options:  o,
		self:     wireName{node: o.Name, instance: o.Dir.Instance(), start: newStart()},
		identity: id,
		known:    id.Peers,
		desired:  state.Role(id.Role),
		log:      o.Logger,
		fatal:    make(chan error, 1),
		ended:    make(chan struct{}),
	}
	m.afterwards.do = m.wakeFollowers
	for _, open := range []func() error{m.openHost, m.openStores, m.assemble, m.openNetwork, m.openRaft} {
		if err := open(); err != nil {
			return nil, errors.Join(err, m.opened.close())
		}
	}
	return m, nil
}

// fail ends this life with an error; the first one counts.
func (m *member) fail(err error) {
	select {
	case m.fatal <- err:
	default:
	}
}

// Run lives as a member until ctx ends or something fails, and stops cleanly: groups are handed over first.
func (m *member) Run(ctx context.Context) error {
	defer close(m.ended)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	parts, life := errgroup.WithContext(life)
	endRoles := m.roles.start() // outlives the parts: its last word is that all was let go of
	for _, run := range []func(context.Context) error{
		m.mux.Run, m.serveCalls, m.introduce, m.meet, m.watchHost, m.watchDisk,
		m.keeper.Run, m.tenant.Run, m.paths.Run, m.speaker.Run, m.soloist.Run, m.announcer.Run, m.clerk.Run, m.reporter.Run, m.chronicler.Run, m.monitor.Run, m.followChecks,
		m.conductor.Run, m.elector.Run, m.steward.Run, m.rotator.Run, m.canary, m.followLeader, m.seek, m.makeWay,
	} {
		parts.Go(func() error { return run(life) })
	}
	var cause error
	stay := false
	select {
	case <-ctx.Done():
		stay = m.mayStay()
	case <-life.Done():
	case cause = <-m.fatal:
		m.log.Error("stopping", "error", cause)
		if errors.As(cause, new(*supersededError)) {
			break // there is nobody to hand over to
		}
		// If it led: nothing is committed by a leader whose store takes no writes, and Raft's own timers are slow.
		m.giveUpLeadership()
	}
	switch {
	case stay:
		m.stay(life)
	case errors.As(cause, new(*supersededError)):
		m.yield()
	default:
		m.stop(life)
	}
	end()
	if err := parts.Wait(); !errors.Is(err, context.Canceled) {
		cause = errors.Join(cause, err)
	}
	if stay {
		cause = m.leaveHold(cause)
	}
	return errors.Join(cause, endRoles(stay && cause == nil))
}

// Close closes what openMember opened. Run has returned before.
func (m *member) Close() error { return m.opened.close() }

// serveCalls answers other nodes.
func (m *member) serveCalls(ctx context.Context) error {
	server := &http.Server{Handler: m.routes(), ReadHeaderTimeout: 5 * time.Second, ConnContext: withPeer, ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(m.mux.Listener(protoCall)); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		return fmt.Errorf("answer other nodes: %w", err)
	}
	return nil
}

// followLeader wakes the leader's parts when the leader changes.
func (m *member) followLeader(ctx context.Context) error {
	m.raft.Follow(ctx, func() {
		kick(m.conductor.wake)
		kick(m.elector.wake)
		kick(m.steward.wake)
		kick(m.rotator.wake)
		kick(m.clerk.wake)
		kick(m.chronicler.wake)
		kick(m.soloist.wake)
		m.changes.raise()
	})
	return nil
}

// health is what placement is told, with what the leader says of nodes that flap.
func (m *member) health(view *state.State) placement.Health {
	health := m.judged(view)
	health.Damp(view, m.dampedNow())
	return health
}

// dampedNow returns who flaps by the leader's word.
func (m *member) dampedNow() []placement.Stay {
	if m.raft == nil {
		return nil // there is no leader yet
	}
	leader, _ := m.raft.Leader()
	said, _ := m.reporter.of(leader)
	return said.Damped
}

// judged is what the nodes say of themselves, and what this one notices about them.
func (m *member) judged(view *state.State) placement.Health {
	return m.judgedAs(view, func(string, *account) {})
}

// judgedAs is judged with what nodes say changed beforehand.
func (m *member) judgedAs(view *state.State, change func(node string, a *account)) placement.Health {
	votes := slices.Contains(view.Voters.Names, m.self.node)
	late := 2 * view.Profile.Renew // one that was lost is repeated before that
	return m.reporter.healthAs(view, func(node string) string {
		if silent := m.keeper.silent(node); votes && silent > late {
			return "it is silent"
		}
		return ""
	}, change)
}
