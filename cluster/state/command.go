package state

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Command is one replicated change. Exactly one of the pointers is set.
type Command struct {
	Version int       `json:"v"`
	At      time.Time `json:"at"`           // the leader's wall clock: for people, and for what a preference depends on
	By      string    `json:"by,omitempty"` // the node that asked, or a Who as text

	Init       *Init       `json:"init,omitempty"`
	Join       *Join       `json:"join,omitempty"`
	Leave      *Leave      `json:"leave,omitempty"`
	Remove     *Remove     `json:"remove,omitempty"`
	Register   *Register   `json:"register,omitempty"`
	Retire     *Retire     `json:"retire,omitempty"`
	Expire     *Expire     `json:"expire,omitempty"`
	Assign     *Assign     `json:"assign,omitempty"`
	Settle     *Settle     `json:"settle,omitempty"`
	SetGroups  *SetGroups  `json:"set_groups,omitempty"`
	SetProfile *SetProfile `json:"set_profile,omitempty"`
	Drain      *Drain      `json:"drain,omitempty"`
	LongLease  *LongLease  `json:"long_lease,omitempty"`
	Restore    *Restore    `json:"restore,omitempty"`
	SetRole    *SetRole    `json:"set_role,omitempty"`
	SetVoting  *SetVoting  `json:"set_voting,omitempty"`
	SetPause   *SetPause   `json:"set_pause,omitempty"`
	Note       *Note       `json:"note,omitempty"`
	Raise      *Raise      `json:"raise,omitempty"`
	Rotate     *Rotate     `json:"rotate,omitempty"`
	SetTicket  *SetTicket  `json:"set_ticket,omitempty"`
	Recover    *Recover    `json:"recover,omitempty"`
}

// Init founds the cluster with its first node.
type Init struct {
	Cluster string  `json:"cluster"`
	Profile Profile `json:"profile"`
	Node    Node    `json:"node"`
}

// Join makes a node a member, or updates the addresses of one with the same instance.
type Join struct {
	Node Node `json:"node"`
}

// Leave says that a member is on its way out. It stays a member, and goes on voting, until Raft's
// configuration is without it; then the leader removes it.
type Leave struct {
	Node string `json:"node"`
}

// Remove takes a member whose epoch is dead out of the cluster.
type Remove struct {
	Node string `json:"node"`
}

// Register gives a started daemon an epoch. It is refused while an earlier epoch of the node lives.
type Register struct {
	Node     string `json:"node"`
	Instance string `json:"instance"`
	Start    string `json:"start"` // random: by it the daemon knows the epoch as its own, even if the answer got lost
}

// Tenure is one start of a node's daemon.
type Tenure struct {
	Node  string `json:"node"`
	Epoch uint64 `json:"epoch"`
}

// Retire ends an epoch on the word of the node itself, after it let go of everything.
type Retire struct {
	Tenure
	Moves []Move `json:"moves,omitempty"` // where its groups go
}

// Expire ends epochs that a majority of voters withdrew, and says where their groups go.
type Expire struct {
	Dead  []Tenure `json:"dead"`
	Moves []Move   `json:"moves,omitempty"`
}

// Assign moves groups between holders.
type Assign struct {
	Moves []Move `json:"moves"`
}

// Move gives groups to a node. Groups that go to the same node for the same reason share one Move, so
// that a thousand of them fit one datagram.
type Move struct {
	Groups []Expected `json:"groups"`
	To     string     `json:"to,omitempty"`    // empty: to nobody
	Epoch  uint64     `json:"epoch,omitempty"` // of To
	Reason string     `json:"reason"`
	Pin    bool       `json:"pin,omitempty"` // by an operator: the groups stay while To can hold them
	// Fault says that who had the groups lost them by a fault of its own. It is of FaultVersion.
	Fault bool `json:"fault,omitempty"`
}

// Expected names a group and the serial its assignment had when the move was decided. A group whose
// serial has changed since is left out of the move.
type Expected struct {
	Group  string `json:"g"`
	Serial uint64 `json:"s"`
}

// Settle says that a node has let go of what these debts name.
type Settle struct {
	Tenure
	Serials []uint64 `json:"serials"`
}

// SetGroups replaces all groups and checks.
type SetGroups struct {
	Groups []Group `json:"groups"`
	Checks []Check `json:"checks,omitempty"`
}

// SetProfile changes the timing of the lease.
type SetProfile struct {
	Profile Profile `json:"profile"`
}

// Drain tells a node to hold nothing, or that it may hold again.
type Drain struct {
	Node string `json:"node"`
	On   bool   `json:"on"`
}

// LongLease lets an epoch ask for a longer lease than the profile's, for a planned restart, or ends that. The
// member asks for it only once this is committed, and ends it only when that lease is over: so whoever leads
// knows how long anyone may still count by a lease.
type LongLease struct {
	Tenure
	Lease time.Duration `json:"lease"` // 0: the profile's again
}

// SetRole says which role a member should have.
type SetRole struct {
	Node string `json:"node"`
	Role Role   `json:"role,omitempty"` // Voter, Learner, Witness or Auto
}

// SetVoting says how many members should vote.
type SetVoting struct {
	Voting
}

// Encode returns the command as it stands in the Raft log.
func (c Command) Encode() ([]byte, error) {
	c.Version = c.Needs()
	return json.Marshal(c)
}

// DecodeCommand reads a command from the Raft log. It fails on a command this build does not know in
// full: to apply a part of it would make this node's state differ from the others'.
func DecodeCommand(data []byte) (Command, error) {
	if err := checkVersion(data); err != nil {
		return Command{}, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var c Command
	if err := dec.Decode(&c); err != nil {
		return Command{}, fmt.Errorf("decode command: %w", err)
	}
	if c.Raise != nil && c.Raise.Version > CommandVersion {
		return Command{}, &TooOldError{Needs: c.Raise.Version, Reads: CommandVersion, What: "command"}
	}
	return c, nil
}

// Name says what kind of command it is, for logs and errors.
func (c Command) Name() string {
	switch {
	case c.Init != nil:
		return "init"
	case c.Join != nil:
		return "join"
	case c.Leave != nil:
		return "leave"
	case c.Remove != nil:
		return "remove"
	case c.Register != nil:
		return "register"
	case c.Retire != nil:
		return "retire"
	case c.Expire != nil:
		return "expire"
	case c.Assign != nil:
		return "assign"
	case c.Settle != nil:
		return "settle"
	case c.SetGroups != nil:
		return "set groups"
	case c.SetProfile != nil:
		return "set profile"
	case c.Drain != nil:
		return "drain"
	case c.LongLease != nil:
		return "long lease"
	case c.Restore != nil:
		return "restore"
	case c.SetRole != nil:
		return "set role"
	case c.SetVoting != nil:
		return "set voting"
	case c.SetPause != nil:
		return "set pause"
	case c.Note != nil:
		return "note"
	case c.Raise != nil:
		return "raise"
	case c.Rotate != nil:
		return "rotate"
	case c.SetTicket != nil:
		return "set ticket"
	case c.Recover != nil:
		return "recover"
	}
	return "nothing"
}
