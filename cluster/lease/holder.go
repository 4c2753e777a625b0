package lease

import (
	"maps"
	"slices"
	"time"
)

// Holder is the member's side: it renews with every voter and knows until when it may hold.
type Holder struct {
	member string
	timing Timing
	voters VotersCommitted

	epoch    uint64 // that it renews; 0: none
	newest   uint64 // the newest epoch it ever had
	resigned bool

	sent     outstanding
	ends     map[string]Instant // by voter: the end of the newest renewal it granted
	refusals map[string]RefusalReason

	held   uint64  // the epoch whose lease it has; 0: none
	until  Instant // while held: the end of the lease
	floor  Instant // the end of the lease as counted by earlier voters
	next   Instant // when the next renewal is due
	sentAt Instant // when the newest renewal was sent; 0: there is none of this epoch
	giveUp Instant // when it gives the epoch up if it got no lease until then; 0: it has not renewed yet
	spent  bool    // it gave the epoch up
}

// NewHolder returns the holder of a member that has no epoch yet.
func NewHolder(member string) *Holder {
	return &Holder{member: member, ends: map[string]Instant{}, refusals: map[string]RefusalReason{}}
}

// Valid reports whether the member may hold at now.
func (h *Holder) Valid(now Instant) bool { return h.held != 0 && now.Before(h.until) }

// Until returns the end of the lease, exclusive; 0 when there is none.
func (h *Holder) Until() Instant {
	if h.held == 0 {
		return 0
	}
	return h.until
}

// Epoch returns the epoch that the holder renews; 0 when there is none.
func (h *Holder) Epoch() uint64 { return h.epoch }

// Refusals returns why voters refused, of those whose newest answer was a refusal.
func (h *Holder) Refusals() map[string]RefusalReason { return maps.Clone(h.refusals) }

// Deadline returns when a Tick is due next, and false when there is nothing to wait for.
func (h *Holder) Deadline() (Instant, bool) {
	switch renewing := h.renewing(); {
	case renewing && h.held != 0:
		return min(h.due(), h.until), true
	case renewing && h.giveUp != 0:
		return min(h.due(), h.giveUp), true
	case renewing:
		return h.due(), true
	default:
		return h.until, h.held != 0
	}
}

// Step tells the holder what happened at now, which never goes back, and returns what to do, in order.
func (h *Holder) Step(now Instant, ev HolderEvent) []HolderAction {
	// A lease that ended is over even if this very event would have extended it: the gate has been shut.
	actions := h.settle(now)
	h.handle(now, ev)
	actions = append(actions, h.settle(now)...)
	if h.renewing() && !now.Before(h.due()) {
		actions = append(actions, h.renew(now)...)
	}
	return actions
}

func (h *Holder) handle(now Instant, ev HolderEvent) {
	switch ev := ev.(type) {
	case Tick:
	case Slept:
		h.sleep(now)
	case Retimed:
		h.retime(now, ev.Timing)
	case VotersCommitted:
		h.count(ev)
	case Registered:
		h.register(now, ev)
	case Granted:
		h.grant(ev.Grant)
	case Refused:
		h.refuse(ev.Refusal)
	case Dead:
		if ev.Epoch == h.epoch {
			h.forget(0)
		}
	case Accompany:
		if half := h.timing.Renew / 2; !now.Before(h.next.Add(-half)) {
			h.next = min(h.next, now)
		}
	case Resign:
		// What was granted stays good until its end; grants still under way add nothing to it.
		h.resigned = true
	}
}

func (h *Holder) renewing() bool {
	return h.epoch != 0 && !h.resigned && !h.spent && h.timing.Renew > 0 && len(h.voters.Names) > 0
}

// minRetry spaces renewals that nobody answers, however little is left.
const minRetry = 2 * time.Millisecond

// due is when the next renewal is: after an interval, or sooner while no majority has answered the last: after half an
// interval, or a quarter of what was left of the lease. So a lost datagram costs little, intervals can be long, and a
// short lease outlives the moment in which voters get ready for a longer one.
func (h *Holder) due() Instant {
	if h.sentAt == 0 || !h.end().Before(h.sentAt.Add(h.timing.Lease)) {
		return h.next
	}
	wait := h.timing.Renew / 2
	if h.held != 0 {
		wait = min(wait, max(h.until.Sub(h.sentAt)/4, minRetry))
	}
	return min(h.next, h.sentAt.Add(wait))
}

// register starts over with a new epoch. Grants belong to the epoch they were asked for, so nothing of an
// earlier one is kept; and an epoch that is not newer is a late report.
func (h *Holder) register(now Instant, ev Registered) {
	if ev.Epoch <= h.newest {
		return
	}
	h.newest = ev.Epoch
	h.forget(ev.Epoch)
	h.next = now
	if ev.Until != 0 {
		h.floor = ev.Until
		// Voters want newer numbers than those of the process before, which began lower and took one in
		// each interval, an interval being many nanoseconds.
		h.sent.first = uint64(max(now, 1))
	}
}

func (h *Holder) forget(epoch uint64) {
	h.epoch = epoch
	h.spent, h.giveUp, h.sentAt = false, 0, 0
	clear(h.refusals)
	h.forfeit()
}

// forfeit drops everything that the lease is counted from.
func (h *Holder) forfeit() {
	h.sent, h.floor = outstanding{}, 0
	clear(h.ends)
}

// sleep ends the lease, and with it the epoch, even if it has none yet: grants that were under way are worthless.
func (h *Holder) sleep(now Instant) {
	h.forfeit()
	if h.giveUp != 0 {
		h.giveUp = now
	}
}

