package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// history is what a node tells of all that happened.
func (s *scene) history(n *harness.Node) []state.Event {
	s.Helper()
	var list []state.Event
	_, err := n.Client.Events(s.wait(), api.EventsRequest{}, func(e *state.Event, _ bool) error {
		list = append(list, *e)
		return nil
	})
	s.must(err)
	return list
}

// find returns where in the history there is an event of a kind, of a group or else of a node; -1 if there is none.
func find(list []state.Event, kind state.Kind, group string, n *harness.Node) int {
	return slices.IndexFunc(list, func(e state.Event) bool { return e.Kind == kind && e.Group == group && e.Node == n.Name })
}

var errSeen = errors.New("seen")

// carriedAfter follows a node's events until another than last carries a group.
func carriedAfter(ctx context.Context, n *harness.Node, group string, last *harness.Node) (carried state.Event, err error) {
	_, err = n.Client.Events(ctx, api.EventsRequest{Follow: true, Group: group}, func(e *state.Event, _ bool) error {
		if e.Kind == state.Carried && e.From == last.Name {
			carried = *e
			return errSeen
		}
		return nil
	})
	if errors.Is(err, errSeen) {
		return carried, nil
	}
	return carried, fmt.Errorf("no node is told to carry %s: %w", group, err)
}

// What happened is told by every node, also after all of them were killed.
func TestHistory(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	n := s.holder("web")
	s.drain(s.Except(n)[0], true)
	s.drain(s.Except(n)[0], false)
	w := s.watch(web4)
	w.held("web", n, web4)
	at := time.Now()
	s.must(n.Kill())
	next := w.taken("web", n, web4)
	silent := w.shorter(web4, at, failoverLimit)
	survivors := s.Except(n)
	carried, err := carriedAfter(s.wait(), survivors[0], "web", n)
	s.must(err)
	if carried.Node != next.Name || carried.Serial != s.serial("web") {
		t.Errorf("carried by %+v; it is %s with serial %d", carried, next, s.serial("web"))
	}
	// It says what nobody can have waited longer than: from the last word of the old holder on.
	if carried.Duration < silent-20*time.Millisecond || carried.Duration > silent+failoverLimit {
		t.Errorf("it is said to have been silent for %v; it was for %v", carried.Duration, silent)
	}
	told := s.history(survivors[0])
	t.Logf("told as silent for %v", carried.Duration)
	lost, given, on := find(told, state.Lost, "", n), find(told, state.Held, "web", next), find(told, state.Carried, "web", next)
	if lost < 0 || given < lost || on < given || told[given].From != n.Name {
		t.Errorf("the failover is told as %+v", told)
	}
	if i := find(told, state.Drained, "", survivors[0]); i < 0 || told[i].By == nil || told[i].By.User != "root" || told[i].By.UID != 0 {
		t.Errorf("the drain is told as %+v", told)
	}
	s.await("both survivors tell the same", func(context.Context) error {
		if diff := cmp.Diff(s.history(survivors[0]), s.history(survivors[1])); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
	for _, other := range survivors {
		s.must(other.Kill())
	}
	for _, each := range s.Nodes {
		s.must(each.Start(s.wait()))
	}
	s.whole()
	for _, each := range s.Nodes {
		s.await(each.Name+" tells what was before", func(context.Context) error {
			now := s.history(each)
			if diff := cmp.Diff(told, now[:min(len(told), len(now))]); diff != "" {
				return errors.New(diff)
			}
			return nil
		})
	}
}
