package state

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// FormatVersion is the newest version of State's encoding in snapshots. A newer vipd reads every older one. What an
// older vipd can read in full is written in its version: 2 is for checks and for groups
// that move together, 3 for what says where groups may be and when they move, and for
// the roles of members, 4 for the secret's rotation, ReversedVersion for checks, from which on the numbers are those of
// commands.
const FormatVersion = ReversedVersion

// State is the replicated state after the command at Index. Neither it nor anything it points to may be
// changed: readers share it.
type State struct {
	Format int `json:"format"`
	// Index is the Raft index of the newest command or committed voter configuration in this state.
	// Entries of Raft's own (elections, barriers) do not count, so that "the command after Index" is
	// meaningful to someone who sees only commands.
	Index   uint64  `json:"index"`
	Cluster string  `json:"cluster,omitempty"` // the cluster's id; empty until Init
	Profile Profile `json:"profile"`
	// LongestLease is the longest lease of any profile so far: a member that lags may still count by it.
	LongestLease time.Duration `json:"longest_lease"`

	Nodes  map[string]*Node  `json:"nodes,omitempty"`
	Groups map[string]*Group `json:"groups,omitempty"`
	Checks map[string]*Check `json:"checks,omitempty"`
	// Assignments has one entry for each group, held or not.
	Assignments map[string]*Assignment `json:"assignments,omitempty"`
	// Debts are the addresses that a living node was told to let go of and is not yet known to have let
	// go of. Nobody else may hold them meanwhile. Keyed by serial.
	Debts map[uint64]*Debt `json:"debts,omitempty"`

	LastEpoch  uint64 `json:"last_epoch"`  // the newest epoch handed out
	LastSerial uint64 `json:"last_serial"` // the newest serial of an assignment or debt

	// Paused says that groups stay where they are; nil: they move as they should.
	Paused *Pause `json:"paused,omitempty"`

	// Voters is the newest committed voter configuration.
	Voters Voters `json:"voters"`
	// Voting says how many members should vote.
	Voting Voting `json:"voting,omitzero"`

	// Uses is the newest version of commands that is in the log, or that all members are known to read. A member of an
	// earlier version forgets it.
	Uses int `json:"uses,omitempty"`
	// Trust is what is public of the cluster's secret.
	Trust Trust `json:"trust,omitzero"`

	// History is what happened, oldest first. Nothing is decided by it, nor by the rest below: a member of an earlier
	// version keeps none. Forgotten is the newest event that is not in it any more.
	History   []*Event `json:"history,omitempty"`
	Forgotten uint64   `json:"history_forgotten,omitempty"`
	// Noted is what nodes have said for the history, NotedLeader and NotedVoters the newest that it knows.
	Noted       map[string]*Noted `json:"noted,omitempty"`
	NotedLeader string            `json:"noted_leader,omitempty"`
	NotedVoters []string          `json:"noted_voters,omitempty"`
}

// New is the state of a cluster before its first command.
func New() *State {
	return &State{
		Format:      FormatVersion,
		Profile:     LAN,
		Nodes:       map[string]*Node{},
		Groups:      map[string]*Group{},
		Assignments: map[string]*Assignment{},
		Debts:       map[uint64]*Debt{},
	}
}

// Voters is a committed Raft configuration: who votes, and the Raft index that made it so.
type Voters struct {
	Index uint64   `json:"index"`
	Names []string `json:"names,omitempty"` // sorted
}

// Voting is how many members an operator wants to vote.
type Voting struct {
	Limit int `json:"limit,omitempty"` // 1, 3 or 5; 0: as many as are of use, 5 at most
	// ReplaceAfter is how long a voter has to be without an epoch before another votes in its place; 0: the default.
	ReplaceAfter time.Duration `json:"replace_after,omitempty"`
}

// DefaultReplaceAfter is longer than most hosts take to boot.
const DefaultReplaceAfter = 2 * time.Minute

// Patience returns how long a voter has to be without an epoch before another votes in its place.
func (v Voting) Patience() time.Duration {
	if v.ReplaceAfter == 0 {
		return DefaultReplaceAfter
	}
	return v.ReplaceAfter
}

