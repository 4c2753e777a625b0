package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// earlier is the commit that an upgrade begins with: it reads commands up to version 2, and its nodes do not say so.
const earlier = "af47129b9d57db53fdb488346ecada1398cf8c2b"

// buildLimit is for building vipd of that commit, once.
const buildLimit = 5 * time.Minute

// Node by node a cluster is upgraded, in the ways that docs/operations.md names, and nobody notices. What is new is refused
// until the last node can read it.
func TestRollingUpgrade(t *testing.T) {
	ctx, end := context.WithTimeout(t.Context(), buildLimit)
	defer end()
	if _, err := harness.BinariesOf(ctx, earlier); err != nil {
		t.Fatal(err)
	}
	s := &scene{t, harness.New(t, harness.Options{Nodes: 3, Earlier: earlier})}
	s.whole()
	s.apply(web)
	w := s.watch(web4, web6)
	at := time.Now()
	newer := web
	newer.Apart = "sites" // of version 3

	for i, n := range s.Nodes {
		switch {
		case i == 0:
			s.move("web", n)
			w.step("%s is restarted within a hold", n)
			_, err := n.Client.RestartHold(s.wait(), api.HoldRequest{Duration: 5 * time.Second})
			s.must(err)
		case i == 1:
			s.move("web", n)
			w.step("%s is drained", n)
			s.drain(n, true)
		default:
			w.step("%s is restarted", n)
		}
		s.must(n.Terminate(s.wait()))
		s.must(n.Upgrade(s.wait()))
		s.must(n.Restart(s.wait()))
		if i == 1 {
			s.drain(n, false)
		}
		s.whole()
		w.answered("", web4, web6)
		if left := s.Nodes[i+1:]; len(left) > 0 {
			w.refusedFor(newer, s.Nodes[0], left)
		}
	}

	w.step("all are upgraded")
	s.await("all may be used", func(ctx context.Context) error {
		for _, n := range s.Nodes {
			if got := s.status(n).Commands; got == nil || got.Version != state.CommandVersion || len(got.Behind) > 0 {
				return fmt.Errorf("%s says %+v", n, got)
			}
		}
		return nil
	})
	s.apply(newer)
	w.answered("", web4, web6)
	w.shorter(web4, at, failoverLimit)
	w.shorter(web6, at, failoverLimit)
	s.await("there is a history", func(ctx context.Context) error {
		if !slices.ContainsFunc(s.history(s.Nodes[2]), func(e state.Event) bool { return e.Kind == state.Applied }) {
			return errors.New("nothing was noted")
		}
		return nil
	})
}

// refusedFor asserts that what is new is refused by a node that knows it, with the names of those that do not.
func (w *watch) refusedFor(newer state.Group, by *harness.Node, left []*harness.Node) {
	w.Helper()
	_, err := by.Client.Apply(w.wait(), api.ApplyRequest{Groups: []state.Group{newer}})
	if err == nil {
		w.Fatalf("%s took what %v cannot read", by, left)
	}
	behind := w.status(by).Commands.Behind
	for _, n := range left {
		if !strings.Contains(err.Error(), n.Name) || !slices.Contains(behind, n.Name) {
			w.Errorf("the refusal does not name %s: %v; the status says %q", n, err, behind)
		}
	}
}
