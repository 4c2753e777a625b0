package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
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
	"vipd/cluster/lease"
	"vipd/cluster/placement"
	"vipd/cluster/state"
	"vipd/cluster/trust"
	"vipd/storage"
	"vipd/vip"
	"vipd/vip/announce"
	"vipd/vip/boottime"
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
	announcer  *announce.Announcer
	receipts   receipts

	// inherited is what a predecessor left that this process goes on with, left what it does not; nil: nothing.
	inherited *inheritance
	left      *storage.Hold

	changes    signal
	carrying   signal    // other groups than before are carried
	afterwards courteous // wakes those who follow the view and are not on the way of a failover
	opened     closers   // what has to be closed, in reverse order
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

func (m *member) openStores() (err error) {
	if m.stores, err = m.options.Dir.OpenRaft(consensus.Logger(m.log)); err != nil {
		return err
	}
	m.opened.add(m.stores.Close)
	if m.votes, err = m.options.Dir.Votes(); err != nil {
		return err
	}
	m.opened.add(m.votes.Close)
	return nil
}

// assemble makes the parts that run. They see Raft through m, since Raft starts last.
func (m *member) assemble() error {
	wakeTenant := func() { kick(m.tenant.wake) }
	m.door.opened = func() {
		wakeTenant()
		m.changes.raise()
	}
	m.assembleSoloist()
	m.keeper = newKeeper(keeperOptions{
		self: m.self, log: m.log, raft: m, votes: m.votes, door: m.door, inherited: m.inherited, soloist: m.soloist,
		send:      m.send,
		withdrawn: m.heardWithdrawal,
		lapsed: func() {
			wakeTenant()
			kick(m.soloist.wake)
			m.changes.raise()
		},
		gaveUp: m.giveUpEpoch,
		broken: m.fail,
	}, lease.Memory{Withdrawn: m.votes.Withdrawn(), Ceiling: m.votes.Ceiling()})
	announcer, err := announce.New(announce.Options{Logger: m.log, Permit: m.mayAnnounce})
	if err != nil {
		return err
	}
	m.announcer = announcer
	m.opened.add(announcer.Close)
	m.assembleSpeaker()
	m.tenant = newTenant(tenantOptions{
		node: m.self.node, log: m.log, view: m.View, epoch: m.keeper.currentEpoch,
		door: m.door, host: m.host, announce: m.announcer, speaker: m.speaker, soloist: m.soloist,
		standing: m.options.Links.Standing,
		letGo:    m.letGo,
		reported: func() { kick(m.reporter.wake) },
		jolted:   func() { kick(m.paths.wake) },
		carries:  func(groups []carriedAt) { m.chronicler.carries(groups) },
		giveUp:   m.fail,
		served: func() {
			m.carrying.raise()
			m.afterwards.soon()
		},
	})
	m.assembleRoles()
	if err := m.assemblePaths(); err != nil {
		return err
	}
	if i := m.inherited; i != nil {
		m.tenant.inherited, m.tenant.carried, m.tenant.held = i, i.carried, i.held
	}
	m.clerk = &clerk{
		self: m.self, log: m.log, view: m.View, propose: m.propose,
		vacant:   func() bool { return m.tenant.empty() && !m.soloist.holds() },
		longOver: m.longLeaseOver,
		wake:     make(chan struct{}, 1), letGo: map[uint64]state.Tenure{},
	}
	if m.left != nil {
		// The process that had this epoch has ended, and what it held was taken off.
		m.clerk.retire(state.Tenure{Node: m.self.node, Epoch: m.left.Epoch})
	}
	m.monitor = health.New(health.Options{
		Logger: m.log, Scripts: m.options.Scripts, Interfaces: m.host.Interfaces, Bond: m.options.Links.Status, Virtual: m.virtual,
		Changed: func() { kick(m.reporter.wake) },
	})
	m.reporter = newReporter(reporterOptions{
		node: m.self.node, view: m.View, epoch: m.keeper.currentEpoch,
		interfaces: m.host.Interfaces, links: m.options.Links, problems: m.unable, routers: m.speaker.spoken, sources: m.sources, heard: m.speaker.heritage.hear,
		checks:    m.checked,
		secret:    m.toldOfSecret,
		scripts:   m.failingScripts,
		lacking:   m.paths.lacking,
		flaps:     func() []placement.Stay { return m.conductor.flapsNow() },
		broadcast: m.broadcast,
		changed:   m.healthChanged,
	})
	m.chronicler = newChronicler(chroniclerOptions{
		node: m.self.node, log: m.log, view: m.View, account: m.reporter.of, silent: m.keeper.silent, propose: m.propose,
		leads: func() bool { return m.raft.Leads() },
	})
	m.conductor = &conductor{
		log: m.log, health: m.judged, found: m.found, wake: make(chan struct{}, 1),
		damped: m.reporter.damped, flapping: func() { kick(m.reporter.wake) },
	}
	m.elector = &elector{
		node: m.self.node, log: m.log, successor: m.conductor.successor,
		wake: make(chan struct{}, 1), asked: make(chan string, 1), gaveUp: make(chan struct{}, 1),
	}
	m.options.Links.Heed(m.linksChanged)
	m.opened.add(func() error { m.options.Links.Heed(func([]string) {}); return nil })
	m.steward = &steward{
		self: m.self.node, log: m.log, applied: m.applied, ceiling: m.votes.Ceiling, stepAside: m.giveUpLeadership,
		usable: func(view *state.State) int {
			version, _ := usable(view, state.CommandVersion, m.reporter.of)
			return version
		},
		slept: boottime.NewSleep().Over, wake: make(chan struct{}, 1),
	}
	m.rotator = &rotator{m: m, log: m.log, wake: make(chan struct{}, 1)}
	return nil
}

