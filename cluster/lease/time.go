package lease

import "time"

// Instant is a time in nanoseconds on one machine's own boot clock, which counts on while the machine is
// suspended and never jumps. It may be compared only with instants of the same machine's same boot.
type Instant int64

// Add returns the instant d later.
func (t Instant) Add(d time.Duration) Instant { return t + Instant(d) }

// Sub returns how much later t is than u.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Before reports whether t is earlier than u.
func (t Instant) Before(u Instant) bool { return t < u }

// After reports whether t is later than u.
func (t Instant) After(u Instant) bool { return t > u }

// Timing is the cluster's agreed timing of leases.
type Timing struct {
	Renew  time.Duration // how often a member renews
	Lease  time.Duration // how long a renewal lasts, counted from when it was sent
	Margin time.Duration // what a voter waits beyond the lease: the kernel's lateness in shutting the gate
}

// Promise is how long a voter keeps from withdrawing, counted from when it received a renewal.
func (t Timing) Promise() time.Duration { return promise(t.Lease, t.Margin) }

// promise adds to a lease the 1 % by which clocks may run at different rates, and the margin. A hundredth
// is rounded up, so that short leases get their share as well.
func promise(lease, margin time.Duration) time.Duration {
	return lease + (lease+99)/100 + margin
}
