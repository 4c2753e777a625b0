package api

import (
	"time"

	"vipd/cluster/state"
)

// Status is what a node knows of itself and its cluster.
type Status struct {
	Node     string         `json:"node"`              // the one that answers
	Version  string         `json:"version"`           // of its vipd
	Cluster  string         `json:"cluster,omitempty"` // empty: it belongs to none yet
	Leader   string         `json:"leader,omitempty"`  // empty: none is known
	Quorum   bool           `json:"quorum"`            // whether this node holds a lease, which takes a majority
	Profile  *state.Profile `json:"profile,omitempty"`
	Paused   *state.Pause   `json:"paused,omitempty"` // nil: groups move as they should
	Commands *Commands      `json:"commands,omitempty"`
	// Index is that of the newest command this node knows.
	Index  uint64        `json:"index,omitempty"`
	Secret *SecretStatus `json:"secret,omitempty"`
	// Warnings are conditions that weaken what vipd promises.
	Warnings []string       `json:"warnings,omitempty"`
	Nodes    []NodeStatus   `json:"nodes"`
	Groups   []GroupStatus  `json:"groups"`
	Fence    *FenceCounters `json:"fence,omitempty"`
}

// Commands are the versions of what the cluster writes down.
type Commands struct {
	Version int `json:"version"` // the newest that the cluster may use, since all members read it
	Reads   int `json:"reads"`   // the newest that this vipd reads
	// Behind are the nodes to be upgraded before the cluster may use all that this vipd reads.
	Behind []string `json:"behind,omitempty"`
}

// NodeStatus is one member.
type NodeStatus struct {
	Name    string            `json:"name"`
	State   string            `json:"state"` // alive, no lease, failed, leaving, left
	Role    string            `json:"role"`  // voter, learner, witness
	Leader  bool              `json:"leader"`
	Epoch   uint64            `json:"epoch"` // 0: it may hold nothing now
	Address string            `json:"address"`
	Version string            `json:"version,omitempty"` // of its vipd
	Reads   int               `json:"reads,omitempty"`   // the newest version of commands that it reads; 0: it does not say
	Speaks  int               `json:"speaks,omitempty"`  // the version of what nodes say to each other; 0: it does not say
	Drained bool              `json:"drained,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"` // by its node file
	Groups  []string          `json:"groups"`           // that it holds
	Unfit   string            `json:"unfit,omitempty"`  // why it should hold nothing
	// Failing are the checks that fail on it, as "nginx: no such process".
	Failing []string `json:"failing,omitempty"`
}

// CheckList is all checks.
type CheckList struct {
	Checks []CheckStatus `json:"checks"`
}

// CheckStatus is one check, and what it says on the nodes that run it: those that may hold a group that names it.
type CheckStatus struct {
	Name     string        `json:"name"`
	What     string        `json:"what"` // it looks at, as "process nginx"
	Interval time.Duration `json:"interval"`
	Groups   []CheckUse    `json:"groups"` // that depend on it
	Nodes    []CheckResult `json:"nodes"`
}

// CheckUse is a group's dependence on a check.
type CheckUse struct {
	Group  string `json:"group"`
	Weight int    `json:"weight"` // 0: a node on which it fails cannot hold the group
	// Reverse turns the weight's sign, and with 0 what excludes a node.
	Reverse bool `json:"reverse,omitempty"`
}

// CheckResult is what a check says on a node.
type CheckResult struct {
	Node  string    `json:"node"`
	State string    `json:"state"`           // ok, failing, or waiting: not known yet
	Since time.Time `json:"since,omitzero"`  // of the state, by the node's clock
	Value int       `json:"value,omitempty"` // the number in the file of a file check
	Text  string    `json:"text,omitempty"`  // what the last run said
}

