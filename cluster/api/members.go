package api

import (
	"time"
)

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
