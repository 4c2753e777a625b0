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

// ears knows whom this node hears: voters, which answer its renewals, and if it votes itself all members, which renew
// with it. Who is dead is not missed.
type ears struct {
	self string

	mu     sync.Mutex
	last   map[string]lease.Instant // when something came from each
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
	since := now.Sub(e.looked)
	if since < view.Profile.Renew/2 { // what all send arrives at about the same time
		return false
	}
	e.looked = now
	limit := max(deafAfter*view.Profile.Renew, leastDeaf)
	asleep := since > limit // and heard nobody
	var deaf []string
	for _, name := range e.missed(view) {
		if _, ever := e.last[name]; !ever || asleep {
			e.last[name] = now
		}
		if now.Sub(e.last[name]) > limit {
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
	r.mu.Lock()
	h := electorate.Hearing{}
	for node, a := range r.accounts {
		if bootNow().Sub(a.at) < deafAfter*beatEach {
			h[node] = a.Deaf
		}
	}
	r.mu.Unlock()
	return h.Among(view.LiveEpochs())
}

// makeWay passes the leadership on while another voter hears more members and is heard by more: what is assigned to one
// that the leader does not reach, nobody holds. It asks each voter for it once in a while, as that one may not be able to.
func (m *member) makeWay(ctx context.Context) error {
	asked := map[string]lease.Instant{}
	lookRound(ctx, m.hearingChanged, func() time.Duration {
		if !m.raft.Leads() {
			return untilBeat()
		}
		now := bootNow()
		maps.DeleteFunc(asked, func(_ string, at lease.Instant) bool { return now.Sub(at) > askAgain })
		view := m.View()
		candidates := slices.DeleteFunc(slices.Clone(view.Voters.Names), func(name string) bool {
			_, before := asked[name]
			return before
		})
		hearing := m.reporter.hearing(view)
		if better := hearing.Leader(m.self.node, candidates); better != "" {
			m.log.Warn("passing the leadership to a node that more members hear", "to", better, "gaps", hearing.Gaps())
			asked[better] = now
			m.sendCampaign(better)
			kick(m.elector.gaveUp)
		}
		return untilBeat()
	})
	return nil
}

// deafnessWarnings say who does not hear whom.
func (m *member) deafnessWarnings(view *state.State) (warnings []string) {
	for _, gap := range m.reporter.hearing(view).Gaps() {
		warnings = append(warnings, "what "+gap.From+" sends does not reach "+gap.To+": look at the network between them, in that direction")
	}
	return warnings
}
