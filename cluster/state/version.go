package state

import (
	"encoding/json"
	"fmt"
	"slices"
)

// CommandVersion is the newest command version this build writes and reads. A command is written in the oldest version
// that has all of it, so that a cluster of several versions understands it: 2 is for checks and
// for groups that move together, 3 for what says where groups may be and when they move,
// and for what else happens on a node then, and for
// the roles of members, 4 for Restore, NoteVersion for notes, RaiseVersion for Raise,
// RotateVersion for Rotate, TicketVersion for SetTicket, ReversedVersion for checks, RecoverVersion for Recover and for
// what Restore says of the voters, AddressVersion for options of addresses,
// PathVersion for words of routes and rules, FaultVersion for who lost a group by its own fault, AbortVersion for a rotation that is given up.
//
// Commands are read strictly, so each field that is added has to be of a newer version than those before it; the test
// of testdata/fields.txt does not pass without.
const CommandVersion = 14

// AbortVersion is the first version in which a rotation of the secret can be given up.
const AbortVersion = 14

// RecoverVersion is the first version with Recover.
const RecoverVersion = 10

// NoteVersion is the first version with notes, which nobody waits for: they are written once all members read it.
const NoteVersion = 5

// RaiseVersion is the first version with Raise.
const RaiseVersion = 6

// FaultVersion is the first version in which moves say, and the history tells, whose fault they are. The leader says so
// once that version is in use; a failover does not wait for it.
const FaultVersion = 13

// Raise says that all members read commands up to a version, so that it may be used from now on. What a cluster may use
// never falls: whoever reads less is not let in.
type Raise struct {
	Version int `json:"version"`
}

func (c *change) raise(r Raise) error {
	if r.Version > c.InUse() && len(c.Nodes) > 1 { // a founder uses all it has
		c.record(Event{Kind: Raised, Reason: fmt.Sprintf("commands up to version %d, which all nodes read", r.Version)})
	}
	c.Uses = max(c.Uses, r.Version)
	return nil
}

// InUse is the newest version of commands that the cluster uses, or may use since all members read it: whoever reads
// less cannot be a member.
func (s *State) InUse() int {
	version := max(s.Uses, s.needs())
	if len(s.Noted) > 0 {
		version = max(version, NoteVersion)
	}
	return version
}

// TooOldError is of a vipd that cannot read what the cluster has written.
type TooOldError struct {
	Needs int // version of commands, or format of a snapshot
	Reads int
	What  string // that needs it
}

func (e *TooOldError) Error() string {
	return fmt.Sprintf("this vipd is too old for its cluster: a %s of version %d has to be read, and it reads up to %d; "+
		"install the vipd of the other nodes (`vipctl status` there names its version) and start it again; nothing is lost", e.What, e.Needs, e.Reads)
}

// checkVersion looks at nothing but the version of an encoded command.
func checkVersion(data []byte) error {
	var c struct {
		Version int `json:"v"`
	}
	switch err := json.Unmarshal(data, &c); {
	case err != nil:
		return fmt.Errorf("decode command: %w", err)
	case c.Version > CommandVersion:
		return &TooOldError{Needs: c.Version, Reads: CommandVersion, What: "command"}
	case c.Version < 1:
		return fmt.Errorf("decode command: it says version %d", c.Version)
	}
	return nil
}

// Needs is the oldest version that has all of the command.
func (c Command) Needs() int {
	version := 1
	if c.SetRole != nil || c.SetVoting != nil || c.SetPause != nil {
		version = 3
	}
	switch {
	case c.Raise != nil:
		return RaiseVersion
	case c.Rotate != nil && c.Rotate.Abort:
		return AbortVersion
	case c.Rotate != nil:
		return RotateVersion
	case c.SetTicket != nil:
		return TicketVersion
	case c.Recover != nil:
		return RecoverVersion
	case c.Note != nil:
		version = NoteVersion
	case c.Restore != nil:
		version = max(4, groupsNeed(c.Restore.Groups, c.Restore.Checks))
		if c.Restore.Voting != nil {
			version = RecoverVersion
		}
	case c.Retire != nil:
		version = max(version, movesNeed(c.Retire.Moves))
	case c.Expire != nil:
		version = max(version, movesNeed(c.Expire.Moves))
	case c.Assign != nil:
		version = max(version, movesNeed(c.Assign.Moves))
	case c.Init != nil:
		version = max(version, c.Init.Node.needs())
	case c.Join != nil:
		version = max(version, c.Join.Node.needs())
	case c.SetGroups != nil:
		version = max(version, groupsNeed(c.SetGroups.Groups, c.SetGroups.Checks))
	}
	return version
}

func movesNeed(moves []Move) int {
	if slices.ContainsFunc(moves, func(m Move) bool { return m.Fault }) {
		return FaultVersion
	}
	return 1
}

func groupsNeed(groups []Group, checks []Check) int {
	version := 1
	for i := range checks {
		version = max(version, checks[i].needs())
	}
	for i := range groups {
		version = max(version, groups[i].needs())
	}
	return version
}

// needs is the oldest version that has all of the group.
func (g *Group) needs() int {
	switch {
	case slices.ContainsFunc(g.Routes, func(r Route) bool { return r.needs() == PathVersion }),
		slices.ContainsFunc(g.Rules, func(r Rule) bool { return r.needs() == PathVersion }):
		return PathVersion
	case slices.ContainsFunc(g.Addresses, func(a Address) bool { return a.Options() != "" }):
		return AddressVersion
	case slices.ContainsFunc(g.Checks, func(u CheckUse) bool { return u.Reverse }):
		return ReversedVersion
	case g.Apart != "" || g.Balance || g.Damping != nil || len(g.Nodes) > 0 || len(g.Selector) > 0 || g.Notify != nil || len(g.Routes) > 0 || len(g.Rules) > 0:
		return 3
	case g.Together != "" || len(g.Checks) > 0:
		return 2
	}
	return 1
}

// needs is the oldest version that has all of the node.
func (n *Node) needs() int {
	if len(n.Labels) > 0 || n.Wanted != Auto {
		return 3
	}
	return 1
}
