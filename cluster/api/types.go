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
