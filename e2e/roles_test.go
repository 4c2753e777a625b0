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
	"vipd/e2e/harness"
)

// role waits until a member is what it should be, in the leader's view.
func (s *scene) role(name, want string) {
	s.Helper()
	s.await(name+" is a "+want, func(ctx context.Context) error {
		leader, err := s.Leader(ctx)
		if err != nil {
			return err
		}
		status, err := leader.Status(ctx)
		for _, n := range status.Nodes {
			if n.Name == name && n.Role == want {
				return nil
			}
		}
		return errors.Join(fmt.Errorf("the leader says %+v", status.Nodes), err)
	})
}

// A dead voter gives its vote to a learner, is removed, comes back by a token and becomes a witness, while an address is
// held by somebody whom none of it concerns.
func TestVotersAreReplaced(t *testing.T) {
	s := form(t, 4)
	s.apply(web)
	leader := s.leader()
	after := time.Second
	voters, err := leader.Client.Voters(s.wait(), api.VotersRequest{ReplaceAfter: &after})
	s.must(err)
	if len(voters.Voters) != 3 {
		t.Fatalf("of four members %v vote", voters.Voters)
	}
	s.move("web", leader)
	var spare, victim *harness.Node
	for _, n := range s.Except(leader) {
		if slices.Contains(voters.Voters, n.Name) {
			victim = n
		} else {
			spare = n
		}
	}
	w := s.watch(web4)
	at := time.Now()
	if _, err := leader.Client.Remove(s.wait(), api.RemoveRequest{Node: victim.Name}); err == nil || !strings.Contains(err.Error(), "alive") {
		t.Errorf("remove a node that is alive: %v", err)
	}

	w.step("the voter %s dies", victim)
	s.must(victim.Kill())
	s.role(spare.Name, "voter")
	s.role(victim.Name, "learner")
	w.step("%s is removed", victim)
	_, err = spare.Client.Remove(s.wait(), api.RemoveRequest{Node: victim.Name, Force: true})
	s.must(err)
	if _, there := s.roles(s.leader())[victim.Name]; there {
		t.Errorf("%s is still a member", victim)
	}

	w.step("%s starts again", victim)
	s.must(victim.Start(s.wait()))
	s.await("it says that it was taken out", func(ctx context.Context) error {
		status, err := victim.Status(ctx)
		if err == nil && !strings.Contains(strings.Join(status.Warnings, " "), "taken out of the cluster") {
			err = fmt.Errorf("it says %q", status.Warnings)
		}
		return err
	})
	_, err = s.Join(s.wait(), victim, s.leader())
	s.must(err)
	_, err = s.leader().Client.Role(s.wait(), api.RoleRequest{Node: victim.Name, Role: "witness"})
	s.must(err)
	s.role(victim.Name, "witness")

	other := s.Except(victim, s.holder("web"), s.leader())[0]
	w.step("%s is removed by force while it is alive", other)
	_, err = s.leader().Client.Remove(s.wait(), api.RemoveRequest{Node: other.Name, Force: true})
	s.must(err)
	if err := other.Client.Drain(s.within(2*time.Second), api.DrainRequest{Node: s.leader().Name, On: true}); err == nil {
		t.Errorf("%s commands the cluster after it was taken out", other)
	}
	w.answered(s.holder("web").Host.Name, web4)
	w.shorter(web4, at, undisturbed)
}
