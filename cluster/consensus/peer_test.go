package consensus

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/hashicorp/raft"

	"vipd/cluster/state"
	"vipd/cluster/trust"
	"vipd/storage"
)

const proto = "test-raft/1"

// secret is the test cluster's.
var secret = trust.NewSecret()

// peer is a Node with stores on disk, reached over TLS on loopback.
type peer struct {
	*Node
	t       testing.TB
	name    string
	path    string
	address string
	halt    func() // what start started, in reverse
	// elsewhere is where nodes are by now; nil: where the configuration says.
	elsewhere func(node string) string
	// wrapStable stands between Raft and its stable store; nil: nothing does.
	wrapStable func(raft.StableStore) raft.StableStore

	mu      sync.Mutex
	commits []Commit
	broken  []error
}

// stream is Raft's way over the test's TLS port.
type stream struct {
	net.Listener
	credentials *trust.Credentials
}

func (s stream) Dial(ctx context.Context, node, address string) (net.Conn, error) {
	conn, err := s.credentials.Dial(ctx, address, node, proto)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// newPeer starts a node with empty stores; the test stops it in the end.
func newPeer(t testing.TB, name string, bootstrap bool) *peer {
	t.Helper()
	p := &peer{t: t, name: name, path: t.TempDir(), address: "127.0.0.1:0"}
	p.start(bootstrap)
	t.Cleanup(func() { p.stop() })
	return p
}

func (p *peer) start(bootstrap bool) {
	p.t.Helper()
	dir, err := storage.Open(p.path)
	check(p.t, err)
	stores, err := dir.OpenRaft(Logger(quiet()))
	check(p.t, err)
	listener, err := net.Listen("tcp", p.address)
	check(p.t, err)
	p.address = listener.Addr().String()
	credentials, err := trust.NewCredentials("test", p.name, secret)
	check(p.t, err)
	mux := trust.NewMux(listener, credentials, quiet(), proto)
	ctx, end := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- mux.Run(ctx) }()
	o := Options{
		Name: p.name, Address: p.address,
		Logs: stores.Logs, Stable: stores.Stable, Snapshots: stores.Snapshots,
		Stream: stream{mux.Listener(proto), credentials}, Logger: quiet(), Elsewhere: p.elsewhere,
		Committed: func(c Commit) { p.mu.Lock(); defer p.mu.Unlock(); p.commits = append(p.commits, c) },
		Broken:    func(err error) { p.mu.Lock(); defer p.mu.Unlock(); p.broken = append(p.broken, err) },
	}
	if p.wrapStable != nil {
		o.Stable = p.wrapStable(o.Stable)
	}
	if bootstrap {
		check(p.t, Bootstrap(o))
	}
	p.Node, err = Start(o)
	check(p.t, err)
	p.halt = func() {
		if err := p.Close(); err != nil {
			p.t.Errorf("close %s: %v", p.name, err)
		}
		end()
		check(p.t, <-served)
		check(p.t, stores.Close())
		check(p.t, dir.Close())
	}
}

// stop stops the node; a second time does nothing.
func (p *peer) stop() {
	if p.halt != nil {
		p.halt()
		p.halt = nil
	}
}

func (p *peer) restart() {
	p.t.Helper()
	p.stop()
	p.start(false)
}

func (p *peer) told() ([]Commit, []error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.commits), slices.Clone(p.broken)
}

// lead makes p the leader.
func (p *peer) lead() {
	p.t.Helper()
	check(p.t, p.Campaign(bounded(p.t)))
	eventually(p.t, p.name+" leads", p.Leads)
	check(p.t, p.Barrier(limit))
}

// propose has a command committed, and taken.
func (p *peer) propose(commands ...state.Command) {
	p.t.Helper()
	for _, cmd := range commands {
		result, err := p.Propose(p.t.Context(), cmd)
		check(p.t, err)
		check(p.t, result.Err)
	}
}

// follows waits until the view is the leader's.
func (p *peer) follows(leader *peer) {
	p.t.Helper()
	want := leader.View()
	eventually(p.t, p.name+" has what "+leader.name+" has", func() bool { return p.View().Index >= want.Index })
	diff(p.t, "view of "+p.name, want, p.View())
}

// founder is a cluster of one that leads.
func founder(t testing.TB) *peer {
	t.Helper()
	a := newPeer(t, "a", true)
	a.lead()
	a.propose(founding("a"))
	return a
}

// three is a cluster of three voters, led by the first.
func three(t testing.TB) (a, b, c *peer) {
	t.Helper()
	a = founder(t)
	b, c = newPeer(t, "b", false), newPeer(t, "c", false)
	for _, p := range []*peer{b, c} {
		check(t, a.AddLearner(p.name, p.address))
		check(t, a.AddVoter(p.name, p.address))
		a.propose(joining(p.name))
	}
	b.follows(a)
	c.follows(a)
	return a, b, c
}
