package state

import (
	"fmt"
	"time"
)

// Profile is the timing of the quorum lease, the same on every node.
type Profile struct {
	Name   string        `json:"name"`
	Renew  time.Duration `json:"renew"`  // how often a member renews its lease; half of it while nobody answers
	Lease  time.Duration `json:"lease"`  // how long a renewal lasts, counted from when it was sent
	Margin time.Duration `json:"margin"` // what a voter waits beyond the lease: the kernel's lateness in shutting the gate
}

// The profiles that have a name.
var (
	LAN  = Profile{Name: "lan", Renew: 100 * time.Millisecond, Lease: 280 * time.Millisecond, Margin: 10 * time.Millisecond}
	Fast = Profile{Name: "fast", Renew: 5 * time.Millisecond, Lease: 22 * time.Millisecond, Margin: 5 * time.Millisecond}
	WAN  = Profile{Name: "wan", Renew: 500 * time.Millisecond, Lease: 3 * time.Second, Margin: 50 * time.Millisecond}
)

// Bounds of explicit values.
const (
	MinRenew  = time.Millisecond
	MinMargin = 5 * time.Millisecond
	MaxLease  = time.Minute
)

// ProfileNamed returns the profile with a name.
func ProfileNamed(name string) (Profile, error) {
	for _, p := range []Profile{LAN, Fast, WAN} {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("no profile is called %q; there are lan, fast and wan", name)
}

// Validate reports why the values make no sense together, or nil.
func (p Profile) Validate() error {
	switch {
	case p.Renew < MinRenew:
		return fmt.Errorf("renew %v is shorter than %v; nodes would do nothing but renew", p.Renew, MinRenew)
	case p.Lease > MaxLease:
		return fmt.Errorf("lease %v is longer than %v; a dead holder would be replaced that late", p.Lease, MaxLease)
	case p.Lease < 5*p.Renew/2:
		return fmt.Errorf("lease %v leaves no room for a lost renewal every %v; make it at least %v", p.Lease, p.Renew, 5*p.Renew/2)
	case p.Margin < MinMargin:
		return fmt.Errorf("margin %v is shorter than %v, within which the kernel's gate may still be open", p.Margin, MinMargin)
	case p.Margin > p.Lease:
		return fmt.Errorf("margin %v is longer than the lease of %v", p.Margin, p.Lease)
	}
	return nil
}

// CountedBy is the longest lease that any member may still count by: that of a profile, or a long one.
func (s *State) CountedBy() time.Duration {
	longest := s.LongestLease
	for _, n := range s.Nodes {
		longest = max(longest, n.LongLease)
	}
	return longest
}
