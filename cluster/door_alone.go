package cluster

import "vipd/cluster/lease"

// permits reports whether something may be held now, by the lease or without one, and whether the gate is open.
func (d *door) permits(alone bool) (allowed, open bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	until := d.until
	if alone {
		until = d.alone
	}
	return bootNow().Before(until), d.open
}

// holdAlone lets groups be held without a lease until an instant: the gate is extended, or may be opened.
func (d *door) holdAlone(until lease.Instant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alone = until
	d.keep(until)
}

// leaveAlone ends that.
func (d *door) leaveAlone() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.endAlone()
}

// endAlone shuts a gate that was opened without a lease. The caller holds mu.
func (d *door) endAlone() {
	if d.alone != 0 {
		d.alone = 0
		d.bar()
	}
}
