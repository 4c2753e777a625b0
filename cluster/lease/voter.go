package lease

import (
	"maps"
	"slices"
	"time"
)

// Memory is what a voter must remember across restarts.
type Memory struct {
	// Withdrawn is the newest epoch of each member that this voter withdrew. Epochs are handed out in
	// order and a member has one at a time, so the newest stands for all older ones.
	Withdrawn map[string]uint64
	// Ceiling is the longest lease that this voter grants, or has granted where the promise may not have lapsed.
	Ceiling time.Duration
}

// Voter is the voter's side: it grants, promises, and withdraws what is no longer renewed.
type Voter struct {
	self   string
	timing Timing

	// started and notBefore hold back withdrawals of every member: see waitFrom.
	started   Instant
	notBefore Instant
	forgiven  Instant       // when notBefore was last moved
	inherited time.Duration // the ceiling at the start
	limit     ceiling

	ready      bool
	voting     bool               // a voter by the committed configuration
	configured uint64             // index of the newest voter configuration in its own log
	committed  uint64             // index of the newest committed one
	able       Instant            // since when it has been ready and voting, and so could have been renewed with
	voters     []string           // of the newest committed configuration
	heard      map[string]Instant // when each node was last heard of
	apart      Instant            // when it last saw that it was out of touch; 0: never

	live      map[string]uint64
	watched   map[string]*watch
	withdrawn map[string]uint64 // durable
}

// watch is what a voter knows of a member.
type watch struct {
	epoch uint64  // the newest one seen live
	since Instant // when it was first seen live
	seq   uint64  // of the newest granted renewal of epoch
	// promised is when the promise ends. It is the member's, not the epoch's: whatever epoch a renewal
	// was for, its sender may hold until then.
	promised    Instant
	withdrawing bool    // PersistWithdrawal of epoch is under way
	announce    Instant // when the next announcement is due, once epoch is withdrawn
	look        Instant // when to look again whether this voter is in touch, if it was not
}

// NewVoter returns a voter whose process started at started and who remembers memory. It knows neither
// the state nor the timing yet, and until it does it neither grants nor withdraws.
func NewVoter(self string, started Instant, memory Memory) *Voter {
	withdrawn := maps.Clone(memory.Withdrawn)
	if withdrawn == nil {
		withdrawn = map[string]uint64{}
	}
	return &Voter{
		self:      self,
		started:   started,
		inherited: memory.Ceiling,
		limit:     ceiling{lease: memory.Ceiling},
		watched:   map[string]*watch{},
		heard:     map[string]Instant{},
		withdrawn: withdrawn,
	}
}

// Deadline returns when a Tick is due next, and false when there is nothing to wait for.
func (v *Voter) Deadline() (Instant, bool) {
	var at Instant
	found := false
	for member := range v.live {
		if due, ok := v.due(member); ok && (!found || due.Before(at)) {
			at, found = due, true
		}
	}
	return at, found
}

// Step tells the voter what happened at now, which never goes back, and returns what to do, in order.
func (v *Voter) Step(now Instant, ev VoterEvent) []VoterAction {
	v.forgive(now)
	actions := v.handle(now, ev)
	for _, member := range v.overdue(now) {
		if action := v.act(now, member); action != nil {
			actions = append(actions, action)
		}
	}
	return append(actions, v.lower(now)...)
}

// overdue returns the members about whom something has to be done now, in the order of their names.
func (v *Voter) overdue(now Instant) []string {
	var members []string
	for member := range v.live {
		if due, ok := v.due(member); ok && !now.Before(due) {
			members = append(members, member)
		}
	}
	slices.Sort(members)
	return members
}

// forgive gives the members one more interval when this voter itself was late, for it may have been deaf:
// their renewals can still be waiting in its socket. A withdrawal is for ever, so haste is costly. It does
// so at most once in a promise: a machine that is always late must not keep the dead in office.
func (v *Voter) forgive(now Instant) {
	due, ok := v.Deadline()
	if !ok || now.Sub(due) <= v.timing.Renew || now.Before(v.forgiven.Add(v.timing.Promise())) {
		return
	}
	v.forgiven = now
	v.notBefore = now.Add(v.timing.Renew)
}