// Role is what a member is to Raft.
type Role string

// The roles. A learner replicates and does not vote; a witness votes and never holds addresses.
const (
	Voter   Role = "voter"
	Learner Role = "learner"
	Witness Role = "witness"
	// Auto is the role that an operator wants a member to have where it is left to the cluster.
	Auto Role = ""
)

// RoleNamed returns the role that an operator may want a member to have, by its name.
func RoleNamed(name string) (Role, error) {
	switch r := Role(name); r {
	case Voter, Learner, Witness:
		return r, nil
	case "auto":
		return Auto, nil
	}
	return "", fmt.Errorf("%w role %q: it is voter, learner, witness or auto", ErrInvalid, name)
}

// Node is a member of the cluster.
type Node struct {
	Name     string `json:"name"`
	Instance string `json:"instance"` // identifies its data directory; a second host of the same name has another
	Gossip   string `json:"gossip"`   // host:port of memberlist
	Address  string `json:"address"`  // host:port of Raft and node-to-node calls
	// Epoch numbers the start of its daemon that may hold addresses; 0 when the last one is dead
	// (expired by a majority of voters, or retired by the node itself).
	Epoch uint64 `json:"epoch"`
	Start string `json:"start,omitempty"` // tells the daemon's start that registered Epoch
	// LongLease is the lease that Epoch may ask for beyond the profile's; 0: none.
	LongLease time.Duration `json:"long_lease,omitempty"`
	Drained   bool          `json:"drained,omitempty"` // told by an operator to hold nothing
	// Labels are what its node file says of it, as rack: a; groups may choose nodes by them.
	Labels  map[string]string `json:"labels,omitempty"`
	Witness bool              `json:"witness,omitempty"` // votes, holds nothing
	Leaving bool              `json:"leaving,omitempty"` // on its way out: holds nothing, votes until Raft goes on without it
	// Wanted is the role that an operator wants it to have: Voter, Learner, or Auto. Of a witness it is Auto.
	Wanted Role      `json:"wanted,omitempty"`
	Joined time.Time `json:"joined"`
}

// WantedRole is the role that an operator wants the node to have.
func (n *Node) WantedRole() Role {
	if n.Witness {
		return Witness
	}
	return n.Wanted
}

// Live reports whether the node has an epoch that is not dead.
func (n *Node) Live() bool { return n != nil && n.Epoch != 0 }

// Group is a set of addresses that move together.
type Group struct {
	Name         string         `json:"name"`
	Interface    string         `json:"interface,omitempty"` // default of its addresses
	Addresses    []Address      `json:"addresses"`
	Priority     int            `json:"priority"`             // of nodes that Priorities does not name; 1..254
	Priorities   map[string]int `json:"priorities,omitempty"` // 0: the node never holds the group
	Preempt      bool           `json:"preempt"`
	PreemptDelay time.Duration  `json:"preempt_delay,omitempty"`
	// LinkWeight is what a node loses of its priority for each link that is missing of the bonds below the
	// addresses. Nil: DefaultLinkWeight where a holder has to be found, and nothing while the node holds the group.
	LinkWeight *int       `json:"link_weight,omitempty"`
	VRRP       *VRRP      `json:"vrrp,omitempty"`   // nil: no router outside has these addresses
	Checks     []CheckUse `json:"checks,omitempty"` // sorted by name
	// Together names a set of groups that are on one node, all or none; empty: the group moves by itself.
	Together string `json:"together,omitempty"`
	// Apart names a set of groups that are kept on different nodes; empty: it does not mind any. As a preference it
	// goes before priorities, and gives way where a group would have no holder; strict, it does not.
	Apart       string `json:"apart,omitempty"`
	ApartStrict bool   `json:"apart_strict,omitempty"`
	// Nodes are the only ones that may hold it, and Selector the labels that a node needs to; empty: any.
	Nodes    []string          `json:"nodes,omitempty"`
	Selector map[string]string `json:"selector,omitempty"`
	// Damping is how long a node that lost the group too often has to be stable before it is preferred again. Nil:
	// DefaultDamping; 0: it need not be.
	Damping *time.Duration `json:"damping,omitempty"`
	// Balance lets it move, as a better node would make it, to a node of equal priority that holds fewer groups.
	Balance      bool       `json:"balance,omitempty"`
	Routes       []Route    `json:"routes,omitempty"` // that are on the node which carries the group
	Rules        []Rule     `json:"rules,omitempty"`  // and of policy routing
	Notify       *Notify    `json:"notify,omitempty"` // nil: nothing is run when the group moves
	OnQuorumLoss QuorumLoss `json:"on_quorum_loss,omitempty"`
}

