package state

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Why a command is refused. A refused command leaves the state as it was, but for Index.
var (
	ErrNoCluster      = errors.New("the cluster is not initialised")
	ErrExists         = errors.New("the cluster is initialised already")
	ErrUnknownNode    = errors.New("no such node")
	ErrWrongInstance  = errors.New("another host has this node name")
	ErrEpochAlive     = errors.New("an earlier start of this node may still hold addresses")
	ErrEpochDead      = errors.New("this start of the node is over")
	ErrInvalid        = errors.New("invalid")
	errUnknownCommand = errors.New("unknown command")
)

// Result is what the proposer of a command learns.
type Result struct {
	Err   error  // why it was refused, or nil
	Epoch uint64 // that Register handed out
	Moved int    // groups that changed holder
}

// Apply returns the state after cmd at Raft index. The receiver stays as it was.
func (s *State) Apply(index uint64, cmd Command) (*State, Result) {
	c := &change{State: *s, at: cmd.At, by: ParseWho(cmd.By)}
	err := c.apply(cmd)
	if err != nil {
		refused := *s
		refused.Index = index
		return &refused, Result{Err: err}
	}
	c.Index = index
	c.Uses = max(c.Uses, cmd.Version)
	c.chronicle()
	next := c.State
	return &next, c.result
}

// WithVoters returns the state after the voter configuration at Raft index was committed.
func (s *State) WithVoters(index uint64, names []string) *State {
	next := *s
	names = slices.Sorted(slices.Values(names))
	next.Voters = Voters{Index: index, Names: names}
	next.Index = index
	return &next
}

// change is a state being made. Its maps are copied the first time they are written to.
type change struct {
	State
	at     time.Time
	by     *Who
	result Result
	events []*Event
	before map[string]*Assignment // of groups that the command gave away, as they were before it
	faults map[string]bool        // those of them that were lost by their holder's own fault

	ownNodes, ownAssignments, ownDebts bool
}

func (c *change) apply(cmd Command) error {
	if cmd.Init == nil && c.Cluster == "" {
		return ErrNoCluster
	}
	switch {
	case cmd.Init != nil:
		return c.init(*cmd.Init)
	case cmd.Join != nil:
		return c.join(*cmd.Join)
	case cmd.Leave != nil:
		return c.leave(*cmd.Leave)
	case cmd.Remove != nil:
		return c.remove(*cmd.Remove)
	case cmd.Register != nil:
		return c.register(*cmd.Register)
	case cmd.Retire != nil:
		return c.retire(*cmd.Retire)
	case cmd.Expire != nil:
		return c.expire(*cmd.Expire)
	case cmd.Assign != nil:
		c.move(cmd.Assign.Moves)
		return nil
	case cmd.Settle != nil:
		c.settle(*cmd.Settle)
		return nil
	case cmd.SetGroups != nil:
		return c.setGroups(*cmd.SetGroups)
	case cmd.SetProfile != nil:
		return c.setProfile(*cmd.SetProfile)
	case cmd.Drain != nil:
		return c.drain(*cmd.Drain)
	case cmd.LongLease != nil:
		return c.longLease(*cmd.LongLease)
	case cmd.Restore != nil:
		return c.restore(*cmd.Restore)
	case cmd.SetRole != nil:
		return c.setRole(*cmd.SetRole)
	case cmd.SetVoting != nil:
		return c.setVoting(*cmd.SetVoting)
	case cmd.SetPause != nil:
		c.setPause(*cmd.SetPause, cmd.By)
		return nil
	case cmd.Note != nil:
		return c.note(*cmd.Note)
	case cmd.Raise != nil:
		return c.raise(*cmd.Raise)
	case cmd.Rotate != nil:
		return c.rotate(*cmd.Rotate, cmd.By)
	case cmd.SetTicket != nil:
		return c.setTicket(*cmd.SetTicket, cmd.By)
	case cmd.Recover != nil:
		return c.recover(*cmd.Recover)
	}
	return errUnknownCommand
}

