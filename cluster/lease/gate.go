package lease

import "time"

// ChangeGate tells a leader when it may start a change of the voters. Its zero value is shut, and is that
// of a node which does not lead.
//
// A lease counted by one configuration and withdrawals counted by another share a voter if the two are at
// most one server apart. Once a configuration is committed, a majority of its voters refuses renewals
// counted by the one before it, so after the longest lease nobody holds by that one any more. Only then
// may the next change start.
type ChangeGate struct {
	leading bool
	from    Instant
}

// Elected says that this node now leads.
func (g *ChangeGate) Elected(now Instant) { *g = ChangeGate{leading: true, from: now} }

// Deposed says that this node does not lead any more.
func (g *ChangeGate) Deposed() { *g = ChangeGate{} }

// Committed says that this leader saw a voter configuration committed. A new leader need not know when an
// earlier one was: it cannot have been after its own election, unless it sees so itself.
func (g *ChangeGate) Committed(now Instant) { g.from = max(g.from, now) }

// Open reports whether a change may start at now. The newest configuration must be committed too, which
// the caller knows. longest is the longest lease that a member may still count, which is not always the
// current profile's: a member that missed a change of profile counts by the older one.
func (g *ChangeGate) Open(now Instant, longest, margin time.Duration) bool {
	return g.leading && !now.Before(g.from.Add(promise(longest, margin)))
}

// OpensAt returns when Open will be true, and false if this node does not lead.
func (g *ChangeGate) OpensAt(longest, margin time.Duration) (Instant, bool) {
	return g.from.Add(promise(longest, margin)), g.leading
}
