package state

import (
	"fmt"
	"slices"
	"time"
)

func (c *change) setRole(r SetRole) error {
	n := c.Nodes[r.Node]
	if n == nil {
		return fmt.Errorf("role of %s: %w", r.Node, ErrUnknownNode)
	}
	next := *n
	switch next.Witness = r.Role == Witness; r.Role {
	case Witness, Auto:
		next.Wanted = Auto
	case Voter, Learner:
		next.Wanted = r.Role
	default:
		return fmt.Errorf("%w role %q", ErrInvalid, r.Role)
	}
	if next.Wanted != n.Wanted || next.Witness != n.Witness {
		c.record(Event{Kind: Assigned, Node: r.Node, Reason: string(r.Role)})
	}
	c.setNode(next)
	return nil
}

// limits are the numbers of voters that can be asked for; 0 leaves it to the cluster.
var limits = []int{0, 1, 3, 5}

const maxReplaceAfter = 24 * time.Hour

// Validate says what is wrong with it, if anything is.
func (v Voting) Validate() error {
	switch {
	case !slices.Contains(limits, v.Limit):
		return fmt.Errorf("%w number of voters %d: it is 1, 3 or 5, since an even one survives no more failures than the odd one below it", ErrInvalid, v.Limit)
	case v.ReplaceAfter < 0 || v.ReplaceAfter > maxReplaceAfter:
		return fmt.Errorf("%w time %v before a voter is replaced: it is at most %v", ErrInvalid, v.ReplaceAfter, maxReplaceAfter)
	}
	return nil
}

func (c *change) setVoting(v SetVoting) error {
	if err := v.Voting.Validate(); err != nil {
		return err
	}
	c.limit(v.Voting)
	return nil
}

// limit takes in a valid number of voters.
func (c *change) limit(v Voting) {
	if v != c.Voting {
		c.record(Event{Kind: Limited, Reason: fmt.Sprintf("limit %d (0: none), replaced after %v", v.Limit, v.Patience())})
	}
	c.Voting = v
}
