package gossip

import (
	"encoding/json"
	"sync"

	"github.com/hashicorp/memberlist"
)

// delegate is memberlist's way to this package. memberlist forgets members that are gone; delegate keeps
// them, so that they can be told apart from those never heard of.
type delegate struct {
	options Options

	mu   sync.Mutex
	lost map[string]Member
}

var (
	_ memberlist.Delegate      = (*delegate)(nil)
	_ memberlist.EventDelegate = (*delegate)(nil)
)

// NodeMeta implements memberlist.Delegate.
func (d *delegate) NodeMeta(limit int) []byte {
	meta, err := json.Marshal(d.options.Meta)
	if err != nil || len(meta) > limit {
		return nil
	}
	return meta
}

// NotifyMsg implements memberlist.Delegate: what nodes say to each other does not go this way.
func (d *delegate) NotifyMsg([]byte) {}

// GetBroadcasts implements memberlist.Delegate: nothing is gossiped but membership.
func (d *delegate) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState implements memberlist.Delegate: members exchange membership and nothing else.
func (d *delegate) LocalState(bool) []byte { return nil }

// MergeRemoteState implements memberlist.Delegate.
func (d *delegate) MergeRemoteState([]byte, bool) {}

// NotifyJoin implements memberlist.EventDelegate.
func (d *delegate) NotifyJoin(n *memberlist.Node) {
	d.mu.Lock()
	delete(d.lost, n.Name)
	d.mu.Unlock()
	d.options.Changed()
}

// NotifyLeave implements memberlist.EventDelegate: a member failed or left.
func (d *delegate) NotifyLeave(n *memberlist.Node) {
	m := member(n)
	m.State = Gone
	d.mu.Lock()
	if d.lost == nil {
		d.lost = map[string]Member{}
	}
	d.lost[n.Name] = m
	d.mu.Unlock()
	d.options.Changed()
}

// NotifyUpdate implements memberlist.EventDelegate.
func (d *delegate) NotifyUpdate(*memberlist.Node) { d.options.Changed() }

func (d *delegate) gone() []Member {
	d.mu.Lock()
	defer d.mu.Unlock()
	var gone []Member
	for _, m := range d.lost {
		gone = append(gone, m)
	}
	return gone
}
