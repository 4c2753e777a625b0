package cluster

import (
	"fmt"
	"net"

	"vipd/cluster/consensus"
	"vipd/cluster/crowd"
	"vipd/cluster/gossip"
	"vipd/cluster/health"
	"vipd/cluster/lease"
	"vipd/cluster/placement"
	"vipd/cluster/state"
	"vipd/cluster/trust"
	"vipd/vip/announce"
	"vipd/vip/boottime"
)

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
	m.ears, m.hearingChanged = &ears{self: m.self.node}, make(chan struct{}, 1)
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
		unheard:   m.ears.unheard,
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
