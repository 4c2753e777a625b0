package cluster

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/storage"
	"vipd/vip"
	"vipd/vip/fence"
)

// inheritLeast is how much of a lease must be left to go on with it: nothing goes on within less.
const inheritLeast = time.Second

// inheritance is what a predecessor left that was stopped under a restart-hold: its epoch, and addresses
// that the kernel answers for under a lease that goes on. Until it is judged they stay as they are: the
// view may be older than the one that they follow from. The methods may be called on nil, which is nothing
// inherited.
type inheritance struct {
	storage.Hold
	carried, held []vip.Address
	judged        atomic.Bool
}

// pending reports whether it is still open what becomes of it.
func (i *inheritance) pending() bool { return i != nil && !i.judged.Load() }

func (i *inheritance) until() lease.Instant { return lease.Instant(i.Until) }

// leaseOf returns the end of the lease that was left to an epoch; 0: none.
func (i *inheritance) leaseOf(epoch uint64) lease.Instant {
	if i == nil || i.Epoch != epoch {
		return 0
	}
	return i.until()
}

// goOn says that the epoch has been taken up.
func (i *inheritance) goOn(epoch uint64) {
	if i != nil && i.Epoch == epoch {
		i.judged.Store(true)
	}
}

// foresees reports whether a state is older than what the predecessor has acted on already.
func (i *inheritance) foresees(s *state.State) bool { return i != nil && s.Index < i.Index }

// takeHold takes what a predecessor left, once, and returns it if this process may go on with it. What it may
// not go on with is in m.left: the epoch can be retired at once when the addresses are gone.
func (m *member) takeHold() (*inheritance, error) {
	hold, left, err := m.options.Dir.TakeHold()
	if errors.Is(err, storage.ErrDamaged) {
		m.log.Warn("what the predecessor left for this start is of no use", "error", err)
		return nil, nil
	}
	if err != nil || !left {
		return nil, err
	}
	m.left = &hold
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	remaining := lease.Instant(hold.Until).Sub(bootNow())
	switch {
	case hold.Boot != boot:
		m.log.Info("the host was started anew; the lease that the daemon left is not gone on with")
	case remaining < inheritLeast:
		m.log.Warn("the restart took longer than the restart-hold", "left", remaining)
	case m.options.Fence:
		return &inheritance{Hold: hold}, nil
	}
	return nil, nil
}

// bootID identifies the kernel's present life, within which instants mean something.
func bootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot id: %w", err)
	}
	return strings.TrimSpace(string(id)), nil
}

// adoptGate takes over the gate as it is; nil if it cannot.
func (m *member) adoptGate() *fence.Fence {
	g, err := fence.Adopt(fence.Options{Instance: m.self.node, Logger: m.log})
	if err != nil {
		m.log.Warn("the gate that the predecessor left is not gone on with", "error", err)
		return nil
	}
	return g
}

// adopt takes over the addresses behind an adopted gate, and with them the epoch. After an error everything
// is as after a crash: to be removed.
func (m *member) adopt(g *fence.Fence, addresses *vip.Host, i *inheritance) error {
	guarded, err := g.Guarded()
	if err != nil {
		return err
	}
	held, err := g.Held()
	if err != nil {
		return err
	}
	if i.carried, err = addresses.Adopt(guarded); err != nil {
		return err
	}
	for _, a := range i.carried {
		if slices.Contains(held, a.Prefix.Addr()) {
			i.held = append(i.held, a)
		}
	}
	here := ips(i.carried)
	gone := slices.DeleteFunc(guarded, func(ip netip.Addr) bool { return slices.Contains(here, ip) })
	if err := errors.Join(g.Release(gone), addresses.Refresh()); err != nil {
		m.log.Warn("go on with addresses", "error", err) // the tenant comes to it
	}
	m.self.start = i.Start
	m.door.open, m.door.until = true, i.until()
	m.inherited, m.left = i, nil
	m.log.Info("going on with the lease that the predecessor left", "epoch", i.Epoch,
		"addresses", len(i.held), "left", i.until().Sub(bootNow()).Round(time.Millisecond))
	return nil
}

// judge decides what becomes of an inheritance once the view is not older than it: the keeper goes on with
// an epoch that lives. If that takes longer than the lease, or the epoch is dead, all is let go of.
func (k *keeper) judge(mine uint64) {
	if i := k.inherited; i.pending() && mine != i.Epoch {
		k.forsake("its epoch is over")
	}
}

// forsake has everything inherited let go of.
func (k *keeper) forsake(why string) {
	k.log.Warn("what the predecessor left is given up", "epoch", k.inherited.Epoch, "reason", why)
	k.door.shut()
	k.inherited.judged.Store(true)
	k.lapsed()
}

// outlived gives up an inheritance whose lease is over.
func (k *keeper) outlived() {
	if i := k.inherited; i.pending() && !bootNow().Before(i.until()) {
		k.forsake("its lease ended before the cluster's state was known here")
	}
}
