package cluster

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"vipd/cluster/electorate"
	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/cluster/wire"
)

const (
	// deafAfter is how many renewals in a row a node has to miss before it says that it does not hear somebody, and
	// leastDeaf the shortest time for that: with a short lease a busy host is not called deaf.
	deafAfter = 3
	leastDeaf = 250 * time.Millisecond
	// askAgain is after how long a voter is asked once more to lead.
	askAgain = 5 * time.Second
)

// deafLimit is for how long nothing comes from somebody who is not heard.
func deafLimit(view *state.State) time.Duration { return max(deafAfter*view.Profile.Renew, leastDeaf) }

// ears knows whom this node hears: voters, which answer its renewals, and if it votes itself all members, which renew
// with it. Who is dead is not missed.
type ears struct {
	self string

	mu     sync.Mutex
	last   map[string]lease.Instant // when something came from each
	since  map[string]lease.Instant // since when each of those that live is listened for
	looked lease.Instant
	deaf   []string // to whom, sorted
}

// take notes from whom something came, and reports whether it became known that others are heard than before.
func (e *ears) take(view *state.State, now lease.Instant, messages []wire.Message) (changed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last == nil {
		e.last = map[string]lease.Instant{}
	}
	for _, m := range messages {
		e.last[sender(m)] = now
	}
	limit := deafLimit(view)
	gap := now.Sub(e.looked)
	if gap < limit/(2*deafAfter) { // often enough, however short the renewals' interval
		return false
	}
	e.looked = now
	before := e.since
	if gap > limit { // and heard nobody
		before = nil
	}
	e.since = map[string]lease.Instant{}
	var deaf []string
	for _, name := range e.missed(view) {
		since, known := before[name]
		if !known {
			since = now
		}
		e.since[name] = since
		if now.Sub(max(since, e.last[name])) > limit {
			deaf = append(deaf, name)
		}
	}
	changed = !slices.Equal(deaf, e.deaf)
	e.deaf = deaf
	return changed
}

// missed are those that this node should hear, sorted.
func (e *ears) missed(view *state.State) []string {
	votes := slices.Contains(view.Voters.Names, e.self)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(view.LiveEpochs())) {
		// With a restart-hold it may be starting just now.
		if name != e.self && view.Nodes[name].LongLease == 0 && (votes || slices.Contains(view.Voters.Names, name)) {
			names = append(names, name)
		}
	}
	return names
}

// unheard are those that this node does not hear.
func (e *ears) unheard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.deaf
}

// sender is who sent a datagram of the lease; empty: it does not say.
func sender(m wire.Message) string {
	switch m := m.(type) {
	case lease.Renewal:
		return m.Member
	case lease.Grant:
		return m.Voter
	case lease.Refusal:
		return m.Voter
	case lease.Withdrawal:
		return m.Voter
	case wire.Report:
		return m.Node
	}
	return ""
}

// hearing is what live members say of whom they hear.
func (r *reporter) hearing(view *state.State) electorate.Hearing {
	now := bootNow()
	r.mu.Lock()
	h := electorate.Hearing{}
	for node, a := range r.accounts {
		if now.Sub(a.at) < deafAfter*beatEach {
			h[node] = a.Deaf
		}
	}
	r.mu.Unlock()
	return h.Among(view.LiveEpochs())
}

// makeWay passes the leadership on while another voter hears more members and is heard by more: what is assigned to one
// that the leader does not reach, nobody holds.
func (m *member) makeWay(ctx context.Context) error {
	y := yielding{self: m.self.node, asked: map[string]lease.Instant{}}
	lookRound(ctx, m.hearingChanged, func() time.Duration {
		if !m.raft.Leads() {
			y.since = 0
			return untilBeat()
		}
		view := m.View()
		hearing := m.reporter.hearing(view)
		to, wait := y.look(bootNow(), view, hearing)
		if to != "" {
			m.log.Warn("passing the leadership to a node that more members hear", "to", to, "gaps", hearing.Gaps())
			m.passTo(to)
		}
		return wait
	})
	return nil
}

// yielding decides when a leader makes way. It waits for what others say of the same: somebody who dies is missed by some
// before the rest. And it asks each voter only once in a while, as that one may not be able to lead.
type yielding struct {
	self  string
	since lease.Instant            // since when another would be better; 0: none is
	asked map[string]lease.Instant // who was asked to lead, and when
}

// look returns who is to be asked to lead now, or "", and when to look again.
func (y *yielding) look(now lease.Instant, view *state.State, hearing electorate.Hearing) (to string, wait time.Duration) {
	maps.DeleteFunc(y.asked, func(_ string, at lease.Instant) bool { return now.Sub(at) > askAgain })
	candidates := slices.DeleteFunc(slices.Clone(view.Voters.Names), func(name string) bool {
		_, before := y.asked[name]
		return before
	})
	better := hearing.Leader(y.self, candidates)
	if better == "" {
		y.since = 0
		return "", untilBeat()
	}
	if y.since == 0 {
		y.since = now
	}
	if left := deafLimit(view) - now.Sub(y.since); left > 0 {
		return "", left
	}
	y.asked[better] = now
	return better, untilBeat()
}

// deafnessWarnings say who does not hear whom.
func (m *member) deafnessWarnings(view *state.State) (warnings []string) {
	for _, gap := range m.reporter.hearing(view).Gaps() {
		warnings = append(warnings, "what "+gap.From+" sends does not reach "+gap.To+": look at the network between them, in that direction")
	}
	return warnings
}
