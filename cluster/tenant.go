package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vipd/cluster/links"
	"vipd/cluster/state"
	"vipd/cluster/wire"
	"vipd/vip"
	"vipd/vip/announce"
)

// host is this host's addresses.
type host interface {
	Set(want []vip.Address) (vip.Outcome, error)
	Refresh() error
	RemoveLeftovers(guarded []netip.Addr) ([]vip.Address, error)
	Interfaces() (map[string]vip.Interface, error)
	Watch(ctx context.Context, changed chan<- struct{}) error
	Close() error
}

// announcer tells the segment where an address is.
type announcer interface {
	Announce([]announce.Target)
	Stop([]netip.Addr)
	Run(ctx context.Context) error
}

// Intervals of the tenant.
const (
	lifetime    = time.Minute // of an address in the kernel, once nobody refreshes it
	refreshEach = lifetime / 3
	retryEach   = 50 * time.Millisecond // after the kernel refused something
	patience    = 2 * time.Second       // with a kernel that will not let go of an address
)

// tenant carries the addresses that this node may hold, and lets go of those that it may not. What it
// may hold follows from the view, the epoch and the lease; the gate goes first in both directions.
type tenant struct {
	tenantOptions
	wake    chan struct{}
	changed chan struct{} // the kernel's addresses or links did

	carried []vip.Address // on the host, or about to be
	held    []vip.Address // those that the gate lets through
	// wanted is what the host was last asked to have, and present what it then had of it.
	wanted   []vip.Address
	present  []netip.Addr
	doubtful bool // the host may not be as it was then
	// inherited is what a predecessor left, to stay as it is until it is judged; nil: nothing.
	inherited *inheritance
	told      map[uint64]bool // own debts that were reported as let go of
	stopwatch stopwatch
	stuck     time.Time // since when the kernel has kept something it should not
	alone     bool      // what is carried is held without a lease

	mu       sync.Mutex
	moved    map[string]bool    // links whose neighbours have to learn anew where addresses are
	released map[uint64]bool    // debts that their debtors said they let go of
	problems map[string]problem // by group
	serves   serving
}

type tenantOptions struct {
	node     string
	log      *slog.Logger
	view     func() *state.State
	epoch    func() uint64
	door     *door
	host     host
	announce announcer
	speaker  *speaker
	// standing says what the link is worth that an interface is or sits on.
	standing func(name string) links.Standing
	soloist  *soloist
	// letGo tells who waits for these debts, at once, and the log, soon. It must not block.
	letGo func(wire.Released)
	// reported is called when this node's ability to carry a group changed. It must not block.
	reported func()
	// jolted is called when the host's links or addresses changed. It must not block.
	jolted func()
	// carries takes in groups that this node carries from now on. It must not block.
	carries func([]carriedAt)
	// giveUp ends the lease of a node that the kernel does not obey.
	giveUp func(error)
	// served is called when other groups than before are carried. It must not block.
	served func()
}

func newTenant(o tenantOptions) *tenant {
	return &tenant{
		tenantOptions: o,
		wake:          make(chan struct{}, 1),
		changed:       make(chan struct{}, 1),
		doubtful:      true,
		moved:         map[string]bool{},
		released:      map[uint64]bool{},
		problems:      map[string]problem{},
	}
}

// Run carries addresses until ctx ends, and then lets go of all, unless they are left to the next start.
func (t *tenant) Run(ctx context.Context) error {
	refresh := time.NewTicker(refreshEach)
	defer refresh.Stop()
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		if !t.step() {
			resetTimer(retry, retryEach)
		}
		select {
		case <-ctx.Done():
			if !t.door.staying() {
				t.carry(nil)
			}
			return nil
		case <-t.wake:
		case <-retry.C:
			t.doubtful = true
		case <-t.changed:
			t.doubtful = true
			t.speaker.recheck()
			t.reported()
			t.jolted()
		case <-refresh.C:
			t.keepUp()
		}
	}
}

