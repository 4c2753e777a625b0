package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/storage"
)

// Bounds of a restart-hold, and its intervals.
const (
	minHold     = time.Second
	holdLook    = 10 * time.Millisecond
	ceilingTime = 200 * time.Millisecond // for the voters to write down how long a lease they are asked for
)

// RestartHold implements api.Backend: it returns when a majority has granted this node a lease until the end
// of the hold.
func (n *Node) RestartHold(ctx context.Context, r api.HoldRequest, progress api.Progress) (api.HoldResult, error) {
	m, err := n.joined()
	if err != nil {
		return api.HoldResult{}, err
	}
	if err := m.mayHold(r.Duration); err != nil {
		return api.HoldResult{}, err
	}
	until := bootNow().Add(r.Duration)
	m.keeper.stretch(until)
	progress(fmt.Sprintf("asking the voters for a lease of %v", r.Duration))
	if err := m.awaitLong(ctx, r.Duration, until); err != nil {
		m.keeper.stretch(0)
		return api.HoldResult{}, err
	}
	groups := m.View().HeldBy(m.self.node)
	if groups == nil {
		groups = []string{}
	}
	return api.HoldResult{Left: until.Sub(bootNow()), Groups: groups}, nil
}

// mayHold returns why a restart-hold makes no sense here, or nil.
func (m *member) mayHold(d time.Duration) error {
	valid, open := m.door.valid()
	if group := m.speaker.anyGroup(); group != "" {
		return fmt.Errorf("%s is shared by VRRP, and routers outside would take it over while this daemon is away; move it to another node first", group)
	}
	switch profile := m.View().Profile; {
	case d < minHold || d > state.MaxLease:
		return fmt.Errorf("a restart-hold lasts %v to %v, not %v", minHold, state.MaxLease, d)
	case d <= profile.Lease:
		return fmt.Errorf("the profile's lease of %v is not shorter than %v: ask for longer", profile.Lease, d)
	case !m.options.Fence:
		return errors.New("this node runs with `fence: none`: nothing would keep its addresses from answering after the hold, should the daemon not come back")
	case !valid || !open:
		return errors.New("this node has no lease that could be made longer; `vipctl status` says why")
	case m.keeper.inherited.pending():
		return errors.New("this node has just restarted and does not know the cluster's state yet; try again in a moment")
	}
	return nil
}

// awaitLong has the cluster know of a long lease, and waits until this node has it.
func (m *member) awaitLong(ctx context.Context, d time.Duration, until lease.Instant) error {
	who := state.Tenure{Node: m.self.node, Epoch: m.keeper.currentEpoch()}
	if err := m.commit(ctx, state.Command{LongLease: &state.LongLease{Tenure: who, Lease: d}}); err != nil {
		return fmt.Errorf("announce the long lease: %w", err)
	}
	for {
		end := m.door.end()
		switch {
		case !end.Before(until.Add(-holdLook)):
			return nil
		case end == 0 || m.keeper.currentEpoch() != who.Epoch:
			return errors.New("this node lost its lease meanwhile")
		}
		if !pause(ctx, holdLook) {
			return fmt.Errorf("wait until a majority of the voters grants a lease of %v: %w", d, context.Cause(ctx))
		}
	}
}

// stretch has the lease last until an instant, instead of as long as the profile says, from when the state
// knows of that; 0 ends it.
func (k *keeper) stretch(until lease.Instant) {
	k.mu.Lock()
	k.longUntil = until
	k.mu.Unlock()
	kick(k.refresh)
}

// stretched returns the instant that stretch was told, until it is there.
func (k *keeper) stretched() lease.Instant {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.longUntil
}

// retime asks for what is left of a long lease, as long as that is longer than the profile's.
func (k *keeper) retime() {
	until := k.stretched()
	if until == 0 && !k.long {
		return
	}
	now, s := bootNow(), k.raft.View()
	timing := lease.Timing{Renew: s.Profile.Renew, Lease: s.Profile.Lease, Margin: s.Profile.Margin}
	left := until.Sub(now)
	switch me := s.Nodes[k.self.node]; {
	case left <= timing.Lease:
		k.long = false
		k.stretch(0)
	case me == nil || me.LongLease < left:
		k.long, k.announced = false, 0
		return
	case k.announced == 0:
		k.announced = now
		return
	case now.Sub(k.announced) < ceilingTime && !k.long:
		return
	default:
		k.long, timing.Lease = true, left
	}
	k.hold(lease.Retimed{Timing: timing})
}

// longLeaseOver reports whether this node's lease is, for sure, not longer than the profile's any more.
func (m *member) longLeaseOver() bool {
	return m.keeper.stretched() == 0 && !m.keeper.inherited.pending() &&
		m.door.end().Sub(bootNow()) <= m.View().Profile.Lease
}

// mayStay reports whether the addresses may stay when this process ends.
func (m *member) mayStay() bool {
	valid, open := m.door.valid()
	return m.keeper.stretched() != 0 && valid && open && m.keeper.currentEpoch() != 0
}

// stay prepares for an end after which the addresses stay: others need the leadership, and nothing else.
func (m *member) stay(life context.Context) {
	ctx, cancel := context.WithTimeout(life, stopLimit)
	defer cancel()
	m.clerk.stop()
	if err := m.passLeadership(ctx, func(string) {}); err != nil {
		m.log.Warn("stopping all the same", "error", err)
	}
	m.door.stay()
	close(m.keeper.resign)
}

// leaveHold leaves lease and addresses to the next start. The parts have ended. If it cannot, or one of them
// failed, everything is let go of.
func (m *member) leaveHold(failed error) error {
	err := failed
	if err == nil {
		err = m.writeHold()
	}
	if err == nil {
		return nil
	}
	m.door.unstay()
	m.tenant.carry(nil)
	return err
}

func (m *member) writeHold() error {
	if valid, open := m.door.valid(); !valid || !open {
		return errors.New("keep the addresses for a restart: the lease is over")
	}
	boot, err := bootID()
	if err != nil {
		return err
	}
	// A lifetime must last until the next start as well.
	if err := m.host.Refresh(); err != nil {
		return fmt.Errorf("keep the addresses for a restart: %w", err)
	}
	hold := storage.Hold{
		Epoch: m.keeper.currentEpoch(), Start: m.self.start, Index: m.View().Index,
		Until: int64(m.door.end()), Boot: boot, Addresses: ips(m.tenant.carried),
	}
	if err := m.options.Dir.SaveHold(hold); err != nil {
		return err
	}
	m.log.Info("addresses stay for a restart", "addresses", len(hold.Addresses),
		"for", m.door.end().Sub(bootNow()).Round(time.Millisecond))
	return nil
}

// end returns the end of the lease; 0: none.
func (d *door) end() lease.Instant {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.until
}

// stay keeps the door as it is when the parts end.
func (d *door) stay() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stays = true
}

// unstay undoes stay, and shuts the door.
func (d *door) unstay() {
	d.mu.Lock()
	d.stays = false
	d.mu.Unlock()
	d.shut()
}

// staying reports whether addresses stay when the parts end.
func (d *door) staying() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stays
}

// finish shuts the door unless it is to stay.
func (d *door) finish() {
	if !d.staying() {
		d.shut()
	}
}

// close ends the use of the gate.
func (d *door) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if gate, ok := d.gate.(interface{ Leave() }); ok && d.stays {
		gate.Leave()
		return nil
	}
	return d.gate.Close()
}
