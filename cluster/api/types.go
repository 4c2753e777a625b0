// Package api is how vipctl and other programs on the same host talk to the daemon: HTTP on a unix socket.
// Each request is POST /v1/VERB with a JSON body; the answer is JSON lines, first what goes on meanwhile,
// last the result or the error. Who can open the socket may look; who may command, Access says.
package api

import (
	"context"
	"slices"
	"time"

	"vipd/cluster/backup"
	"vipd/cluster/spec"
	"vipd/cluster/state"
)

// Progress tells the caller what is going on, in a short sentence.
type Progress func(text string)

// Backend is what a daemon can do. Each method returns when the thing is true, or says why it is not.
type Backend interface {
	Status(context.Context, None, Progress) (Status, error)
	Why(context.Context, WhyRequest, Progress) (GroupStatus, error)
	Simulate(context.Context, SimulateRequest, Progress) (SimulateResult, error)
	Spec(context.Context, SpecRequest, Progress) (Specification, error)
	Checks(context.Context, None, Progress) (CheckList, error)
	Events(context.Context, EventsRequest, Teller) (EventsResult, error)
	Token(context.Context, TokenRequest, Progress) (TokenText, error)
	TokenList(context.Context, None, Progress) (TokenList, error)
	TokenRevoke(context.Context, TokenRevokeRequest, Progress) (None, error)
	Init(context.Context, InitRequest, Progress) (InitResult, error)
	Join(context.Context, JoinRequest, Progress) (JoinResult, error)
	Leave(context.Context, LeaveRequest, Progress) (None, error)
	Remove(context.Context, RemoveRequest, Progress) (RemoveResult, error)
	Recover(context.Context, RecoverRequest, Progress) (RecoverResult, error)
	Role(context.Context, RoleRequest, Progress) (RoleResult, error)
	Voters(context.Context, VotersRequest, Progress) (VotersResult, error)
	Apply(context.Context, ApplyRequest, Progress) (ApplyResult, error)
	Profile(context.Context, ProfileRequest, Progress) (state.Profile, error)
	Move(context.Context, MoveRequest, Progress) (GroupStatus, error)
	Drain(context.Context, DrainRequest, Progress) (None, error)
	Reload(context.Context, None, Progress) (Reloaded, error)
	Backup(context.Context, BackupRequest, Progress) (backup.Backup, error)
	Restore(context.Context, RestoreRequest, Progress) (RestoreResult, error)
	Pause(context.Context, PauseRequest, Progress) (PauseResult, error)
	SecretStatus(context.Context, None, Progress) (SecretStatus, error)
	SecretRotate(context.Context, SecretRotateRequest, Progress) (SecretResult, error)
	RestartHold(context.Context, HoldRequest, Progress) (HoldResult, error)
	Bonds(context.Context, BondsRequest, Progress) (Bonds, error)
	BondPlan(context.Context, None, Progress) (BondPlan, error)
	BondApply(context.Context, BondApplyRequest, Progress) (BondPlan, error)
	BondFailover(context.Context, BondFailoverRequest, Progress) (None, error)
}

// None is an empty request or result.
type None struct{}

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

// SpecRequest asks what the cluster serves.
type SpecRequest struct {
	// Consistent asks for no older answer than any command that succeeded before: the node has a majority agree first
	// that it knows all. Without it the answer is what the node knows, which on one that is cut off may be old.
	Consistent bool `json:"consistent,omitempty"`
}

// Specification is what the cluster serves.
type Specification struct {
	Groups []state.Group `json:"groups"`
	Checks []state.Check `json:"checks,omitempty"`
}

// notShown stands for a password. It is too long for one, so it cannot be applied by mistake.
const notShown = "(not shown)"

func (s Specification) withoutSecrets() Specification {
	s.Groups = slices.Clone(s.Groups)
	for i, g := range s.Groups {
		if g.VRRP != nil && g.VRRP.AuthPass != "" {
			hidden := *g.VRRP
			hidden.AuthPass = notShown
			s.Groups[i].VRRP = &hidden
		}
	}
	return s
}

// InitRequest founds a cluster.
type InitRequest struct {
	Profile string `json:"profile,omitempty"` // empty: lan
}

// InitResult is the cluster that was founded.
type InitResult struct {
	Cluster string `json:"cluster"`
	Node    string `json:"node"`
	Already bool   `json:"already,omitempty"` // it was there before
}

// JoinRequest makes this node a member.
type JoinRequest struct {
	Token string `json:"token"`
	Role  string `json:"role,omitempty"` // voter, learner, witness or auto; empty: auto
}

