package cluster

import (
	"context"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

// by says who gave a command, as Command.By: the caller at this node's socket, or else the node.
func by(ctx context.Context, node string) string {
	caller, known := api.CallerOf(ctx)
	if !known {
		return node
	}
	return state.Who{User: caller.Name(), UID: caller.UID, Node: node}.Text()
}

// NoteSignal has a command noted that came as a signal, of which it is not known who sent it.
func (n *Node) NoteSignal(what string) {
	n.noteCommand(context.Background(), what+", told by SIGHUP")
}

// noteCommand has a command noted that concerned this node alone. A node without a cluster has no history.
func (n *Node) noteCommand(ctx context.Context, what string) {
	if m := n.current(); m != nil {
		m.chronicler.commanded(what, by(ctx, m.self.node))
	}
}