// GroupStatus is one group.
type GroupStatus struct {
	Name      string      `json:"name"`
	Holder    string      `json:"holder"` // empty: nobody
	Addresses []string    `json:"addresses"`
	Since     time.Time   `json:"since"`
	Reason    string      `json:"reason"`
	Serial    uint64      `json:"serial"`
	Pinned    bool        `json:"pinned,omitempty"`  // by `vipctl move`
	Waiting   string      `json:"waiting,omitempty"` // for whom to let go
	Paused    bool        `json:"paused,omitempty"`  // it moves only by an operator's hand
	Nodes     []Candidate `json:"nodes"`             // best first
	VRRP      *VRRPStatus `json:"vrrp,omitempty"`    // nil: it has no vrrp section
	// Lacking says which route or rule could not be had, by node, and why. The group is held all the same.
	Lacking map[string]string `json:"lacking,omitempty"`
	// Scripts says what went wrong with the group's notify scripts when they ran last, by node.
	Scripts map[string]string `json:"scripts,omitempty"`
}

// VRRPStatus is a group's virtual router, which its holder runs.
type VRRPStatus struct {
	RouterID  uint8  `json:"virtual_router_id"`
	Version   uint8  `json:"version"`
	Interface string `json:"interface"`
	// State is INIT, BACKUP or MASTER; empty: nobody runs it, or the holder has not told yet. Only a MASTER
	// carries the group's addresses.
	State string `json:"state"`
	// Alone says that the node which answers lost the majority and speaks for itself: others may do the same.
	Alone    bool      `json:"alone,omitempty"`
	Since    time.Time `json:"since,omitzero"` // of the state
	Priority uint8     `json:"priority"`       // that the cluster advertises
	Master   string    `json:"master"`         // who has the addresses, by its adverts' source; empty: not known
	Sent     uint64    `json:"adverts_sent"`
	Unsent   uint64    `json:"adverts_not_sent"` // because the kernel refused to
	Received uint64    `json:"adverts_received"` // that counted
	// Dropped counts the packets that did not count, by the reason's name.
	Dropped map[string]uint64 `json:"dropped"`
}

// Candidate is a node's standing for a group.
type Candidate struct {
	Node     string `json:"node"`
	Eligible bool   `json:"eligible"`
	Priority int    `json:"priority"`
	Why      string `json:"why,omitempty"`      // it is not eligible
	Adjusted string `json:"adjusted,omitempty"` // why its priority is not the configured one
	Damped   string `json:"damped,omitempty"`   // why it is not preferred although it is eligible
	Crowd    int    `json:"crowd,omitempty"`    // how many of the groups that this one is kept apart from it has
	// Holding is what others have to be better than while it holds the group, if that is not Priority.
	Holding int `json:"holding,omitempty"`
	// Terms are what Priority is the sum of, before it is kept within 1 to 254; only `why` tells them.
	Terms []Term `json:"terms,omitempty"`
}

// Term is a part of a priority.
type Term struct {
	By   int    `json:"by"`
	What string `json:"what"`
}

// WhyRequest asks how all nodes stand for a group.
type WhyRequest struct {
	Group string `json:"group"`
}

// SimulateRequest supposes something, all of it at once.
type SimulateRequest struct {
	NodesDown  []string       `json:"nodes_down,omitempty"`
	Drain      []string       `json:"drain,omitempty"`
	ChecksFail []CheckAt      `json:"checks_fail,omitempty"`
	Spec       *Specification `json:"spec,omitempty"` // null: that which is in force
}

// CheckAt is a check on a node.
type CheckAt struct {
	Check string `json:"check"`
	Node  string `json:"node"`
}

// SimulateResult is what would come of it.
type SimulateResult struct {
	Groups    []SimulatedMove `json:"groups"`    // that would have another holder, by name
	Unchanged int             `json:"unchanged"` // groups that would stay where they are
	Assumed   []string        `json:"assumed"`   // what the answer rests on besides
}

// SimulatedMove is what would become of a group.
type SimulatedMove struct {
	Group  string        `json:"group"`
	From   string        `json:"from"`            // empty: nobody
	To     string        `json:"to"`              // empty: nobody
	After  time.Duration `json:"after,omitempty"` // a preempt_delay
	Reason string        `json:"reason"`
}

// FenceCounters are the packets that this host's gate dropped.
type FenceCounters struct {
	Enforced bool              `json:"enforced"` // false: `fence: none`
	Open     bool              `json:"open"`
	Dropped  map[string]uint64 `json:"dropped,omitempty"`
}
