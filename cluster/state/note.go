package state

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Note is what a node has to say for the history alone. Nothing is decided by it.
type Note struct {
	Node string `json:"node"`
	// Seq counts the notes of a node: one that comes twice counts once.
	Seq     uint64         `json:"seq"`
	Leads   bool           `json:"leads,omitempty"` // since the last note of a leader
	Carried []CarriedNote  `json:"carried,omitempty"`
	Health  []HealthNote   `json:"health,omitempty"`
	Done    []CommandNoted `json:"done,omitempty"`
}

// CarriedNote says that a node has a group's addresses on it.
type CarriedNote struct {
	Group  string        `json:"group"`
	Serial uint64        `json:"serial"`
	Silent time.Duration `json:"silent,omitempty"` // nobody answered for so long, at most; 0: not known
}

// HealthNote says that something on a node fails, or does no more.
type HealthNote struct {
	Subject string `json:"subject"`
	Bad     bool   `json:"bad,omitempty"`
	Text    string `json:"text,omitempty"`
}

// CommandNoted is a command that concerned a node alone.
type CommandNoted struct {
	What string `json:"what"`
	By   string `json:"by,omitempty"` // as Command.By
}

// Noted is what the notes of a node have said so far, so that it can tell what is new.
type Noted struct {
	Seq uint64 `json:"seq"`
	// Bad is what failed by the newest note, and with which words.
	Bad map[string]string `json:"bad,omitempty"`
}

// NotedOf returns what a node has noted; the zero value for nothing.
func (s *State) NotedOf(node string) Noted {
	if n := s.Noted[node]; n != nil {
		return *n
	}
	return Noted{}
}

// VotersNoted reports whether the history knows of the newest voters.
func (s *State) VotersNoted() bool { return slices.Equal(s.Voters.Names, s.NotedVoters) }

func (c *change) note(n Note) error {
	if c.Nodes[n.Node] == nil {
		return fmt.Errorf("note of %s: %w", n.Node, ErrUnknownNode)
	}
	c.noteVoters()
	noted := c.NotedOf(n.Node)
	if n.Seq <= noted.Seq {
		return nil
	}
	noted.Seq = n.Seq
	if n.Leads && c.NotedLeader != n.Node {
		c.NotedLeader = n.Node
		c.record(Event{Kind: Leads, Node: n.Node})
	}
	for _, carried := range n.Carried {
		c.noteCarried(n.Node, carried)
	}
	noted.Bad = c.noteHealth(n, noted.Bad)
	for _, done := range n.Done {
		c.by = ParseWho(done.By)
		c.record(Event{Kind: Done, Node: n.Node, Reason: done.What})
	}
	c.Noted = maps.Clone(c.Noted)
	if c.Noted == nil {
		c.Noted = map[string]*Noted{}
	}
	c.Noted[n.Node] = &noted
	return nil
}

// noteVoters records who became a voter, or ceased to be one, since the last note: a configuration of Raft's comes
// without a time.
func (c *change) noteVoters() {
	if len(c.NotedVoters) == 0 && len(c.Voters.Names) > 1 {
		c.NotedVoters = c.Voters.Names // a cluster that is older than the history
	}
	for _, name := range c.Voters.Names {
		if !slices.Contains(c.NotedVoters, name) {
			c.record(Event{Kind: Promoted, Node: name})
		}
	}
	for _, name := range c.NotedVoters {
		if !slices.Contains(c.Voters.Names, name) {
			c.record(Event{Kind: Demoted, Node: name})
		}
	}
	c.NotedVoters = c.Voters.Names
}

// noteCarried records it once for each assignment that is still the group's.
func (c *change) noteCarried(node string, n CarriedNote) {
	for _, e := range slices.Backward(c.History) {
		if e.Group != n.Group || e.Serial != n.Serial {
			continue
		}
		if e.Kind == Held && e.Node == node {
			c.record(Event{Kind: Carried, Node: node, Group: n.Group, Serial: n.Serial, From: e.From, Duration: n.Silent})
		}
		return
	}
}

func (c *change) noteHealth(n Note, bad map[string]string) map[string]string {
	if len(n.Health) == 0 {
		return bad
	}
	next := maps.Clone(bad)
	if next == nil {
		next = map[string]string{}
	}
	for _, h := range n.Health {
		kind := Recovered
		if h.Bad {
			kind, next[h.Subject] = Failing, h.Text
		} else {
			delete(next, h.Subject)
		}
		c.record(Event{Kind: kind, Node: n.Node, Subject: h.Subject, Reason: h.Text})
	}
	if len(next) == 0 {
		return nil
	}
	return next
}

// namesShown is how many names an event lists of each kind of difference.
const namesShown = 5

// differing says which things of a kind were added, changed and removed.
func differing[T any](what string, old, now map[string]*T) []string {
	var added, changed, removed []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		switch was := old[name]; {
		case was == nil:
			added = append(added, name)
		case !reflect.DeepEqual(was, now[name]):
			changed = append(changed, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if now[name] == nil {
			removed = append(removed, name)
		}
	}
	var parts []string
	for _, d := range []struct {
		verb  string
		names []string
	}{{"added", added}, {"changed", changed}, {"removed", removed}} {
		if n := len(d.names); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s %s", what, listed(d.names), d.verb))
		}
	}
	return parts
}

func listed(names []string) string {
	if more := len(names) - namesShown; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namesShown], ", "), more)
	}
	return strings.Join(names, ", ")
}