func (v *Voter) handle(now Instant, ev VoterEvent) []VoterAction {
	switch ev := ev.(type) {
	case Tick:
	case Slept:
		// As if it had just been started: what it promised before may last for as long as the longest lease from now.
		v.started, v.inherited = now, v.limit.lease
	case Retimed:
		v.timing = ev.Timing
		return v.raise(v.needed())
	case Counted:
		v.limit.counted = ev.Longest
		return v.raise(v.needed())
	case LogConfigured:
		v.configured = max(v.committed, ev.Index)
	case VotersCommitted:
		v.commit(now, ev)
	case StateApplied:
		v.apply(now, ev.Live)
	case Ready:
		v.enable(now, true, v.voting)
	case Renewed:
		v.heard[ev.Renewal.Member] = now
		return v.renewed(now, ev.Renewal)
	case Heard:
		v.heard[ev.Node] = now
	case Persisted:
		v.persisted(now, ev)
	case CeilingPersisted:
		return v.raised(now, ev.Lease)
	case CeilingLowered:
		return v.lowered()
	}
	return nil
}

// commit notes whether this node votes. Members renew with the voters of the newest committed
// configuration only, so a learner, or a voter that is not committed yet, hears nothing and may conclude
// nothing from that.
func (v *Voter) commit(now Instant, ev VotersCommitted) {
	if ev.Index <= v.committed {
		return
	}
	v.committed = ev.Index
	v.configured = max(v.configured, ev.Index)
	v.voters = ev.Names
	v.enable(now, v.ready, slices.Contains(ev.Names, v.self))
}

func (v *Voter) enable(now Instant, ready, voting bool) {
	if ready && voting && !(v.ready && v.voting) {
		v.able = now
	}
	v.ready, v.voting = ready, voting
}

// apply takes over which epochs are live. A promise outlives its epoch.
func (v *Voter) apply(now Instant, live map[string]uint64) {
	v.live = live
	for member, epoch := range live {
		w := v.watched[member]
		if w == nil {
			w = &watch{}
			v.watched[member] = w
		}
		if w.epoch != epoch {
			*w = watch{epoch: epoch, since: now, promised: w.promised, announce: now}
		}
	}
	maps.DeleteFunc(v.watched, func(member string, w *watch) bool {
		return live[member] == 0 && !now.Before(w.promised)
	})
}

func (v *Voter) persisted(now Instant, p Persisted) {
	v.withdrawn[p.Member] = max(v.withdrawn[p.Member], p.Epoch)
	if w := v.watched[p.Member]; w != nil && w.epoch == p.Epoch {
		w.withdrawing, w.announce = false, now
	}
}

// due returns when the next thing has to be done about a live member: to withdraw it or to repeat that it
// is withdrawn.
func (v *Voter) due(member string) (Instant, bool) {
	w, epoch := v.watched[member], v.live[member]
	switch {
	case w == nil || epoch == 0 || !v.ready || !v.voting || v.timing.Lease == 0 || w.withdrawing:
		return 0, false
	case v.withdrawn[member] >= epoch:
		return w.announce, true
	}
	return max(w.promised, v.waitFrom(w), w.look), true
}

// inTouch reports whether a majority of the voters, this one included, was heard of lately. A voter that is
// cut off hears nobody and would withdraw everybody. That could not make anyone dead, but it would last
// when the cable is mended: members would be left with one voter less until they get another epoch.
func (v *Voter) inTouch(now Instant) bool {
	n := 0
	for _, voter := range v.voters {
		at, ever := v.heard[voter]
		if voter == v.self || ever && now.Sub(at) < v.timing.Promise()/2 {
			n++
		}
	}
	return n >= majority(len(v.voters))
}

// waitFrom returns the earliest time to withdraw a member that never renewed. It is the latest of
//   - the end of whatever this voter may have promised before it restarted;
//   - a full promise after it first saw the epoch live, and after it could first have been renewed with:
//     before that, silence is no sign;
//   - the end of the interval that forgive gives.
func (v *Voter) waitFrom(w *watch) Instant {
	restart := v.started
	if v.inherited > 0 {
		restart = restart.Add(promise(v.inherited, v.timing.Margin))
	}
	heard := max(w.since, v.able).Add(v.timing.Promise())
	return max(restart, heard, v.notBefore)
}

// act withdraws a member or repeats that it is withdrawn. The withdrawal is durable before anyone hears of
// it: otherwise a restart could forget it and grant the epoch again, after others took over.
func (v *Voter) act(now Instant, member string) VoterAction {
	w := v.watched[member]
	if v.withdrawn[member] < w.epoch {
		if !v.inTouch(now) {
			v.apart = now
			w.look = now.Add(v.timing.Renew/2 + 1)
			return nil
		}
		// When the cable is mended one voter is the first to be heard of; all others get their turn to renew.
		if again := v.apart.Add(2 * v.timing.Renew); v.apart != 0 && now.Before(again) {
			w.look = again
			return nil
		}
		w.withdrawing = true
		return PersistWithdrawal{Member: member, Epoch: w.epoch}
	}
	w.announce = now.Add(v.timing.Renew)
	return Announce{Withdrawal: Withdrawal{Member: member, Epoch: w.epoch, Voter: v.self}}
}
