package state

import (
	"fmt"
	"maps"
	"slices"
)

// maxRestored bounds the numbers that a backup may go on from.
const maxRestored = 1 << 62

// Restore puts back what a backup has. Members stay as they are, and so does who holds what, as far as the groups are
// the same. Addresses that a group loses become debts, as with SetGroups.
type Restore struct {
	Groups  []Group `json:"groups"`
	Checks  []Check `json:"checks,omitempty"`
	Profile Profile `json:"profile"`
	// LastEpoch and LastSerial are the newest that were handed out when the backup was made. Numbers only grow: the
	// next ones are above these and above the cluster's own.
	LastEpoch  uint64 `json:"last_epoch"`
	LastSerial uint64 `json:"last_serial"`
	// Voting is how many members should vote; nil: as they do.
	Voting *Voting `json:"voting,omitempty"`
}

func (c *change) restore(r Restore) error {
	if err := r.Profile.Validate(); err != nil {
		return fmt.Errorf("%w profile: %w", ErrInvalid, err)
	}
	if r.Voting != nil {
		if err := r.Voting.Validate(); err != nil {
			return err
		}
	}
	if r.LastEpoch > maxRestored || r.LastSerial > maxRestored {
		return fmt.Errorf("%w backup: it goes on from epoch %d and serial %d", ErrInvalid, r.LastEpoch, r.LastSerial)
	}
	ahead := r.LastSerial > c.LastSerial
	c.LastEpoch = max(c.LastEpoch, r.LastEpoch)
	c.LastSerial = max(c.LastSerial, r.LastSerial)
	if err := c.setGroups(SetGroups{Groups: r.Groups, Checks: r.Checks}); err != nil {
		return err
	}
	c.adopt(r.Profile)
	if r.Voting != nil {
		c.limit(*r.Voting)
	}
	if ahead {
		c.renumber(r.LastSerial)
	}
	return nil
}

// renumber gives new serials to assignments that have one up to a serial which somebody may have seen as a fencing
// token, of a cluster that was there before: theirs would look older than that. Who holds them stays.
func (c *change) renumber(seen uint64) {
	for _, name := range slices.Sorted(maps.Keys(c.Assignments)) {
		if a := *c.Assignments[name]; a.Serial <= seen {
			a.Serial = c.nextSerial()
			c.setAssignment(a)
		}
	}
}