// QuorumLoss is what becomes of a group on nodes that lost the majority.
type QuorumLoss string

// What may become of it.
const (
	Release  QuorumLoss = ""     // they do not hold it
	FallBack QuorumLoss = "vrrp" // they elect a holder among those they reach, by VRRP
)

// DefaultPriority is a group's priority on a node where nothing else is said; keepalived's default.
const DefaultPriority = 100

// DefaultLinkWeight is a group's link_weight where nothing else is said.
const DefaultLinkWeight = 10

// DefaultDamping is a group's damping where nothing else is said.
const DefaultDamping = time.Minute

// DampedFor returns how long a node that flapped has to be stable; 0: it is not looked at.
func (g *Group) DampedFor() time.Duration {
	if g.Damping == nil {
		return DefaultDamping
	}
	return *g.Damping
}

// WeightOfLink returns what a link that is missing takes off a node's priority.
func (g *Group) WeightOfLink() int {
	if g.LinkWeight == nil {
		return DefaultLinkWeight
	}
	return *g.LinkWeight
}

// PriorityOn returns the configured priority of a node that the group may be on: 0 when that is to be never.
func (g *Group) PriorityOn(node string) int {
	if p, ok := g.Priorities[node]; ok {
		return p
	}
	return g.Priority
}

// Excludes says why a node may never hold the group, whatever its health; empty if it may.
func (g *Group) Excludes(n *Node) string {
	if g.PriorityOn(n.Name) == 0 {
		return "its priority is 0"
	}
	if len(g.Nodes) > 0 && !slices.Contains(g.Nodes, n.Name) {
		return "the group's `nodes` do not name it"
	}
	for _, key := range slices.Sorted(maps.Keys(g.Selector)) {
		want, is := g.Selector[key], n.Labels[key]
		switch {
		case is == "":
			return fmt.Sprintf("it has no label %s, and the group wants %s: %s", key, key, want)
		case is != want:
			return fmt.Sprintf("its label is %s: %s, and the group wants %s: %s", key, is, key, want)
		}
	}
	return ""
}

// IPs returns the group's addresses without their prefix lengths, in the order given.
func (g *Group) IPs() []netip.Addr {
	ips := make([]netip.Addr, len(g.Addresses))
	for i, a := range g.Addresses {
		ips[i] = a.Prefix.Addr()
	}
	return ips
}

// Assignment says who should hold a group. The holder may do so while its epoch is the one named here,
// its lease is valid, and no debt of another node covers the group's addresses.
type Assignment struct {
	Group  string    `json:"group"`
	Holder string    `json:"holder,omitempty"` // empty: nobody
	Epoch  uint64    `json:"epoch,omitempty"`  // of the holder
	Serial uint64    `json:"serial"`           // grows with each change of any group; a fencing token
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
	Pinned bool      `json:"pinned,omitempty"` // an operator put it here: no preemption
	Last   string    `json:"last,omitempty"`   // who had it, if nobody has; a cluster of several versions may not know
}

// NewGroup is the reason of a group that nobody has held yet.
const NewGroup = "new group"

// Debt is what a node has to let go of before anyone else may hold these addresses. It ends when the
// node says so (Settle) or its epoch is dead.
type Debt struct {
	Serial    uint64       `json:"serial"` // of the change that made it
	Group     string       `json:"group"`
	Node      string       `json:"node"`
	Epoch     uint64       `json:"epoch"`
	Addresses []netip.Addr `json:"addresses"`
}
