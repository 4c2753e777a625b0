package state

import "fmt"

// Recover begins a new generation of the cluster with one member, after the majority of the voters was lost. All others are
// on their way out; what they hold is theirs until their epochs are dead.
type Recover struct {
	Cluster string `json:"cluster"` // its new id
	Node    string `json:"node"`
}

func (c *change) recover(r Recover) error {
	if c.Nodes[r.Node] == nil {
		return fmt.Errorf("recover from %s: %w", r.Node, ErrUnknownNode)
	}
	c.Cluster = r.Cluster
	for name, n := range c.Nodes {
		next := *n
		next.Leaving = name != r.Node
		c.setNode(next)
	}
	c.record(Event{Kind: Rescued, Node: r.Node, Reason: "the majority of the voters was lost; the cluster goes on as " + r.Cluster})
	return nil
}
