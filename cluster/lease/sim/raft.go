package sim

import (
	"slices"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// entry is one entry of the log: a command, a voter configuration, or nothing (a new leader's first).
type entry struct {
	term   uint64
	cmd    *state.Command
	voters []string
}

type role int

const (
	follower role = iota
	candidate
	leader
)

// raft is an abstract but honest Raft: what it acknowledges is durable first, votes and entries are counted
// by the newest configuration in the log, and uncommitted ends are overwritten. All nodes of the simulation
// get the log, voters or not.
type raft struct {
	term   uint64
	voted  string
	log    []entry // log[0] has index 1
	commit uint64
	role   role
	leader string

	heard     lease.Instant // when a leader was last heard of, or a vote given
	patience  time.Duration
	voteGiven lease.Instant // when it last voted for another
	votes     map[string]bool
	next      map[string]uint64
	match     map[string]uint64
	first     uint64 // index of this leader's first entry
}

func (r *raft) last() uint64 { return uint64(len(r.log)) }

func (r *raft) termAt(index uint64) uint64 {
	if index == 0 || index > r.last() {
		return 0
	}
	return r.log[index-1].term
}

// config returns the newest voter configuration in the log and its index.
func (r *raft) config() (uint64, []string) {
	for i := len(r.log) - 1; i >= 0; i-- {
		if r.log[i].voters != nil {
			return uint64(i + 1), r.log[i].voters
		}
	}
	return 0, nil
}

func (r *raft) votesHere(name string) bool {
	_, voters := r.config()
	return slices.Contains(voters, name)
}

// follow enters a term that another node leads or asks for.
func (n *node) follow(term uint64, by string) {
	if n.role == leader {
		n.change.Deposed()
	}
	if term > n.term {
		n.term, n.voted = term, ""
		n.leader = ""
	}
	n.role = follower
	if by != "" {
		n.leader = by
	}
}

// campaign stands for election. forced: the voters are asked even though they heard of a leader.
func (n *node) campaign(forced bool) {
	if !n.votesHere(n.name) || n.role == leader {
		return
	}
	n.role, n.leader = candidate, ""
	n.term++
	n.voted = n.name
	n.patience = n.w.between(300*time.Millisecond, 600*time.Millisecond)
	n.heard = n.local()
	n.votes = map[string]bool{}
	if n.w.tracing() {
		n.logf("campaigns for term %d", n.term)
	}
	term, lastIndex := n.term, n.last()
	lastTerm := n.termAt(lastIndex)
	n.persist(func() {
		if n.term != term || n.role != candidate {
			return
		}
		n.counted(n.name, term)
		for _, peer := range n.w.names {
			if peer != n.name {
				n.w.net.send(n.name, peer, "vote?", func(dst *node) {
					dst.askedToVote(n.name, term, lastIndex, lastTerm, forced)
				})
			}
		}
	})
}

// persist writes term and vote, then calls done.
func (n *node) persist(done func()) {
	term, voted := n.term, n.voted
	n.disk.write(func(d *durable) { d.term, d.voted = term, voted }, done)
}

func (n *node) askedToVote(from string, term, lastIndex, lastTerm uint64, forced bool) {
	if !forced && n.leader != "" && n.local().Sub(n.heard) < 250*time.Millisecond {
		return
	}
	if term > n.term {
		n.follow(term, "")
	}
	mine := n.termAt(n.last())
	newer := lastTerm > mine || lastTerm == mine && lastIndex >= n.last()
	if term < n.term || !newer || n.voted != "" && n.voted != from {
		return
	}
	n.voted = from
	n.heard = n.local()
	n.voteGiven = n.heard
	n.persist(func() {
		if n.term == term {
			n.w.net.send(n.name, from, "vote", func(dst *node) { dst.counted(n.name, term) })
		}
	})
}

func (n *node) counted(from string, term uint64) {
	if n.role != candidate || n.term != term {
		return
	}
	n.votes[from] = true
	_, voters := n.config()
	if !majorityOf(voters, func(v string) bool { return n.votes[v] }) {
		return
	}
	n.role, n.leader = leader, n.name
	n.change.Elected(n.local())
	n.next, n.match = map[string]uint64{}, map[string]uint64{}
	for _, peer := range n.w.names {
		n.next[peer] = n.last() + 1
	}
	if n.w.tracing() {
		n.logf("leads term %d", n.term)
	}
	n.first = n.last() + 1
	n.append(entry{})
}

// append adds an entry to the leader's own log and sends it.
func (n *node) append(e entry) uint64 {
	e.term = n.term
	n.log = append(n.log, e)
	n.logChanged(e.voters != nil)
	n.replicate()
	return n.last()
}

// logChanged writes the log down; what the write covers is acknowledged when it is done. The voter learns
// of a configuration before anyone learns that this node has it.
func (n *node) logChanged(configured bool) {
	if configured {
		n.toldConfig()
	}
	log, term, voted := n.log[:len(n.log):len(n.log)], n.term, n.voted
	n.disk.write(func(d *durable) { d.log, d.term, d.voted = log, term, voted }, func() {
		if n.role == leader && n.term == term {
			n.matched(n.name, term, uint64(len(log)))
		} else if n.leader != "" && n.term == term {
			n.w.net.send(n.name, n.leader, "appended", func(dst *node) { dst.matched(n.name, term, uint64(len(log))) })
		}
	})
}

func (n *node) replicate() {
	for _, peer := range n.w.names {
		if peer != n.name {
			n.sendLog(peer)
		}
	}
}

func (n *node) sendLog(peer string) {
	prev := n.next[peer] - 1
	term, prevTerm, commit := n.term, n.termAt(prev), n.commit
	entries := n.log[prev:len(n.log):len(n.log)]
	n.w.net.send(n.name, peer, "append", func(dst *node) {
		dst.appended(n.name, term, prev, prevTerm, entries, commit)
	})
}

func (n *node) appended(from string, term, prev, prevTerm uint64, entries []entry, commit uint64) {
	if term < n.term {
		return
	}
	n.follow(term, from)
	n.heard = n.local()
	if prev > n.last() || n.termAt(prev) != prevTerm {
		have := min(n.last(), prev-1)
		n.w.net.send(n.name, from, "behind", func(dst *node) { dst.behind(n.name, term, have) })
		return
	}
	n.take(prev, entries)
	if covered := min(commit, prev+uint64(len(entries))); covered > n.commit {
		n.commit = covered
		n.applySoon()
	}
}

// take puts entries after prev, cutting off what contradicts them.
func (n *node) take(prev uint64, entries []entry) {
	i := 0
	for i < len(entries) && n.termAt(prev+1+uint64(i)) == entries[i].term {
		i++
	}
	if i == len(entries) {
		if len(entries) == 0 && n.last() > prev {
			return // an old heartbeat says nothing about what follows
		}
		// All there already, but perhaps not written yet: acknowledge after whatever is being written.
		term, to, upTo := n.term, n.leader, prev+uint64(len(entries))
		n.disk.write(func(*durable) {}, func() {
			if n.term == term {
				n.w.net.send(n.name, to, "appended", func(dst *node) { dst.matched(n.name, term, upTo) })
			}
		})
		return
	}
	keep := prev + uint64(i)
	n.atStart = min(n.atStart, keep) // what is overwritten will never be applied
	n.log = append(n.log[:keep:keep], entries[i:]...)
	n.logChanged(true)
}

func (n *node) behind(from string, term, have uint64) {
	if n.role == leader && n.term == term && have+1 < n.next[from] {
		n.next[from] = max(have+1, n.match[from]+1)
		n.sendLog(from)
	}
}

func (n *node) matched(from string, term, index uint64) {
	if n.role != leader || n.term != term || index <= n.match[from] {
		return
	}
	n.match[from] = index
	n.next[from] = max(n.next[from], index+1)
	_, voters := n.config()
	for at := n.last(); at > n.commit && n.termAt(at) == n.term; at-- {
		if majorityOf(voters, func(v string) bool { return n.match[v] >= at }) {
			n.commit = at
			n.applySoon()
			return
		}
	}
}

func majorityOf(names []string, has func(string) bool) bool {
	count := 0
	for _, name := range names {
		if has(name) {
			count++
		}
	}
	return count >= len(names)/2+1
}
