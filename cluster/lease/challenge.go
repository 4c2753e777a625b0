package lease

// Challenger decides whether a voter stands for election against a leader whose epoch a majority withdrew.
// Its zero value has seen nothing.
//
// Only a leader that led already when the majority came about is to be replaced. One that was elected
// later was elected by a majority that reaches it, and is about to end its own old epoch: to challenge it
// for the same withdrawals would be to challenge every leader in turn, when several nodes lost their epochs
// at once, and none would ever get to end them.
type Challenger struct {
	seen map[string]sighting
}

// sighting is when a majority of withdrawals of a member's epoch was first seen.
type sighting struct{ epoch, term uint64 }

// Stands notes that a majority withdrew a member's epoch, as known in this Raft term, and reports whether
// the member, if it leads this term, is to be challenged. It must be called whether the member leads or
// not, as soon as the majority is known and each time a withdrawal arrives again.
func (c *Challenger) Stands(member string, epoch, term uint64) bool {
	s, ok := c.seen[member]
	if !ok || s.epoch < epoch {
		s = sighting{epoch: epoch, term: term}
		if c.seen == nil {
			c.seen = map[string]sighting{}
		}
		c.seen[member] = s
	}
	return s == sighting{epoch: epoch, term: term}
}