func (c *change) writableNodes() map[string]*Node {
	if !c.ownNodes {
		c.Nodes, c.ownNodes = maps.Clone(c.Nodes), true
	}
	return c.Nodes
}

func (c *change) setNode(n Node) { c.writableNodes()[n.Name] = &n }

func (c *change) writableAssignments() map[string]*Assignment {
	if !c.ownAssignments {
		c.Assignments, c.ownAssignments = maps.Clone(c.Assignments), true
	}
	return c.Assignments
}

func (c *change) setAssignment(a Assignment) {
	if _, known := c.before[a.Group]; !known {
		if c.before == nil {
			c.before = map[string]*Assignment{}
		}
		c.before[a.Group] = c.Assignments[a.Group]
	}
	c.writableAssignments()[a.Group] = &a
}

func (c *change) writableDebts() map[uint64]*Debt {
	if !c.ownDebts {
		c.Debts, c.ownDebts = maps.Clone(c.Debts), true
	}
	return c.Debts
}

func (c *change) nextSerial() uint64 {
	c.LastSerial++
	return c.LastSerial
}

func (c *change) init(i Init) error {
	if c.Cluster != "" {
		return fmt.Errorf("%w: its id is %s", ErrExists, c.Cluster)
	}
	if err := i.Profile.Validate(); err != nil {
		return fmt.Errorf("%w profile: %w", ErrInvalid, err)
	}
	c.Cluster = i.Cluster
	c.adopt(i.Profile)
	c.record(Event{Kind: Founded, Node: i.Node.Name, Reason: "cluster " + i.Cluster})
	return c.join(Join{Node: i.Node})
}

func (c *change) join(j Join) error {
	n := j.Node
	if n.Name == "" || n.Instance == "" {
		return fmt.Errorf("%w: a node needs a name and an instance", ErrInvalid)
	}
	next := Node{Name: n.Name, Instance: n.Instance, Witness: n.Witness, Wanted: n.Wanted, Joined: c.at}
	if err := c.NameIsFree(n.Name, n.Instance); err != nil {
		return err
	}
	if old := c.Nodes[n.Name]; old != nil {
		next = *old
	}
	if c.Nodes[n.Name] == nil {
		c.record(Event{Kind: Joined, Node: n.Name, Reason: "at " + n.Address})
	}
	next.Gossip, next.Address, next.Labels, next.Leaving = n.Gossip, n.Address, n.Labels, false
	c.setNode(next)
	return nil
}

// NameIsFree says why a data directory cannot be that of a node of a name, if it cannot.
func (s *State) NameIsFree(name, instance string) error {
	switch old := s.Nodes[name]; {
	case old == nil || old.Instance == instance:
		return nil
	case old.Leaving:
		return fmt.Errorf("%w: %s was a member and is not out of the cluster yet; try again in a while, or see `vipctl status` there", ErrWrongInstance, name)
	}
	return fmt.Errorf("%w: %s is a member already, with another data directory; if that host was wiped or replaced, take the old one out with `vipctl remove %s` on a member first", ErrWrongInstance, name, name)
}

func (c *change) leave(l Leave) error {
	n := c.Nodes[l.Node]
	if n == nil {
		return nil
	}
	if !n.Leaving {
		c.record(Event{Kind: Leaving, Node: l.Node})
	}
	next := *n
	next.Leaving = true
	c.setNode(next)
	return nil
}

func (c *change) remove(r Remove) error {
	n := c.Nodes[r.Node]
	if n == nil {
		return nil
	}
	if n.Live() {
		return fmt.Errorf("remove %s: %w", r.Node, ErrEpochAlive)
	}
	delete(c.writableNodes(), r.Node)
	if c.Noted[r.Node] != nil {
		c.Noted = maps.Clone(c.Noted)
		delete(c.Noted, r.Node)
	}
	c.noteVoters()
	c.record(Event{Kind: Removed, Node: r.Node})
	return nil
}

