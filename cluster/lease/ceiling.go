package lease

import "time"

// ceiling is how long a lease a voter grants. A voter that restarts has forgotten what it promised, and the
// profile may have changed just before; the ceiling, which is durable, tells it how long to wait whatever the
// profile says now. So it is raised before a longer lease is granted, and lowered only when every promise that
// goes on would be covered by the wait that the lower one means.
type ceiling struct {
	lease   time.Duration // durable, or lower than what is
	counted time.Duration // the longest lease that the applied state lets anyone ask for
	raising time.Duration // being made durable; 0: nothing
	// lowering says that a lower ceiling is being made durable. Until it is, none is raised: of two writes
	// that are under way together either may be the last.
	lowering bool
	keep     Instant // not lowered before: whoever it was raised for needs time to ask again
}

// needed is the ceiling that the applied state asks for.
func (v *Voter) needed() time.Duration { return max(v.timing.Lease, v.limit.counted) }

// raise makes a longer ceiling durable.
func (v *Voter) raise(lease time.Duration) []VoterAction {
	if lease <= max(v.limit.lease, v.limit.raising) || v.limit.lowering {
		return nil
	}
	v.limit.raising = lease
	return []VoterAction{PersistCeiling{Lease: lease}}
}

func (v *Voter) raised(now Instant, lease time.Duration) []VoterAction {
	v.limit.lease = max(v.limit.lease, lease)
	if v.limit.raising <= v.limit.lease {
		v.limit.raising = 0
	}
	v.limit.keep = now.Add(promise(lease, v.timing.Margin))
	// It has refused renewals meanwhile, so their absence means nothing.
	v.able = now
	return nil
}

// lower brings the ceiling down to what is needed, once no promise goes on for longer than one of the needed
// length would that began now. That includes what the process before this one may have promised. From here
// on nothing longer is granted, whenever the lower one becomes durable.
func (v *Voter) lower(now Instant) []VoterAction {
	need := v.needed()
	if !v.ready || v.timing.Lease == 0 || need >= v.limit.lease || v.limit.raising != 0 || v.limit.lowering || now.Before(v.limit.keep) {
		return nil
	}
	covered := now.Add(promise(need, v.timing.Margin))
	if v.started.Add(promise(v.inherited, v.timing.Margin)).After(covered) {
		return nil
	}
	for _, w := range v.watched {
		if w.promised.After(covered) {
			return nil
		}
	}
	v.limit.lease, v.limit.lowering = need, true
	return []VoterAction{LowerCeiling{Lease: need}}
}

func (v *Voter) lowered() []VoterAction {
	v.limit.lowering = false
	return v.raise(v.needed())
}
