// Package electorate decides who votes: a pure function from the members, as the leader sees them, to the one change
// of Raft's configuration that is due next.
//
// hashicorp/raft-autopilot does the same and is not used: it knows nothing of the pause that the lease needs between two
// changes, of witnesses and of members that an operator wants to vote, and where no learner can take a dead
// voter's place it removes the voter, until few deaths later one node is a majority of its own.
package electorate

import (
	"cmp"
	"slices"

	"vipd/cluster/state"
)

// Most is how many members vote at most unless told otherwise. More would make commits slower and nothing safer.
const Most = 5

// Member is a member of the cluster as its leader sees it.
type Member struct {
	Name  string
	Votes bool       // by Raft's newest configuration
	Role  state.Role // that an operator wants it to have; state.Auto: none in particular
	Leads bool
	Live  bool // it has an epoch
	// Fit says that it is live, has been so for long enough to be counted on, and has caught up.
	Fit bool
	// Dead says that it has been without an epoch for so long that another should vote in its place.
	Dead bool
}

// pinned reports whether an operator said that it votes.
func (m Member) pinned() bool { return m.Role == state.Voter || m.Role == state.Witness }

// Change is what to do. At most one of the names is set; none: nothing is to be done.
type Change struct {
	Promote string // makes a learner a voter
	Demote  string // makes a voter a learner
	// StepAside says that the leader would have to be demoted, so that another has to lead first.
	StepAside bool
	Why       string
}

// Wanted returns how many of n members that may vote should: an odd number, since an even one survives no more failures
// than the odd one below it. Two is the exception: each then has all that was acknowledged. limit is the
// number that an operator wants; 0: the usual one.
func Wanted(n, limit int) int {
	if limit == 0 {
		limit = Most
	}
	n = min(n, limit)
	if n <= 2 {
		return n
	}
	return n - (n+1)%2
}

// SafeWithout reports whether the voters that are live without one of them are a majority of the rest. If not,
// a configuration without it could never be committed, and neither could anything after it.
func SafeWithout(members []Member, name string) bool {
	rest, live := 0, 0
	for _, m := range members {
		if !m.Votes || m.Name == name {
			continue
		}
		rest++
		if m.Live {
			live++
		}
	}
	return rest > 0 && live > rest/2
}

// Next returns the change that is due. Order matters: a seat is filled before another is given up, so that what was
// committed is never on fewer disks than it has to be.
func Next(members []Member, limit int) Change {
	members = slices.SortedFunc(slices.Values(members), func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	able, votes := 0, 0
	for _, m := range members {
		if m.Role != state.Learner {
			able++
		}
		if m.Votes {
			votes++
		}
	}
	wanted := Wanted(able, limit)
	for _, m := range members {
		if m.Votes && m.Role == state.Learner && SafeWithout(members, m.Name) {
			return demote(m, "it should not vote")
		}
	}
	fit := candidate(members)
	switch {
	case fit.Name != "" && fit.pinned():
		return Change{Promote: fit.Name, Why: "it should vote"}
	case fit.Name != "" && votes < wanted:
		return Change{Promote: fit.Name, Why: "another voter is wanted"}
	case fit.Name != "" && votes == wanted && slices.ContainsFunc(members, replaceable):
		return Change{Promote: fit.Name, Why: "a voter is dead"}
	case votes > wanted:
		return surplus(members)
	}
	return Change{}
}

// candidate returns the learner to be promoted first: one that an operator wants to vote, else by name.
func candidate(members []Member) Member {
	var found Member
	for _, m := range members {
		if m.Votes || !m.Fit || m.Role == state.Learner {
			continue
		}
		if found.Name == "" || m.pinned() && !found.pinned() {
			found = m
		}
	}
	return found
}

func replaceable(m Member) bool { return m.Votes && m.Dead && !m.pinned() }

// surplus returns which voter to demote of too many: one without an epoch, else the last by name, the leader last of all.
func surplus(members []Member) Change {
	var found *Member
	rank := func(m Member) int {
		switch {
		case !m.Live:
			return 0
		case !m.Leads:
			return 1
		}
		return 2
	}
	for i, m := range members {
		if !m.Votes || m.pinned() || !SafeWithout(members, m.Name) {
			continue
		}
		if found == nil || rank(m) <= rank(*found) {
			found = &members[i]
		}
	}
	if found == nil {
		return Change{}
	}
	return demote(*found, "enough others vote")
}

func demote(m Member, why string) Change {
	if m.Leads {
		return Change{StepAside: true, Why: why}
	}
	return Change{Demote: m.Name, Why: why}
}