func (c *change) register(r Register) error {
	n := c.Nodes[r.Node]
	switch {
	case n == nil:
		return fmt.Errorf("register %s: %w", r.Node, ErrUnknownNode)
	case n.Instance != r.Instance:
		return fmt.Errorf("register %s: %w", r.Node, ErrWrongInstance)
	case n.Live():
		return fmt.Errorf("register %s: %w", r.Node, ErrEpochAlive)
	}
	c.LastEpoch++
	c.result.Epoch = c.LastEpoch
	next := *n
	next.Epoch, next.Start = c.LastEpoch, r.Start
	c.setNode(next)
	c.record(Event{Kind: Started, Node: r.Node, Reason: fmt.Sprintf("epoch %d", c.LastEpoch)})
	return nil
}

func (c *change) retire(r Retire) error {
	if n := c.Nodes[r.Node]; n == nil || n.Epoch != r.Epoch {
		return fmt.Errorf("retire %s: %w", r.Node, ErrEpochDead)
	}
	c.record(Event{Kind: Stopped, Node: r.Node, Reason: fmt.Sprintf("epoch %d", r.Epoch)})
	c.bury(r.Tenure, "stopped")
	c.move(r.Moves)
	return nil
}

func (c *change) expire(e Expire) error {
	for _, t := range e.Dead {
		if n := c.Nodes[t.Node]; n != nil && n.Epoch == t.Epoch {
			c.record(Event{Kind: Lost, Node: t.Node, Reason: fmt.Sprintf("a majority withdrew the lease of epoch %d", t.Epoch)})
			for _, group := range c.HeldBy(t.Node) {
				c.fault(group)
			}
			c.bury(t, "lease ended")
		}
	}
	c.move(e.Moves)
	return nil
}

// bury ends an epoch: what it held is free, and what it owed is settled, since it holds nothing.
func (c *change) bury(t Tenure, why string) {
	n := *c.Nodes[t.Node]
	n.Epoch, n.LongLease = 0, 0
	c.setNode(n)
	for serial, d := range c.Debts {
		if d.Node == t.Node && d.Epoch == t.Epoch {
			delete(c.writableDebts(), serial)
		}
	}
	for _, a := range c.Assignments {
		if a.Holder == t.Node && a.Epoch == t.Epoch {
			// The serial stays: the moves decided together with this death name it.
			c.setAssignment(Assignment{Group: a.Group, Serial: a.Serial, Since: c.at, Reason: fmt.Sprintf("%s: %s", t.Node, why), Last: t.Node})
		}
	}
}

func (c *change) drain(d Drain) error {
	n := c.Nodes[d.Node]
	if n == nil {
		return fmt.Errorf("drain %s: %w", d.Node, ErrUnknownNode)
	}
	kind := Undrained
	if d.On {
		kind = Drained
	}
	if n.Drained != d.On {
		c.record(Event{Kind: kind, Node: d.Node})
	}
	next := *n
	next.Drained = d.On
	c.setNode(next)
	return nil
}

func (c *change) longLease(l LongLease) error {
	n := c.Nodes[l.Node]
	switch {
	case n == nil || n.Epoch != l.Epoch || l.Epoch == 0:
		return fmt.Errorf("lease of %s: %w", l.Node, ErrEpochDead)
	case l.Lease < 0 || l.Lease > MaxLease:
		return fmt.Errorf("%w lease %v: it is at most %v", ErrInvalid, l.Lease, MaxLease)
	}
	if l.Lease != 0 && l.Lease != n.LongLease {
		c.record(Event{Kind: Extended, Node: l.Node, Duration: l.Lease})
	}
	next := *n
	next.LongLease = l.Lease
	c.setNode(next)
	return nil
}

func (c *change) setProfile(p SetProfile) error {
	if err := p.Profile.Validate(); err != nil {
		return fmt.Errorf("%w profile: %w", ErrInvalid, err)
	}
	if p.Profile != c.Profile {
		c.record(Event{Kind: Timed, Reason: fmt.Sprintf("%s: renew %v, lease %v, margin %v", p.Profile.Name, p.Profile.Renew, p.Profile.Lease, p.Profile.Margin)})
	}
	c.adopt(p.Profile)
	return nil
}

func (c *change) adopt(p Profile) {
	c.Profile = p
	c.LongestLease = max(c.LongestLease, p.Lease)
}
