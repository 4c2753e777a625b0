package cluster

import (
	"testing"

	"vipd/cluster/gossip"
	"vipd/cluster/state"
)

// Raft looks for a member where gossip says it is, and for nobody who only has its name.
func TestAddressNow(t *testing.T) {
	is := &state.Node{Name: "b", Instance: "i-b", Address: "b:2"}
	for name, c := range map[string]struct {
		meta gossip.Meta
		is   *state.Node
		want string
	}{
		"the member":                           {gossip.Meta{Address: "new:2", Instance: "i-b", Known: true}, is, "new:2"},
		"the member, since it was let in":      {gossip.Meta{Address: "new:2", Instance: "i-b"}, is, "new:2"},
		"another host by its name":             {gossip.Meta{Address: "new:2", Instance: "i-x", Known: true}, is, ""},
		"one unknown to a state that lags":     {gossip.Meta{Address: "new:2", Instance: "i-b", Known: true}, nil, "new:2"},
		"one that has yet to be let in":        {gossip.Meta{Address: "new:2", Instance: "i-x"}, nil, ""},
		"one that says nothing one could read": {gossip.Meta{}, is, ""},
	} {
		if got := addressNow(gossip.Member{Name: "b", State: gossip.Alive, Meta: c.meta}, c.is); got != c.want {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
}
