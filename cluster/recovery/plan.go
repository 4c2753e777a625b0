package recovery

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Member is one of the members of the cluster, as the node sees it that is to go on.
type Member struct {
	Name  string
	Votes bool
	// Answers says that it was reached and has the same generation. Then Term and Index are where its log ends, and Leader
	// is who leads by its word.
	Answers     bool
	Term, Index uint64
	Leader      string
	// Unclear is why nothing is known of one that was reached.
	Unclear string
}

// Situation is what is known at a node.
type Situation struct {
	Self    string
	Leased  bool // it has a lease from a majority
	Members []Member
	Lost    []string // by the operator's word these never come back as they were
}

// Plan says what becomes of the members.
type Plan struct {
	Self    string
	Again   []string // they answer, and have to join again
	Dropped []string // they are lost
	// Unconfirmed do not answer, and the operator has not said that they are lost.
	Unconfirmed []string
}

// ErrNothing says that the cluster need not be recovered.
var ErrNothing = errors.New("nothing to recover")

// Make plans to go on from one node. It refuses where the majority is not lost, and what would throw away commands that a
// member that answers has.
func Make(s Situation) (Plan, error) {
	members := slices.Clone(s.Members)
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.Name, b.Name) })
	plan := Plan{Self: s.Self}
	at := slices.IndexFunc(members, func(m Member) bool { return m.Name == s.Self })
	if at < 0 {
		return plan, errors.New("this node is no member by what it knows, so there is nothing here to go on from")
	}
	if err := alive(s, members); err != nil {
		return plan, err
	}
	if err := newest(members[at], members); err != nil {
		return plan, err
	}
	for _, name := range s.Lost {
		i := slices.IndexFunc(members, func(m Member) bool { return m.Name == name })
		switch {
		case name == s.Self:
			return plan, fmt.Errorf("%s is this node: it cannot be lost", name)
		case i < 0:
			return plan, fmt.Errorf("%s is no member", name)
		case members[i].Answers:
			return plan, fmt.Errorf("%s answers, so it is not lost; leave it out of --lost, and let it join again afterwards", name)
		}
	}
	for _, m := range members {
		switch {
		case m.Name == s.Self:
		case m.Answers:
			plan.Again = append(plan.Again, m.Name)
		case slices.Contains(s.Lost, m.Name):
			plan.Dropped = append(plan.Dropped, m.Name)
		default:
			plan.Unconfirmed = append(plan.Unconfirmed, m.Name)
		}
	}
	return plan, nil
}

// alive refuses while there is a majority, or may be one.
func alive(s Situation, members []Member) error {
	if s.Leased {
		return fmt.Errorf("%w: this node has a lease, which takes a majority", ErrNothing)
	}
	var voters, answering []string
	for _, m := range members {
		if m.Answers && m.Leader != "" {
			return fmt.Errorf("%w: %s leads, by the word of %s", ErrNothing, m.Leader, m.Name)
		}
		if m.Unclear != "" {
			return fmt.Errorf("%s answers, and not how new its log is: %s; stop its vipd, or upgrade it, first", m.Name, m.Unclear)
		}
		if m.Votes {
			voters = append(voters, m.Name)
		}
		if m.Votes && m.Answers {
			answering = append(answering, m.Name)
		}
	}
	if 2*len(answering) > len(voters) {
		return fmt.Errorf("%w: %s answer, a majority of the voters %s; `vipctl status` says what they wait for", ErrNothing, strings.Join(answering, ", "), strings.Join(voters, ", "))
	}
	return nil
}

// newest refuses where another member that answers has what this one has not.
func newest(self Member, members []Member) error {
	best := slices.MaxFunc(members, func(a, b Member) int {
		switch {
		case a.Answers != b.Answers && a.Answers:
			return 1
		case a.Answers != b.Answers:
			return -1
		}
		return cmp.Or(cmp.Compare(a.Term, b.Term), cmp.Compare(a.Index, b.Index))
	})
	if cmp.Or(cmp.Compare(best.Term, self.Term), cmp.Compare(best.Index, self.Index)) > 0 {
		return fmt.Errorf("%s has a newer log (it ends with entry %d of term %d, the one here with %d of %d): run `vipctl recover` there, or what was acknowledged would be lost",
			best.Name, best.Index, best.Term, self.Index, self.Term)
	}
	return nil
}
