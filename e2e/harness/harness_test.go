package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := RemoveBinaries(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// A cluster forms, serves, loses a node to kill -9, gets it back, grows, and a partition is seen for what it is.
func TestLife(t *testing.T) {
	c := New(t, Options{Nodes: 3})
	ctx := limited(t)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(c.AwaitWhole(ctx))
	_, err := c.Apply(ctx, Group("web", "10.9.0.50", "fd09::50:1"))
	check(err)
	holder, err := c.Holder(ctx, "web")
	check(err)

	check(holder.Kill())
	if holder.Running() {
		t.Errorf("%s runs after kill -9", holder)
	}
	check(c.AwaitGroup(ctx, "web", "moved", func(g api.GroupStatus) bool { return g.Holder != holder.Name }))
	check(holder.Restart(ctx))
	check(c.AwaitWhole(ctx))

	_, err = c.AddNode(ctx, "node4")
	check(err)
	check(c.AwaitWhole(ctx))
	if n := len(c.Nodes); n != 4 {
		t.Errorf("%d nodes", n)
	}

	leader, err := c.Leader(ctx)
	check(err)
	check(c.Lab.Partition(HostsOf(leader), HostsOf(c.Except(leader)...)))
	next, err := c.Leader(ctx)
	check(err)
	check(Await(ctx, "another leads", func(ctx context.Context) (err error) {
		if next, err = c.Leader(ctx); err == nil && next == leader {
			err = errors.New("it still leads")
		}
		return err
	}))
	check(c.Lab.Heal())
	check(c.AwaitWhole(ctx))
	for _, n := range c.Nodes {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := n.Terminate(ctx); err != nil {
			t.Fatalf("%v\n%s", err, n.Log(64<<10))
		}
	}
}

// A daemon that cannot start says why.
func TestStartFails(t *testing.T) {
	c := New(t, Options{Nodes: 1, Apart: true})
	ctx := limited(t)
	_, err := c.AddHost(ctx, "node2", NodeOptions{Config: "fence: wall\n"})
	if err == nil || !strings.Contains(err.Error(), `"wall" is not a choice`) {
		t.Errorf("got %v", err)
	}
}

// A condition that stays untrue is told together with what was seen.
func TestAwaitEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*lookEach)
	defer cancel()
	err := Await(ctx, "pigs fly", func(context.Context) error { return errors.New("they walk") })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "pigs fly") || !strings.Contains(err.Error(), "they walk") {
		t.Errorf("got %v", err)
	}
}
