package consensus

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vipd/cluster/state"
)

// limit is how long a loaded machine may take for what normally takes milliseconds.
const limit = 30 * time.Second

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

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func diff[T any](t fataler, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(limit); !holds(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited %v until %s", limit, what)
		}
	}
}

func bounded(t testing.TB) context.Context {
	ctx, end := context.WithTimeout(context.Background(), limit)
	t.Cleanup(end)
	return ctx
}

func founding(name string) state.Command {
	return state.Command{Init: &state.Init{Cluster: "test", Profile: state.LAN, Node: nodeNamed(name)}}
}

func joining(name string) state.Command {
	return state.Command{Join: &state.Join{Node: nodeNamed(name)}}
}

func registering(name string) state.Command {
	return state.Command{Register: &state.Register{Node: name, Instance: "i-" + name, Start: "s-" + name}}
}

func nodeNamed(name string) state.Node {
	return state.Node{Name: name, Instance: "i-" + name, Gossip: name + ":1", Address: name + ":2"}
}

func encode(t fataler, cmd state.Command) []byte {
	data, err := cmd.Encode()
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	return data
}
