package cluster

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/cluster/wire"
	"vipd/vip/boottime"
)

// raftLog is what the keeper needs of this node's Raft.
type raftLog interface {
	View() *state.State
	NewestConfig() uint64
	LogEnd() (term, index uint64)
	CaughtUp() bool
}

// ballot is the voter's durable memory.
type ballot interface {
	Withdraw(member string, epoch uint64) error
	RaiseCeiling(time.Duration) error
	LowerCeiling(time.Duration) error
}

// keeper runs the two machines of the lease: this member's Holder and this voter's Voter. Whoever has something
// for them, the clock or a datagram, steps them itself, one at a time: to wake a goroutine for each datagram would
// cost more than the step. Only what goes to disk is done by others, since a disk may hang and a lease must not.
type keeper struct {
	keeperOptions
	refresh chan struct{}         // the state changed
	resign  chan struct{}         // closed: renew no more
	durable chan lease.VoterEvent // what reached the disk
	ended   chan struct{}         // closed when Run has ended
	writers sync.WaitGroup
	turned  atomic.Int64 // when the timer last fired, a lease.Instant

	steps   sync.Mutex // guards what follows, up to the next lock
	running bool       // Run has begun and not ended
	holder  *lease.Holder
	voter   *lease.Voter
	own     []wire.Message       // for this very node
	timer   *boottime.Timer      // while running
	slept   func() time.Duration // for how long the machine was suspended since the last call
	armed   lease.Instant        // when it fires
	ready   bool
	// long says that the lease asked for is a long one, announced since when the state knows of it.
	long      bool
	announced lease.Instant

	mu    sync.Mutex
	heard map[string]lease.Instant // when each member last renewed with this voter
	epoch uint64
	// longUntil is how long the lease is to last because of a restart-hold; 0: there is none.
	longUntil lease.Instant
}

// keeperOptions are what a keeper is made of. Its functions must not block.
type keeperOptions struct {
	self  wireName
	log   *slog.Logger
	raft  raftLog
	votes ballot
	door  *door
	// inherited is what a predecessor left; nil: nothing.
	inherited *inheritance
	soloist   *soloist
	send      func(to string, m wire.Message)
	// withdrawn is called for each withdrawal heard of, this voter's own included.
	withdrawn func(lease.Withdrawal)
	lapsed    func()             // the lease is over and the gate is shut
	gaveUp    func(epoch uint64) // the epoch is of no more use; once all is let go, it may be retired
	broken    func(error)        // this voter cannot remember what it does
}

// wireName is who this node is: its name, data directory and this start of it.
type wireName struct{ node, instance, start string }

func newKeeper(o keeperOptions, memory lease.Memory) *keeper {
	k := &keeper{
		keeperOptions: o,
		holder:        lease.NewHolder(o.self.node),
		voter:         lease.NewVoter(o.self.node, bootNow(), memory),
		refresh:       make(chan struct{}, 1),
		resign:        make(chan struct{}),
		durable:       make(chan lease.VoterEvent, 16),
		ended:         make(chan struct{}),
		heard:         map[string]lease.Instant{},
		armed:         never,
		slept:         boottime.NewSleep().Over,
	}
	k.turned.Store(int64(bootNow()))
	return k
}

func (k *keeper) receive(m wire.Message) {
	switch m := m.(type) {
	case lease.Renewal:
		k.renewal(m)
	case lease.Grant:
		k.hold(lease.Granted{Grant: m})
	case lease.Refusal:
		k.hold(lease.Refused{Refusal: m})
	case lease.Withdrawal:
		k.withdrawn(m)
	case wire.Report:
		k.vote(lease.Heard{Node: m.Node})
	}
}

func (k *keeper) renewal(r lease.Renewal) {
	k.mu.Lock()
	k.heard[r.Member] = bootNow()
	k.mu.Unlock()
	// The log may have got a configuration since the last look; the voter has to know before it grants.
	k.vote(lease.LogConfigured{Index: k.raft.NewestConfig()})
	k.vote(lease.Renewed{Renewal: r})
	if r.Member != k.self.node {
		k.hold(lease.Accompany{})
	}
}

