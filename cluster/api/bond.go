package api

import (
	"time"

	"vipd/bond"
	"vipd/cluster/links"
)

// BondsRequest asks how this host's links are doing.
type BondsRequest struct {
	Name string `json:"name,omitempty"` // of one of them, with its history; empty: all, without
}

// Bonds are the bonds and teams of one host, and what else groups' addresses are on.
type Bonds struct {
	Node  string       `json:"node"`
	Bonds []BondStatus `json:"bonds"`
}

// BondStatus is one of them.
type BondStatus struct {
	bond.Status
	InFile bool `json:"in_node_file"`
	Usable int  `json:"usable"` // members that can carry traffic
	// Problem says why a bond of the node file is not as it is written there.
	Problem string `json:"problem,omitempty"`
	// Ineligible says why this node should hold no addresses on it.
	Ineligible string         `json:"ineligible,omitempty"`
	Groups     []string       `json:"groups"`   // that have addresses on it, or on what sits on it
	Findings   []bond.Finding `json:"findings"` // worst first
	Events     []links.Event  `json:"events,omitempty"`
}

// BondPlan is what would become of each bond of the node file.
type BondPlan struct {
	Bonds []links.Step `json:"bonds"`
}

// BondApplyRequest makes the bonds as the node file has them now.
type BondApplyRequest struct {
	// ConfirmWithin is how long the cluster may take to be in touch again before the change is taken back;
	// 0: it is not taken back.
	ConfirmWithin time.Duration `json:"confirm_within,omitempty"`
}

// BondFailoverRequest makes a member of a bond the active one.
type BondFailoverRequest struct {
	Bond   string `json:"bond"`
	Member string `json:"member"`
}
