package cluster

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"vipd/cluster/state"
)

// limit is how long a loaded machine may take for what normally takes milliseconds.
const limit = 20 * time.Second

// Raft's transport does not close what it accepted: that ends when the peer closes it.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hashicorp/raft.(*NetworkTransport).handleConn"))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func diff[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	options := cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
	if d := cmp.Diff(want, got, options); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// await receives, or fails when nothing comes.
func await[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(limit):
		t.Fatalf("waited %v for %s", limit, what)
		panic("unreachable")
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(limit); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v until %s", limit, what)
		}
	}
}

// runs runs a part until the test ends.
func runs(t testing.TB, run func(context.Context) error) {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := await(t, "the end of a part", done); err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// at is when every command of a test is made.
var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// grow applies commands, each at the next index; all of them must be taken.
func grow(t testing.TB, s *state.State, commands ...state.Command) *state.State {
	t.Helper()
	for _, cmd := range commands {
		cmd.At = at
		next, result := s.Apply(s.Index+1, cmd)
		if result.Err != nil {
			t.Fatalf("%s: %v", cmd.Name(), result.Err)
		}
		s = next
	}
	return s
}

// clusterOf returns a cluster of registered nodes, the first of which has epoch 1, the next 2, and so on;
// all of them vote.
func clusterOf(t testing.TB, names ...string) *state.State {
	t.Helper()
	s := grow(t, state.New(), founding(names[0]))
	for _, name := range names[1:] {
		s = grow(t, s, state.Command{Join: &state.Join{Node: nodeNamed(name)}})
	}
	for _, name := range names {
		s = grow(t, s, registering(name))
	}
	return s.WithVoters(s.Index+1, names)
}

func founding(name string) state.Command {
	return state.Command{Init: &state.Init{Cluster: "test", Profile: state.LAN, Node: nodeNamed(name)}}
}

func registering(name string) state.Command {
	return state.Command{Register: &state.Register{Node: name, Instance: "i-" + name, Start: "s-" + name}}
}

func nodeNamed(name string) state.Node {
	return state.Node{Name: name, Instance: "i-" + name, Gossip: name + ":1", Address: name + ":2"}
}

func groups(list ...state.Group) state.Command {
	return state.Command{SetGroups: &state.SetGroups{Groups: list}}
}

// group is one with addresses on eth0, as "10.0.0.1/24".
func group(name string, addresses ...string) state.Group {
	g := state.Group{Name: name, Priority: 100, Preempt: true}
	for _, a := range addresses {
		g.Addresses = append(g.Addresses, state.Address{Prefix: netip.MustParsePrefix(a), Interface: "eth0"})
	}
	return g
}

// give moves groups to a node, whatever they were before; to "" takes them away.
func give(s *state.State, to string, names ...string) state.Command {
	m := state.Move{To: to, Reason: "test"}
	if to != "" {
		m.Epoch = s.Nodes[to].Epoch
	}
	for _, name := range names {
		m.Groups = append(m.Groups, state.Expected{Group: name, Serial: s.Assignments[name].Serial})
	}
	return state.Command{Assign: &state.Assign{Moves: []state.Move{m}}}
}

// Whoever waits for a beat is woken with the others, and never at once.
func TestBeat(t *testing.T) {
	for range 1000 {
		before, wait, after := bootNow().Sub(started), untilBeat(), bootNow().Sub(started)
		if wait < beatEach/4 || wait > beatEach*5/4 {
			t.Fatalf("waits %v", wait)
		}
		if first, last := (before+wait)/beatEach, (after+wait)/beatEach; first != last && first+1 != last || (after+wait)%beatEach > after-before {
			t.Fatalf("asked between %v and %v it waits %v, which is no beat", before, after, wait)
		}
	}
}