// retime makes a shorter interval count at once, and never makes the next renewal later.
func (h *Holder) retime(now Instant, t Timing) {
	h.timing = t
	h.next = min(h.next, now.Add(t.Renew))
}

// count changes what the lease is counted by. Old grants go on counting by the new configuration: a grant
// is a promise whichever configuration the renewal named, and those who may grant a renewal that names an
// old one are only fewer. What the old configuration gave stays until its end, for which the leader waits
// before it changes the voters again. Configurations never go back: they were committed.
func (h *Holder) count(v VotersCommitted) {
	if v.Index <= h.voters.Index {
		return
	}
	if h.held != 0 {
		h.floor = h.until
	}
	h.voters = VotersCommitted{Index: v.Index, Names: slices.Clone(v.Names)}
	gone := func(voter string) bool { return !slices.Contains(v.Names, voter) }
	maps.DeleteFunc(h.ends, func(voter string, _ Instant) bool { return gone(voter) })
	maps.DeleteFunc(h.refusals, func(voter string, _ RefusalReason) bool { return gone(voter) })
}

// grant counts from when the renewal was sent, never from when the grant arrived: the voter's promise
// began in between, and only what lies before it is certain to be covered.
func (h *Holder) grant(g Grant) {
	if h.resigned || g.Member != h.member || g.Epoch != h.epoch || !slices.Contains(h.voters.Names, g.Voter) {
		return
	}
	end, ok := h.sent.end(g.Seq)
	if !ok {
		return
	}
	delete(h.refusals, g.Voter)
	if old, ok := h.ends[g.Voter]; !ok || end.After(old) {
		h.ends[g.Voter] = end
	}
}

func (h *Holder) refuse(r Refusal) {
	if r.Member == h.member && r.Epoch == h.epoch && h.epoch != 0 && slices.Contains(h.voters.Names, r.Voter) {
		h.refusals[r.Voter] = r.Reason
	}
}

// settle compares the lease with what it is counted from, and reports the difference.
func (h *Holder) settle(now Instant) []HolderAction {
	end := h.end()
	switch valid := now.Before(end); {
	case !valid && h.held != 0:
		lapse := Lapse{Epoch: h.held}
		h.held = 0
		return append([]HolderAction{lapse}, h.abandon(lapse.Epoch)...)
	case !valid && h.held == 0:
		if h.renewing() && h.giveUp != 0 && !now.Before(h.giveUp) {
			return h.abandon(h.epoch)
		}
		return nil
	case h.held != 0 && end == h.until:
		return nil
	}
	h.held, h.until = h.epoch, end
	return []HolderAction{Extend{Until: end}}
}

// abandon gives up an epoch that lost its lease or never got one. It might come back, if few voters
// withdrew. But those who did so never grant it again, and those who did not may be too few for a lease
// and yet enough to keep it from being declared dead, for as long as it renews with them: nobody could
// hold what is assigned to it. A new epoch has all voters again.
func (h *Holder) abandon(epoch uint64) []HolderAction {
	if epoch != h.epoch || h.resigned {
		return nil
	}
	h.spent = true
	h.forfeit()
	return []HolderAction{GiveUp{Epoch: epoch}}
}

// end returns the latest instant until which a majority of the voters granted.
func (h *Holder) end() Instant {
	k := majority(len(h.voters.Names))
	if len(h.ends) < k {
		return h.floor
	}
	ends := make([]Instant, 0, 16)
	for _, end := range h.ends {
		ends = append(ends, end)
	}
	slices.Sort(ends)
	return max(h.floor, ends[len(ends)-k])
}

func (h *Holder) renew(now Instant) []HolderAction {
	// Not h.next plus an interval: after a pause one renewal does what the missed ones would have done.
	h.next, h.sentAt = now.Add(h.timing.Renew), now
	if h.giveUp == 0 {
		// Twice, since a voter may have to apply the register and write down its ceiling first.
		h.giveUp = now.Add(2 * h.timing.Promise())
	}
	r := Renewal{
		Member: h.member,
		Epoch:  h.epoch,
		Seq:    h.sent.add(now, h.timing.Lease),
		Lease:  h.timing.Lease,
		Voters: h.voters.Index,
	}
	actions := make([]HolderAction, len(h.voters.Names))
	for i, voter := range h.voters.Names {
		actions[i] = SendRenewal{To: voter, Renewal: r}
	}
	return actions
}

func majority(voters int) int { return voters/2 + 1 }

// maxOutstanding bounds the renewals whose answers are awaited; with the shortest interval, a millisecond,
// that is a round trip of four seconds.
const maxOutstanding = 4096

// outstanding are the renewals that a grant could still make something of, oldest first. Their sequence
// numbers have no gaps: the first is that of ends[0], and the next is first + len(ends).
type outstanding struct {
	first uint64
	ends  []Instant
}

// add records a renewal sent at now and returns its sequence number; the first is 1.
func (o *outstanding) add(now Instant, lease time.Duration) uint64 {
	if len(o.ends) == 0 {
		o.first = max(o.first, 1)
	}
	for len(o.ends) > 0 && (!now.Before(o.ends[0]) || len(o.ends) >= maxOutstanding) {
		o.ends = o.ends[1:]
		o.first++
	}
	o.ends = append(o.ends, now.Add(lease))
	return o.first + uint64(len(o.ends)) - 1
}

// end returns when the lease asked for by a renewal ends.
func (o *outstanding) end(seq uint64) (Instant, bool) {
	if seq < o.first || seq-o.first >= uint64(len(o.ends)) {
		return 0, false
	}
	return o.ends[seq-o.first], true
}