// JoinResult is what the node has become.
type JoinResult struct {
	Cluster string   `json:"cluster"`
	Node    string   `json:"node"`
	Role    string   `json:"role"`
	Already bool     `json:"already,omitempty"`
	Voters  []string `json:"voters,omitempty"` // the names of those that vote now
}

// LeaveRequest takes this node out of its cluster.
type LeaveRequest struct {
	Force bool `json:"force,omitempty"` // even if it is the last one
}

// RemoveRequest takes another member out of the cluster.
type RemoveRequest struct {
	Node  string `json:"node"`
	Force bool   `json:"force,omitempty"` // even if it is alive
}

// RemoveResult is what the cluster is without it.
type RemoveResult struct {
	Node    string   `json:"node"`
	Already bool     `json:"already,omitempty"` // it was no member
	Voters  []string `json:"voters"`            // that remain
}

// RoleRequest says what a member should be.
type RoleRequest struct {
	Node string `json:"node"`
	Role string `json:"role"` // voter, learner, witness or auto
}

// RoleResult is what it is.
type RoleResult struct {
	Node   string   `json:"node"`
	Role   string   `json:"role"`
	Voters []string `json:"voters"`
}

// VotersRequest asks who votes, and changes how many should.
type VotersRequest struct {
	Limit        *int           `json:"limit,omitempty"` // 0: left to the cluster
	ReplaceAfter *time.Duration `json:"replace_after,omitempty"`
}

// VotersResult is who votes.
type VotersResult struct {
	Limit        int           `json:"limit"`         // that an operator asked for; 0: none
	Wanted       int           `json:"wanted"`        // of the members there are
	ReplaceAfter time.Duration `json:"replace_after"` // that a voter is dead
	Voters       []string      `json:"voters"`
}

// ApplyRequest replaces what the cluster serves.
type ApplyRequest struct {
	Groups []state.Group `json:"groups"`
	Checks []state.Check `json:"checks,omitempty"`
	DryRun bool          `json:"dry_run,omitempty"`
}

// ApplyResult is the difference that it made, or would make.
type ApplyResult struct {
	Diff   spec.Diff `json:"diff"`
	DryRun bool      `json:"dry_run,omitempty"`
	Unheld []string  `json:"unheld,omitempty"` // groups that no node can hold, each with the reason
}

// BackupRequest asks for what the cluster serves and how, to keep.
type BackupRequest struct {
	Secrets bool `json:"secrets,omitempty"` // with the passwords of VRRP
}

// RestoreRequest puts back what a backup has.
type RestoreRequest struct {
	Backup backup.Backup `json:"backup"`
	DryRun bool          `json:"dry_run,omitempty"`
}

// RestoreResult is what restoring a backup changed, or would change.
type RestoreResult struct {
	ApplyResult
	Profile    *ProfileChange `json:"profile,omitempty"`     // nil: it stays
	Voting     *state.Voting  `json:"voting,omitempty"`      // how many members will vote; nil: as many as do
	LastSerial uint64         `json:"last_serial,omitempty"` // that serials go on above, if the backup is ahead of the cluster
}

// ProfileChange is a change of the lease's timing.
type ProfileChange struct {
	From state.Profile `json:"from"`
	To   state.Profile `json:"to"`
}

// ProfileRequest asks for the lease's timing, and changes it if Set is there.
type ProfileRequest struct {
	Set *state.Profile `json:"set,omitempty"`
}

// MoveRequest moves a group to a node.
type MoveRequest struct {
	Group string `json:"group"`
	Node  string `json:"node"`
}

// DrainRequest makes a node hold nothing, or lets it hold again.
type DrainRequest struct {
	Node  string `json:"node"`
	On    bool   `json:"on"`
	Force bool   `json:"force,omitempty"` // even if groups are left that nobody else can hold
}

// PauseRequest pauses automatic moves, changes what was said of that, or ends it.
type PauseRequest struct {
	On     bool          `json:"on"`
	Reason string        `json:"reason,omitempty"`
	For    time.Duration `json:"for,omitempty"` // 0: until it is ended
}

// PauseResult is what is so now.
type PauseResult struct {
	Paused *state.Pause `json:"paused"` // null: groups move as they should
}

// HoldRequest lengthens this node's lease once, so that its daemon can be restarted without losing anything.
type HoldRequest struct {
	Duration time.Duration `json:"duration"`
}

// HoldResult is what the node has until the end of the hold.
type HoldResult struct {
	Left   time.Duration `json:"left"`   // of the hold
	Groups []string      `json:"groups"` // that stay with the node
}
