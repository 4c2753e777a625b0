package consensus

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"vipd/cluster/state"
	"vipd/cluster/trust"
)

// addresses says what becomes of an attempt to connect to them: nil is a connection, errHangs none before the end.
type addresses map[string]error

var errHangs = errors.New("hangs")

type fakeStream struct {
	net.Listener
	of addresses

	mu    sync.Mutex
	tried []string
	open  map[string]bool
}

type fakeConn struct {
	net.Conn
	address string
	closed  func()
}

func (c fakeConn) Close() error { c.closed(); return nil }

func (f *fakeStream) Dial(ctx context.Context, node, address string) (net.Conn, error) {
	f.mu.Lock()
	f.tried = append(f.tried, node+" at "+address)
	f.mu.Unlock()
	if err := f.of[address]; errors.Is(err, errHangs) {
		<-ctx.Done()
		return nil, ctx.Err()
	} else if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[address] = true
	return fakeConn{address: address, closed: func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, address)
	}}, nil
}

func (f *fakeStream) opened() (open []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for address := range f.open {
		open = append(open, address)
	}
	return open
}

func TestDialer(t *testing.T) {
	refused := errors.New("connection refused")
	for name, c := range map[string]struct {
		now    string // where gossip says it is
		of     addresses
		tried  []string
		answer string // the address connected to; empty: none
	}{
		"nothing else is known":          {"", addresses{"old:1": nil}, []string{"b at old:1"}, "old:1"},
		"it is where it was":             {"old:1", addresses{"old:1": refused}, []string{"b at old:1"}, ""},
		"it moved":                       {"new:1", addresses{"old:1": nil, "new:1": nil}, []string{"b at new:1"}, "new:1"},
		"it moved back":                  {"new:1", addresses{"old:1": nil, "new:1": refused}, []string{"b at new:1", "b at old:1"}, "old:1"},
		"it moved back, and that hangs":  {"new:1", addresses{"old:1": nil, "new:1": errHangs}, []string{"b at new:1", "b at old:1"}, "old:1"},
		"another node is where it moved": {"new:1", addresses{"old:1": nil, "new:1": trust.ErrWrongNode}, []string{"b at new:1", "b at old:1"}, "old:1"},
		"another node is where it was":   {"new:1", addresses{"old:1": trust.ErrWrongNode, "new:1": refused}, []string{"b at new:1", "b at old:1"}, ""},
		"nobody answers":                 {"new:1", addresses{"old:1": errHangs, "new:1": errHangs}, []string{"b at new:1", "b at old:1"}, ""},
		"an IPv6 address":                {"[fd00::1]:1", addresses{"[fd00::1]:1": nil}, []string{"b at [fd00::1]:1"}, "[fd00::1]:1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeStream{of: c.of, open: map[string]bool{}}
			d := dialer{f, func(string) string { return c.now }}
			conn, err := d.Dial(via("b", "old:1"), 2*headStart)
			diff(t, "attempts", c.tried, f.tried)
			if c.answer == "" {
				if err == nil || conn != nil {
					t.Fatalf("connected: %v, %v", conn, err)
				}
				return
			}
			check(t, err)
			diff(t, "connected to", c.answer, conn.(fakeConn).address)
		})
	}
}

// The one that answers too late does not stay open.
func TestDialerClosesTheOtherConnection(t *testing.T) {
	f := &fakeStream{open: map[string]bool{}}
	late := make(chan dialed, 1)
	conn, err := f.Dial(t.Context(), "b", "late:1")
	check(t, err)
	late <- dialed{conn: conn}
	closeRest(late, 1)
	diff(t, "open", nil, f.opened())
}

// directory says where peers are by now.
type directory struct {
	mu sync.Mutex
	of map[string]string
}

// founder is a cluster of one that leads, and looks for others in the directory.
func (d *directory) founder(t testing.TB) *peer {
	t.Helper()
	a := &peer{t: t, name: "a", path: t.TempDir(), address: "127.0.0.1:0", elsewhere: d.elsewhere}
	a.start(true)
	t.Cleanup(a.stop)
	a.lead()
	a.propose(founding("a"))
	return a
}

func (d *directory) set(name, address string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.of[name] = address
}

func (d *directory) elsewhere(node string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.of[node]
}

// Of two voters the one whose log is behind comes back at another address. It cannot be elected, and the other needs its
// vote: no configuration that has the new address can be committed before.
func TestVoterThatIsBehindMoves(t *testing.T) {
	found := &directory{of: map[string]string{}}
	a := found.founder(t)
	b := newPeer(t, "b", false)
	check(t, a.AddLearner("b", b.address))
	check(t, a.AddVoter("b", b.address))
	a.propose(joining("b"))
	b.follows(a)
	b.stop()
	// Only a has this.
	ctx, end := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer end()
	if _, err := a.Propose(ctx, registering("a")); err == nil {
		t.Fatal("one of two voters committed something")
	}
	eventually(t, "a leads no more", func() bool { return !a.Leads() })
	former := b.address
	b.address = "127.0.0.1:0"
	b.start(false)
	found.set(b.name, b.address)
	eventually(t, "a leads again", func() bool {
		if !a.Leads() {
			check(t, a.Campaign(bounded(t)))
		}
		return a.Leads()
	})
	check(t, a.Barrier(limit))
	if a.View().Nodes["a"].Epoch == 0 {
		t.Error("what only a had is lost")
	}
	b.follows(a)
	// While Raft replicates to b; the race detector watches.
	check(t, a.AddVoter("b", b.address))
	a.propose(registering("b"))
	b.follows(a)
	servers, err := a.Servers()
	check(t, err)
	diff(t, "servers", []Server{{"a", a.address, state.Voter}, {"b", former, state.Voter}}, servers)
}

// Whoever answers at a voter's address, in the configuration or elsewhere, has no vote in that voter's name.
func TestNobodyVotesForAnother(t *testing.T) {
	found := &directory{of: map[string]string{}}
	a, c := found.founder(t), newPeer(t, "c", false)
	ask := func(target string) error {
		return a.transport.RequestVote("b", raft.ServerAddress(target), &raft.RequestVoteRequest{RPCHeader: raft.RPCHeader{ProtocolVersion: 3}}, &raft.RequestVoteResponse{})
	}
	if err := ask(c.address); !errors.Is(err, trust.ErrWrongNode) {
		t.Errorf("c answers at b's address: %v", err)
	}
	found.set("b", c.address)
	if err := ask("127.0.0.1:1"); !errors.Is(err, trust.ErrWrongNode) {
		t.Errorf("c answers where b is said to be: %v", err)
	}
}
