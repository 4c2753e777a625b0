package cluster

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"

	"vipd/cluster/lease"
	"vipd/vip/fence"
)

// gate enforces the lease on this host. Times are bootNow's.
type gate interface {
	Raise(until int64) error
	Extend(until int64) error
	Shut() error
	Hold([]netip.Addr) error
	Bar([]netip.Addr) error
	Release([]netip.Addr) error
	Guarded() ([]netip.Addr, error)
	Counters() (fence.Counters, error)
	Verify() error
	Close() error
}

// noGate is `fence: none`: nothing but the daemon itself enforces the lease.
type noGate struct{}

func (noGate) Raise(int64) error                 { return nil }
func (noGate) Extend(int64) error                { return nil }
func (noGate) Shut() error                       { return nil }
func (noGate) Hold([]netip.Addr) error           { return nil }
func (noGate) Bar([]netip.Addr) error            { return nil }
func (noGate) Release([]netip.Addr) error        { return nil }
func (noGate) Guarded() ([]netip.Addr, error)    { return nil, nil }
func (noGate) Counters() (fence.Counters, error) { return fence.Counters{}, nil }
func (noGate) Verify() error                     { return nil }
func (noGate) Close() error                      { return nil }

// door is the gate and the lease that keeps it open. The keeper extends and shuts it; the tenant opens it
// when nothing is held. While it is shut the kernel answers for nothing.
type door struct {
	gate   gate
	log    *slog.Logger
	opened func() // what was shut may be opened; must not block

	// rebuild makes the gate anew after another program removed it.
	rebuild func() (gate, error)

	mu    sync.Mutex
	open  bool
	stays bool          // it is left to the next start as it is
	gone  bool          // another program removed the gate
	until lease.Instant // end of the lease; 0: none
	alone lease.Instant // until when groups may be held without one; 0: they may not
}

// extend takes in a new end of the lease.
func (d *door) extend(until lease.Instant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endAlone()
	d.until = until
	d.keep(until)
}

// keep extends the gate, or has it opened. The caller holds mu.
func (d *door) keep(until lease.Instant) {
	if !d.open {
		d.opened()
		return
	}
	switch err := d.gate.Extend(int64(until)); {
	case errors.Is(err, fence.ErrStalled):
		d.log.Debug("held up while extending the lease; the earlier end stands", "error", err)
	case err != nil:
		d.lost(err)
	}
}

// lost notes that the gate shut although the lease goes on: what is held has to be taken anew. The caller
// holds mu.
func (d *door) lost(err error) {
	d.open = false
	d.gone = d.gone || errors.Is(err, fence.ErrGone)
	d.log.Warn("the gate is shut before its time; taking the addresses anew", "error", err)
	d.opened()
}

// verify looks whether the gate is as it was made.
func (d *door) verify() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.gate.Verify(); errors.Is(err, fence.ErrGone) {
		d.lost(err)
	} else if err != nil {
		d.log.Warn("look at the gate", "error", err)
	}
}

// missing reports whether the gate has to be made anew.
func (d *door) missing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone
}

// remake makes the gate anew, shut, once nothing is held.
func (d *door) remake() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, err := d.rebuild()
	if err != nil {
		return err
	}
	d.gate, d.gone = next, false
	return nil
}

// shut ends the lease.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until, d.alone = 0, 0
	d.bar()
}

// bar shuts the gate. The caller holds mu.
func (d *door) bar() {
	if !d.open {
		return
	}
	d.open = false
	if err := d.gate.Shut(); err != nil {
		d.log.Warn("the gate shuts by itself", "error", err)
	}
}

// valid reports whether the lease is, and whether the gate is open.
func (d *door) valid() (lease, open bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bootNow().Before(d.until), d.open
}

// leasedUntil returns the end of the newest lease; 0: there was none.
func (d *door) leasedUntil() lease.Instant {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.until
}

var errNoLease = errors.New("no lease")

// raise opens the gate, with nothing held.
func (d *door) raise() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	until := max(d.until, d.alone)
	if !bootNow().Before(until) {
		return errNoLease
	}
	if err := d.gate.Raise(int64(until)); err != nil {
		return err
	}
	d.open = true
	return nil
}
