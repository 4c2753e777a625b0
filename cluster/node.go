package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"vipd/bond"
	"vipd/cluster/api"
	"vipd/cluster/links"
	"vipd/storage"
)

// Node is one host's daemon, in a cluster or not yet.
type Node struct {
	options Options

	mu     sync.Mutex
	life   context.Context   // of Run
	member *running          // nil while it belongs to no cluster
	err    chan error        // of a member that failed
	over   *storage.Identity // of a cluster that goes on without this node; nil: it is a member, or of none
	// attempted is how a ticket was shown last, by its hash.
	attempted struct{ ticket, word string }
	// keeping is the member's keeper, for who must not wait for mu.
	keeping atomic.Pointer[keeper]
}

// running is a member and the means to end its life.
type running struct {
	*member
	end  context.CancelFunc
	done chan struct{} // closed when Run and Close have returned
	err  error         // of both; valid when done
}

// New makes a Node. It starts nothing.
func New(o Options) *Node {
	if o.Links == nil {
		o.Links = links.New(o.Logger)
	}
	if o.Bonds == nil {
		o.Bonds = func() ([]bond.Config, error) { return nil, nil }
	}
	return &Node{options: o, err: make(chan error, 1)}
}

// Run serves the socket, and lives in the cluster that the data directory says this node belongs to, or
// waits for `init` or `join`. It returns when ctx ends, after a clean stop, or when something failed.
func (n *Node) Run(ctx context.Context) error {
	listener, err := api.Listen(n.options.Socket, n.options.Access)
	if err != nil {
		return err
	}
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	n.life = context.WithoutCancel(ctx)
	if err := n.resume(); err != nil {
		stopServing()
		return errors.Join(err, listener.Close())
	}
	go func() { served <- api.Serve(serving, listener, n, n.options.Access) }()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if err := n.options.Links.Run(serving); serving.Err() == nil {
			n.fail(err)
		}
	}()
	n.options.Ready()
	var cause error
	select {
	case <-ctx.Done():
	case cause = <-n.err:
	}
	err = n.endMember()
	stopServing()
	<-watched
	return errors.Join(cause, err, <-served)
}

// resume takes up the life in the cluster that this node belongs to, if any.
func (n *Node) resume() error {
	id, known, err := n.options.Dir.Identity()
	if err != nil || !known {
		return err
	}
	if id.Node != n.options.Name {
		return fmt.Errorf("this data directory is of node %s, and the node file says %s: a node cannot be renamed; "+
			"set `node: %s`, or leave the cluster first with `vipctl leave`", id.Node, n.options.Name, id.Node)
	}
	if id.Superseded != "" {
		n.options.Logger.Error("waiting", "error", (&supersededError{by: id.Superseded}).Error())
		n.over = &id
		return nil
	}
	if id.Recovers != "" {
		if err := n.resumeRewrite(id); err != nil {
			return fmt.Errorf("go on with a recovery that was cut off: %w", err)
		}
		id.Recovers = ""
	}
	m, err := openMember(n.options, id, nil)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.launch(m)
	return nil
}

// launch runs a member. The caller holds mu.
func (n *Node) launch(m *member) *running {
	ctx, end := context.WithCancel(n.life)
	r := &running{member: m, end: end, done: make(chan struct{})}
	n.member = r
	n.keeping.Store(m.keeper)
	go func() {
		err := m.Run(ctx)
		r.err = errors.Join(err, m.Close())
		close(r.done)
		if err != nil && !n.outlive(r, err) {
			n.fail(err)
		}
	}()
	return r
}

// fail ends Run with an error; the first one counts.
func (n *Node) fail(err error) {
	select {
	case n.err <- err:
	default:
	}
}

// endMember ends the member's life cleanly and waits for it.
func (n *Node) endMember() error {
	n.mu.Lock()
	r := n.member
	n.member = nil
	n.keeping.Store(nil)
	n.mu.Unlock()
	if r == nil {
		return nil
	}
	r.end()
	<-r.done
	return r.err
}

// current returns the member, or nil.
func (n *Node) current() *member {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.member == nil {
		return nil
	}
	return n.member.member
}

var errNotMember = errors.New("this node belongs to no cluster yet; found one with `vipctl init`, or join one with " +
	"`vipctl join -`, which reads what `vipctl token` prints on a member")

// joined returns the member, or an error that says what to do.
func (n *Node) joined() (*member, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.member != nil:
		return n.member.member, nil
	case n.over != nil:
		return nil, &supersededError{by: n.over.Superseded}
	}
	return nil, errNotMember
}

// begin makes this node's data directory that of a new member and starts its life, as the caller of ctx wants.
func (n *Node) begin(ctx context.Context, id storage.Identity, prepare func(*storage.Dir) (*member, error)) (*member, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.member != nil {
		return nil, fmt.Errorf("this node is a member of cluster %s already; leave it first with `vipctl leave`", n.member.identity.ClusterID)
	}
	// An earlier attempt may have been cut off half-way.
	if err := n.options.Dir.ForgetCluster(); err != nil {
		return nil, err
	}
	m, err := prepare(n.options.Dir)
	if err != nil {
		return nil, err
	}
	if err := n.options.Dir.SaveIdentity(id); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	n.over = nil
	m.givenBy = by(ctx, n.options.Name)
	n.launch(m)
	return m, nil
}

// abandon ends a membership that did not come about, and forgets it.
func (n *Node) abandon() error {
	if m := n.current(); m != nil {
		m.keeper.stretch(0)
	}
	return errors.Join(n.endMember(), n.options.Dir.ForgetCluster())
}