// keepUp renews the addresses' lifetime and looks whether the gate is as it should be.
func (t *tenant) keepUp() {
	t.doubtful = true
	if err := t.host.Refresh(); err != nil {
		t.log.Warn("refresh the lifetime of addresses", "error", err)
	}
	t.door.verify()
}

// hear notes that a debtor let go of debts.
func (t *tenant) hear(r wire.Released) {
	t.mu.Lock()
	for _, serial := range r.Serials {
		t.released[serial] = true
	}
	t.mu.Unlock()
	kick(t.wake)
}

// step brings this host to what it may hold now; false asks for another soon.
func (t *tenant) step() bool {
	if t.inherited.pending() {
		return false
	}
	if t.door.missing() && !t.startOver() {
		t.speaker.allow(t.view(), state.Tenancy{}, nil)
		return false
	}
	view := t.view()
	alone := t.soloist.part()
	tenancy := t.tenancy(view)
	if alone != nil {
		tenancy = t.tenancyAlone(view, alone)
	}
	// It is the group's own interface that has to work: that of a virtual MAC is down while the router is BACKUP.
	tenancy.Held = t.reachable(tenancy.Held)
	onVirtualMACs(view, t.node, tenancy.Held)
	onVirtualMACs(view, t.node, tenancy.Waiting)
	valid, open := t.door.permits(alone != nil)
	if valid && !open {
		valid = t.reopen()
	}
	t.alone = alone != nil
	done := t.carryAllowed(view, tenancy, alone, valid)
	t.reannounce()
	if alone == nil {
		t.soloist.left(t.empty())
	}
	return done
}

func (t *tenant) tenancy(view *state.State) state.Tenancy {
	t.mu.Lock()
	defer t.mu.Unlock()
	for serial := range t.released {
		if _, owed := view.Debts[serial]; !owed && serial <= view.LastSerial {
			delete(t.released, serial)
		}
	}
	return view.TenancyOf(t.node, t.epoch(), func(serial uint64) bool { return t.released[serial] })
}

// startOver lets go of everything, since another program removed the gate, and makes the gate anew.
func (t *tenant) startOver() bool {
	t.announce.Stop(ips(t.carried))
	t.doubtful = true
	out, err := t.put(nil)
	if !t.obeyed(present(t.carried, out, err)) {
		return false
	}
	if err == nil {
		err = t.door.remake()
	}
	if err != nil {
		t.log.Error("start over without a gate", "error", err)
		return false
	}
	t.mu.Lock()
	t.carried, t.held = nil, nil
	t.mu.Unlock()
	return true
}

// reopen opens the gate for a lease that is new, or that the gate missed. What is still here from before
// is barred first: it was allowed by another lease. What may stay, carry lets through again.
func (t *tenant) reopen() bool {
	if err := t.door.gate.Bar(ips(t.held)); err != nil {
		t.log.Error("bar addresses", "error", err)
		return false
	}
	t.held = nil
	if err := t.door.raise(); err != nil {
		if !errors.Is(err, errNoLease) {
			t.log.Error("open the gate", "error", err)
		}
		return false
	}
	return true
}

// serving returns what this node carries, which is not changed any more. Its groups are nil before the first step: what a
// predecessor left is still to be judged then.
func (t *tenant) serving() serving {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.serves
}

// empty reports whether this host carries nothing.
func (t *tenant) empty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.carried) == 0
}

// settle reports debts whose addresses are not on this host any more, or that it may hold again.
func (t *tenant) settle(tenancy state.Tenancy) {
	owing := map[netip.Addr]bool{}
	for _, a := range without(t.carried, addressesOf(tenancy.Held)) {
		owing[a.Prefix.Addr()] = true
	}
	message := wire.Released{Node: t.node, Epoch: t.epoch()}
	told := map[uint64]bool{}
	for _, d := range tenancy.Owed {
		if slices.ContainsFunc(d.Addresses, func(ip netip.Addr) bool { return owing[ip] }) {
			continue
		}
		told[d.Serial] = true
		if !t.told[d.Serial] {
			message.Serials = append(message.Serials, d.Serial)
		}
	}
	t.told = told
	if len(message.Serials) > 0 {
		t.letGo(message)
	}
}
