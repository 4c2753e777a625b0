package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// When two of three are lost for good the third goes on alone, and those that come back as they were get neither a vote
// nor an address before they join again.
func TestRecover(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	left := s.follower()
	lost := s.Except(left)
	s.move("web", lost[0])
	w := s.watch(web4, web6)
	w.held("web", lost[0], web4, web6)

	w.step("a majority is there: recover is refused")
	if _, err := left.Client.Recover(s.wait(), api.RecoverRequest{}); err == nil || !strings.Contains(err.Error(), "nothing to recover") {
		t.Errorf("recover with a majority: %v", err)
	}
	w.step("all are killed, as by a power failure, and %s alone is started again", left)
	for _, n := range s.Nodes {
		s.must(n.Kill())
	}
	s.must(left.Start(s.wait()))
	if said := strings.Join(s.status(left).Warnings, " "); !strings.Contains(said, "2 of the voters node1, node2, node3") || !strings.Contains(said, "vipctl recover") {
		t.Errorf("%s alone says %q", left, said)
	}
	s.await("the plan names the lost", func(ctx context.Context) error {
		plan, err := left.Client.Recover(ctx, api.RecoverRequest{})
		if err == nil && (len(plan.Unconfirmed) != 2 || plan.Done || plan.Wait < state.MaxLease) {
			err = fmt.Errorf("it is %+v", plan)
		}
		return err
	})
	if _, err := left.Client.Recover(s.wait(), api.RecoverRequest{Lost: []string{lost[0].Name}, Yes: true}); err == nil || !strings.Contains(err.Error(), lost[1].Name) {
		t.Errorf("recover without a word on %s: %v", lost[1], err)
	}
	w.step("%s is recovered", left)
	// That they have been off for long is not so; there is no hold among what they were granted.
	result, err := left.Client.Recover(s.wait(), api.RecoverRequest{Lost: []string{lost[0].Name, lost[1].Name}, DownFor: time.Hour, Yes: true})
	s.must(err)
	w.answered(left.Host.Name, web4, web6)
	if status := s.status(left); status.Cluster != result.Next || len(status.Nodes) == 0 {
		t.Errorf("the status says cluster %s, the recovery %s", status.Cluster, result.Next)
	}

	w.step("the others start as they were")
	for _, n := range lost {
		s.must(n.Start(s.wait()))
	}
	for _, n := range lost {
		s.superseded(n, result.Next)
	}
	w.answered(left.Host.Name, web4, web6)

	w.step("%s joins again as it is, %s after it was wiped", lost[0], lost[1])
	s.must(lost[1].Kill())
	s.must(os.RemoveAll(lost[1].DataDir))
	s.must(lost[1].Start(s.wait()))
	var joining errgroup.Group
	for _, n := range lost {
		joining.Go(func() error {
			return harness.Await(s.wait(), n.Name+" joins again", func(ctx context.Context) error {
				_, err := s.Join(ctx, n, left)
				return err
			})
		})
	}
	s.must(joining.Wait())
	s.whole()
	at := time.Now()
	w.step("%s gets another address", lost[1])
	s.must(lost[1].Terminate(s.wait()))
	s.readdress(lost[1], "10.9.0.77")
	s.must(lost[1].Restart(s.wait()))
	s.await("it is a voter there", func(ctx context.Context) error {
		status, err := left.Status(ctx)
		for _, n := range status.Nodes {
			if n.Name == lost[1].Name && n.Role == "voter" && n.State == "alive" && strings.HasPrefix(n.Address, "10.9.0.77:") {
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("the nodes are %+v", status.Nodes))
	})
	s.whole()
	w.step("%s gets another name, which is refused", lost[1])
	s.must(lost[1].Terminate(s.wait()))
	s.edit(lost[1], "node: "+lost[1].Name, "node: other")
	if err := lost[1].Start(s.wait()); err == nil || !strings.Contains(err.Error(), "cannot be renamed") {
		t.Errorf("a node with another name: %v", err)
	}
	w.answered("", web4, web6)
	w.shorter(web4, at, undisturbed)
}

// readdress has a node listen on another address of its host at its next start.
func (s *scene) readdress(n *harness.Node, address string) {
	s.Helper()
	s.ip(n, "addr", "add", address+"/24", "dev", "eth0")
	s.edit(n, "listen: "+n.Host.IPv4.Addr().String(), "listen: "+address)
}

// edit changes a node file.
func (s *scene) edit(n *harness.Node, from, to string) {
	s.Helper()
	text, err := os.ReadFile(n.NodeFile)
	s.must(err)
	s.must(os.WriteFile(n.NodeFile, []byte(strings.Replace(string(text), from, to, 1)), 0o644))
}

// superseded waits until a node knows that the cluster goes on without it, and says so.
func (s *scene) superseded(n *harness.Node, by string) {
	s.Helper()
	s.await(n.Name+" knows that the cluster goes on without it", func(ctx context.Context) error {
		status, err := n.Status(ctx)
		if err == nil && (status.Quorum || len(status.Warnings) == 0 || !strings.Contains(status.Warnings[0], by)) {
			err = fmt.Errorf("it says %q", status.Warnings)
		}
		return err
	})
	if s.carries(n, web4) || s.carries(n, web6) {
		s.Errorf("%s has addresses", n)
	}
	if _, err := n.Client.Token(s.wait()); err == nil || !strings.Contains(err.Error(), "vipctl join") {
		s.Error(errors.Join(errors.New("the refusal does not say how to go on"), err))
	}
}
