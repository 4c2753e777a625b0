package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

const (
	clientCount = 3
	// patience is how long a client waits for an answer. After that it does not know what became of a command.
	patience = 3 * time.Second
)

// clients issue commands through any node, each one after the other, and write down what they are told.
type clients struct {
	arena *arena
	next  atomic.Int64 // the value that is written next; each is written once
	mu    sync.Mutex
	ops   []Op
}

// run issues commands until ctx ends.
func (c *clients) run(ctx context.Context, seed uint64) {
	var all sync.WaitGroup
	for i := range clientCount {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(1+i)))
			for ctx.Err() == nil {
				c.act(i, r)
				select {
				case <-ctx.Done():
				case <-time.After(time.Duration(50+r.IntN(400)) * time.Millisecond):
				}
			}
		})
	}
	all.Wait()
}

// act does one thing at one node.
func (c *clients) act(client int, r *rand.Rand) {
	nodes := c.arena.Nodes
	n := nodes[r.IntN(len(nodes))]
	switch at := r.IntN(100); {
	case at < 35:
		c.write(client, n)
	case at < 75:
		c.read(client, n, Read)
	default:
		c.read(client, n, Glance)
	}
}

func (c *clients) write(client int, n *harness.Node) {
	op := c.begin(client, n, Write)
	op.Value = int(c.next.Add(1))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := n.Client.Apply(ctx, api.ApplyRequest{Groups: specification(op.Value)})
	if err != nil && strings.Contains(err.Error(), "the specification is in force") {
		err = nil // it waited for holders, which is another promise
	}
	c.end(op, err)
}

func (c *clients) read(client int, n *harness.Node, kind OpKind) {
	op := c.begin(client, n, kind)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := n.Client.Spec(ctx, api.SpecRequest{Consistent: kind == Read})
	if err == nil {
		value, ok := valueOf(s.Groups)
		op.Value = value
		if kind == Glance && (!ok || op.Membership != c.arena.memberships.of(n)) {
			return // a node that has joined and knows nothing yet, or nobody knows which member answered
		}
		if !ok {
			err = errors.New("the specification is none of ours")
			op.Value = unknownValue
		}
	}
	c.end(op, err)
}

func (c *clients) begin(client int, n *harness.Node, kind OpKind) Op {
	op := Op{Client: client, Node: n.Name, Kind: kind, Call: c.arena.since(), Membership: c.arena.memberships.of(n)}
	if p := n.Process(); p != nil {
		op.Process = p.Pid
	}
	return op
}

func (c *clients) end(op Op, err error) {
	op.Return, op.Error = c.arena.since(), text(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops = append(c.ops, op)
}