// observe tells the machines what the replicated state says now.
func (k *keeper) observe() {
	s := k.raft.View()
	timing := lease.Timing{Renew: s.Profile.Renew, Lease: s.Profile.Lease, Margin: s.Profile.Margin}
	voters := lease.VotersCommitted{Index: s.Voters.Index, Names: s.Voters.Names}
	me := s.Nodes[k.self.node]

	k.hold(lease.Retimed{Timing: timing})
	k.hold(voters)
	k.adopt(s, me)

	k.vote(lease.Retimed{Timing: timing})
	k.vote(lease.Counted{Longest: s.CountedBy()})
	k.vote(lease.LogConfigured{Index: k.raft.NewestConfig()})
	k.vote(voters)
	k.vote(lease.StateApplied{Live: s.LiveEpochs()})
	if !k.ready && me != nil && me.Instance == k.self.instance && k.raft.CaughtUp() {
		k.ready = true
		k.vote(lease.Ready{})
	}
}

// adopt makes the registered epoch the holder's, if it is of this start of the daemon.
func (k *keeper) adopt(s *state.State, me *state.Node) {
	k.outlived()
	if k.inherited.foresees(s) {
		return // an epoch that lives in it may be dead, or hold less by now
	}
	if k.soloist.holds() {
		return // no lease before what is held without one is let go of
	}
	mine := uint64(0)
	if me.Live() && me.Instance == k.self.instance && me.Start == k.self.start {
		mine = me.Epoch
	}
	k.judge(mine)
	if k.epoch == mine {
		return
	}
	if k.epoch != 0 {
		k.hold(lease.Dead{Epoch: k.epoch})
	}
	k.mu.Lock()
	k.epoch = mine
	k.mu.Unlock()
	if mine != 0 {
		k.log.Info("registered", "epoch", mine)
		k.hold(lease.Registered{Epoch: mine, Until: k.inherited.leaseOf(mine)})
		k.inherited.goOn(mine)
	}
}

func (k *keeper) hold(ev lease.HolderEvent) {
	for _, action := range k.holder.Step(bootNow(), ev) {
		switch a := action.(type) {
		case lease.SendRenewal:
			k.post(a.To, a.Renewal)
		case lease.Extend:
			k.door.extend(a.Until)
		case lease.Lapse:
			k.door.shut()
			k.log.Warn("the lease is over", "epoch", a.Epoch)
			k.lapsed()
		case lease.GiveUp:
			k.gaveUp(a.Epoch)
		}
	}
}

func (k *keeper) vote(ev lease.VoterEvent) {
	for _, action := range k.voter.Step(bootNow(), ev) {
		switch a := action.(type) {
		case lease.SendGrant:
			k.post(a.Grant.Member, a.Grant)
		case lease.SendRefusal:
			k.post(a.Refusal.Member, a.Refusal)
		case lease.Announce:
			k.announce(a.Withdrawal)
		case lease.PersistWithdrawal:
			k.log.Info("a member is silent; withdrawing its lease", "node", a.Member, "epoch", a.Epoch)
			k.persist(lease.Persisted{Member: a.Member, Epoch: a.Epoch}, func() error { return k.votes.Withdraw(a.Member, a.Epoch) })
		case lease.PersistCeiling:
			k.persist(lease.CeilingPersisted{Lease: a.Lease}, func() error { return k.votes.RaiseCeiling(a.Lease) })
		case lease.LowerCeiling:
			k.persist(lease.CeilingLowered{}, func() error { return k.votes.LowerCeiling(a.Lease) })
		}
	}
}

// post sends to a node; what is for this one follows when the step is done.
func (k *keeper) post(to string, m wire.Message) {
	if to == k.self.node {
		k.own = append(k.own, m)
		return
	}
	k.send(to, m)
}

func (k *keeper) announce(w lease.Withdrawal) {
	w.LastTerm, w.LastIndex = k.raft.LogEnd()
	for _, voter := range k.raft.View().Voters.Names {
		if voter != k.self.node {
			k.send(voter, w)
		}
	}
	k.withdrawn(w)
}

// persist writes in a goroutine of its own and reports when it is durable. After an error the voter stays
// silent about the matter, which is safe.
func (k *keeper) persist(done lease.VoterEvent, write func() error) {
	k.writers.Go(func() {
		if err := write(); err != nil {
			k.broken(err)
			return
		}
		select {
		case k.durable <- done:
		case <-k.ended:
		}
	})
}

// silent returns for how long a member has not renewed with this voter.
func (k *keeper) silent(member string) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return bootNow().Sub(k.heard[member])
}

// currentEpoch returns the epoch of this start; 0 when it has none.
func (k *keeper) currentEpoch() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.epoch
}
