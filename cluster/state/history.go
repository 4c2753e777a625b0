package state

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind says what an event is about.
type Kind string

// The kinds of events.
const (
	Founded   Kind = "founded"   // the cluster, with Node
	Joined    Kind = "joined"    // Node is a member
	Leaving   Kind = "leaving"   // Node is on its way out
	Removed   Kind = "removed"   // Node is a member no more
	Started   Kind = "started"   // Node may hold groups
	Stopped   Kind = "stopped"   // Node let go of everything by itself
	Lost      Kind = "lost"      // Node's lease was withdrawn by a majority
	Promoted  Kind = "promoted"  // Node votes
	Demoted   Kind = "demoted"   // Node votes no more
	Leads     Kind = "leads"     // Node
	Held      Kind = "holder"    // Group was given by From to Node; an empty one is nobody
	Carried   Kind = "carried"   // Node has Group's addresses, after Duration in which they may have been silent
	Failing   Kind = "failing"   // Subject, on Node
	Recovered Kind = "recovered" // Subject, on Node
	Drained   Kind = "drained"   // Node
	Undrained Kind = "undrained" // Node
	PausedAll Kind = "paused"    // groups stay where they are, for Duration, or until they are resumed
	Resumed   Kind = "resumed"   // groups move again
	Assigned  Kind = "role"      // Node has another one, by an order
	Limited   Kind = "voters"    // another number of them is wanted
	Applied   Kind = "applied"   // another specification
	Timed     Kind = "profile"   // another profile
	Extended  Kind = "hold"      // Node has a restart-hold of Duration
	Rescued   Kind = "rescued"   // the cluster goes on from Node alone
	Raised    Kind = "version"   // of commands that may be used is a newer one
	Ticketed  Kind = "token"     // one was made, shown or revoked
	Rotated   Kind = "secret"    // the cluster's is being rotated, or was
	Done      Kind = "done"      // a command that concerned Node alone
)

// Event is one entry of the history. Which fields are set depends on the kind.
type Event struct {
	// Seq grows from event to event, with gaps: the index of the command in Raft's log, and the event's place in it. It
	// is the same on all nodes.
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at"` // by the clock of the node that asked for the command, or of the leader
	Kind    Kind      `json:"kind"`
	Node    string    `json:"node,omitempty"`
	Group   string    `json:"group,omitempty"`
	From    string    `json:"from,omitempty"`    // who held the group before
	Serial  uint64    `json:"serial,omitempty"`  // of the group's assignment
	Subject string    `json:"subject,omitempty"` // what fails or has recovered, as "check nginx"
	Reason  string    `json:"reason,omitempty"`
	Fault   bool      `json:"fault,omitempty"` // From lost the group by its own
	// Duration, in nanoseconds; of a carried group at most so long nobody answered for it.
	Duration time.Duration `json:"duration,omitempty"`
	By       *Who          `json:"by,omitempty"` // nil: vipd itself
}

// Who gave a command.
type Who struct {
	User string `json:"user"` // its number where it has no name
	UID  uint32 `json:"uid"`
	Node string `json:"node"` // where the command was given
}

// Text is who, as it stands in Command.By; ParseWho reads it back.
func (w Who) Text() string { return fmt.Sprintf("%d:%s@%s", w.UID, w.User, w.Node) }

func (w Who) String() string { return w.User + "@" + w.Node }

// ParseWho returns who a Command.By names; nil where that is a node, which does what it does by itself.
func ParseWho(by string) *Who {
	id, name, user := strings.Cut(by, ":")
	at := strings.LastIndex(name, "@")
	uid, err := strconv.ParseUint(id, 10, 32)
	if !user || at < 0 || err != nil {
		return nil
	}
	return &Who{User: name[:at], UID: uint32(uid), Node: name[at+1:]} //nolint:gosec // it has 32 bits
}

// placesPerCommand is how many events one command can make.
const placesPerCommand = 100_000

// SameCommand reports whether two events came of one command.
func (e *Event) SameCommand(other *Event) bool {
	return e.Seq/placesPerCommand == other.Seq/placesPerCommand
}

// historyLength is how many events are kept. One that moves all groups must not push out all the rest.
func (s *State) historyLength() int { return 1000 + 4*len(s.Groups) }

// After returns the events newer than seq, oldest first, and whether some of those were forgotten already.
func (s *State) After(seq uint64) (events []*Event, missed bool) {
	i, _ := slices.BinarySearchFunc(s.History, seq+1, func(e *Event, seq uint64) int { return cmp.Compare(e.Seq, seq) })
	return s.History[i:], seq < s.Forgotten
}

// LostSince returns when nodes lost groups by a fault of their own since a time, oldest first. The times are leaders', while
// other events have those of who asked, so the history is not in their order.
func (s *State) LostSince(at time.Time) (lost []*Event) {
	for _, e := range s.History {
		if e.Kind == Held && e.Fault && !e.At.Before(at) {
			lost = append(lost, e)
		}
	}
	return lost
}

// fault notes that the holder of a group loses it by its own. Members that do not know of that have other histories, so
// it waits until there are none.
func (c *change) fault(group string) {
	if c.InUse() < FaultVersion {
		return
	}
	if c.faults == nil {
		c.faults = map[string]bool{}
	}
	c.faults[group] = true
}

// record notes an event of the command that is being applied.
func (c *change) record(e Event) {
	if len(c.events) >= placesPerCommand {
		return
	}
	e.At, e.By = c.at, c.by
	c.events = append(c.events, &e)
}

// chronicle ends a command: what it did to the groups is noted after the rest.
func (c *change) chronicle() {
	for _, name := range slices.Sorted(maps.Keys(c.before)) {
		old, now := c.before[name], c.Assignments[name]
		if old == nil {
			old = &Assignment{}
		}
		if now == nil || now.Holder == old.Holder && now.Epoch == old.Epoch {
			continue
		}
		c.record(Event{Kind: Held, Group: name, Node: now.Holder, From: old.Holder, Serial: now.Serial, Reason: now.Reason, Fault: c.faults[name]})
	}
	if len(c.events) == 0 {
		return
	}
	for i, e := range c.events {
		e.Seq = c.Index*placesPerCommand + uint64(i) //nolint:gosec // not negative
	}
	all := slices.Concat(c.History, c.events)
	if more := len(all) - c.historyLength(); more > 0 {
		c.Forgotten = all[more-1].Seq
		all = slices.Clone(all[more:])
	}
	c.History = all
}

// difference says in a few words what another specification changes.
func difference(s *State, groups map[string]*Group, checks map[string]*Check) string {
	parts := append(differing("group", s.Groups, groups), differing("check", s.Checks, checks)...)
	if len(parts) == 0 {
		return "nothing changed"
	}
	return strings.Join(parts, "; ")
}