func (m *member) openNetwork() (err error) {
	if m.keys, err = newKeychain(m.identity); err != nil {
		return err
	}
	secret, also := m.keys.secrets(m.keys.now())
	if m.creds, err = trust.NewCredentials(m.identity.ClusterID, m.self.node, secret, also...); err != nil {
		return err
	}
	if err = m.creds.SetOwn(m.options.TLS); err != nil {
		return err
	}
	var alsoKeys [][]byte
	for _, s := range also {
		alsoKeys = append(alsoKeys, s.GossipKey())
	}
	m.calls = newCaller(m.creds, m.heardOf)
	listener, err := net.Listen("tcp", m.options.clusterAddress())
	if err != nil {
		return fmt.Errorf("listen for other nodes: %w", err)
	}
	m.opened.add(func() error { m.calls.close(); return unlessClosed(listener.Close()) })
	m.mux = trust.NewMux(listener, m.creds, m.log, protoRaft, protoCall)
	m.shown = crowd.NewRate(ticketRate)
	m.mux.TakeTickets(m.takeTicket)
	known, err := m.stores.HasState()
	if err != nil {
		return fmt.Errorf("look for raft state: %w", err)
	}
	m.gossip, err = gossip.Start(gossip.Options{
		Node: m.self.node, Listen: m.options.Listen, Port: m.options.GossipPort,
		Key: secret.GossipKey(), Also: alsoKeys, Cluster: m.identity.ClusterID,
		Meta:    gossip.Meta{Address: m.options.clusterAddress(), Instance: m.self.instance, Version: m.options.Version, Known: known},
		Logger:  m.log,
		Receive: m.receive,
		Changed: m.changes.raise,
	})
	if err != nil {
		return err
	}
	m.opened.add(m.gossip.Close)
	m.keys.log, m.keys.creds, m.keys.gossip, m.keys.save = m.log, m.creds, m.gossip, m.saveIdentity
	m.keys.turned = func() {
		kick(m.rotator.wake)
		m.changes.raise()
	}
	m.rotator.keys = m.keys
	m.creds.Heed(m.keys.saw)
	return nil
}

// openRaft starts Raft over the mux's connections.
func (m *member) openRaft() error {
	o := consensus.Options{
		Name: m.self.node, Address: m.options.clusterAddress(),
		Logs: m.stores.Logs, Stable: m.stores.Stable, Snapshots: m.stores.Snapshots,
		Stream: stream{Listener: m.mux.Listener(protoRaft), credentials: m.creds, failed: m.heardOf}, Elsewhere: m.elsewhere,
		Logger: m.log, Committed: m.committed, Broken: m.fail, Permit: m.permit,
		Mute: m.founding == nil && len(m.peers()) > 0, // see introduce
	}
	known, err := m.stores.HasState()
	if err != nil {
		return fmt.Errorf("look for raft state: %w", err)
	}
	if m.founding != nil && !known {
		if err := consensus.Bootstrap(o, *m.founding); err != nil {
			return err
		}
	}
	m.joining.Store(m.founding == nil && !known)
	if m.raft, err = consensus.Start(o); err != nil {
		return err
	}
	m.opened.add(m.raft.Close)
	m.early.Store(m.raft)
	m.conductor.raft, m.elector.raft, m.steward.raft = m.raft, m.raft, m.raft
	return nil
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
		m.conductor.Run, m.elector.Run, m.steward.Run, m.rotator.Run, m.canary, m.followLeader, m.seek,
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
