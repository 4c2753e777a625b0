package api

import "time"

// RecoverRequest asks for the cluster to go on from this node, after the majority of the voters was lost.
type RecoverRequest struct {
	// Lost are the members of which the operator says that they are off and never come back as they were.
	Lost []string `json:"lost,omitempty"`
	// DownFor is for how long they have been off, at least; as long as that is the cluster need not wait for their leases.
	DownFor time.Duration `json:"down_for,omitempty"`
	Yes     bool          `json:"yes,omitempty"` // do it; false: say what would be done
}

// RecoverResult is what becomes, or would become, of the members.
type RecoverResult struct {
	Cluster string          `json:"cluster"`        // its id
	Next    string          `json:"next,omitempty"` // its id afterwards
	Node    string          `json:"node"`           // the one to go on from
	Members []RecoverMember `json:"members"`
	// Unconfirmed are those to be named as lost, or brought back.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
	// Wait is how long groups of other holders wait before they are taken over, in nanoseconds.
	Wait time.Duration `json:"wait"`
	Done bool          `json:"done"`
}

// RecoverMember is a member of the cluster that lost its majority.
type RecoverMember struct {
	Name    string `json:"name"`
	Role    string `json:"role"`
	Answers bool   `json:"answers"`
	Term    uint64 `json:"term,omitempty"`  // of the newest entry of its log
	Index   uint64 `json:"index,omitempty"` // of that entry
	Becomes string `json:"becomes"`         // "the only voter", "joins again", "dropped", "?"
}
