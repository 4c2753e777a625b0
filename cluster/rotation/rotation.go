// Package rotation decides how the cluster's secret is replaced by another while all goes on: what a node has to do
// with its secrets after a state, and what the leader has to do next. It reads no clock and does nothing itself.
//
// A rotation has two steps: offer, in which each node stores the next secret and accepts it beside the one in use, and use,
// in which each node uses it and accepts the one before. At its end nobody accepts that. So at any moment all nodes accept
// what any of them uses, and the leader takes a step only when every node has told that it is through with the one before:
// on its disk first, so that a daemon that is killed goes on where it was.
package rotation

import (
	"maps"
	"slices"

	"vipd/cluster/state"
)

// Held is what a node has of the cluster's secrets, by their fingerprints.
type Held struct {
	Uses   string
	Next   string // the one that was offered; empty: none
	Since  uint64 // index of the state when it was
	Former string // the one used before, which is accepted still; empty: none
}

// Follow returns what a node should have after a state.
func Follow(view *state.State, h Held) Held {
	if view.Index < h.Since {
		return h // the view is of before; the daemon was started anew
	}
	r := view.Trust.Rotation
	switch {
	case r == nil && h.Uses == view.Trust.Current:
		return Held{Uses: h.Uses}
	case r == nil && h.Next != "" && h.Next == view.Trust.Current:
		return Held{Uses: h.Next} // the others went on without this node
	case r == nil && view.Trust.Current == "":
		h.Next, h.Since = "", 0
	case r == nil, r.Next == h.Uses:
	case r.Next != h.Next:
		h.Next, h.Since = "", 0 // another one is offered in its place
	case r.Phase == state.Use:
		return Adopt(h)
	}
	return h
}

// Adopt returns what a node has once it uses the secret that it was offered. That others use it is reason enough: then
// all accept it.
func Adopt(h Held) Held {
	if h.Next == "" {
		return h
	}
	return Held{Uses: h.Next, Since: h.Since, Former: h.Uses}
}

// Report is what a node tells of its secrets while one is rotated.
type Report struct {
	Uses string `json:"uses"`
	Next string `json:"next,omitempty"`
}

// Due is what the leader has to do.
type Due struct {
	// Push are the nodes that do not have the next secret yet.
	Push []string
	// Waiting are the nodes without which the rotation does not go on.
	Waiting []string
	// To is the phase that is due; empty: none yet. Ready are the members then, as Rotate has them.
	To    state.Phase
	Ready []string
}

// Next says what is due in a state, by what nodes have told. A node that is not to be waited for is waited for while it
// is alive: it would be cut off.
func Next(view *state.State, told func(node string) Report) Due {
	var d Due
	r := view.Trust.Rotation
	if r == nil {
		return d
	}
	for _, name := range slices.Sorted(maps.Keys(view.Nodes)) {
		report := told(name)
		uses := report.Uses == r.Next
		has := uses || report.Next == r.Next
		if !has && r.Phase == state.Offer {
			d.Push = append(d.Push, name)
		}
		through := uses || has && r.Phase == state.Offer
		if !through && (view.Nodes[name].Live() || !slices.Contains(r.Without, name)) {
			d.Waiting = append(d.Waiting, name)
			continue
		}
		d.Ready = append(d.Ready, name)
	}
	switch {
	case len(d.Waiting) > 0:
	case r.Phase == state.Offer:
		d.To = state.Use
	case r.Phase == state.Use:
		d.To = state.Ended
	}
	return d
}
