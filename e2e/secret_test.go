package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

// awaitRotation waits until a node says that a rotation is under way and waits for another.
func (s *scene) awaitRotation(by, waitsFor *harness.Node) {
	s.Helper()
	s.await("the rotation waits for "+waitsFor.Name, func(ctx context.Context) error {
		status, err := by.Client.SecretStatus(ctx)
		if err == nil && (status.Rotation == nil || fmt.Sprint(status.Rotation.Waiting) != "["+waitsFor.Name+"]") {
			err = fmt.Errorf("it says %+v", status.Rotation)
		}
		return err
	})
}

func (s *scene) fingerprint(n *harness.Node) string {
	s.Helper()
	status, err := n.Client.SecretStatus(s.wait())
	s.must(err)
	return status.Fingerprint
}

// The secret is replaced while an address is watched, and nobody notices. What was made of the former one is good for
// nothing; a node that missed it is told so, and comes back with its data. Daemons that are killed go on where they were.
func TestRotateTheSecret(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	missed := s.follower()
	n := s.Except(missed)[0]
	s.move("web", n)
	w := s.watch(web4)
	w.held("web", n, web4)
	former, err := n.Client.Token(s.wait())
	s.must(err)
	formerOnce, err := n.Client.TokenFor(s.wait(), api.TokenRequest{Once: true})
	s.must(err)
	first, epochs, at := s.fingerprint(n), s.epochs(), time.Now()

	w.step("the secret is rotated")
	_, err = missed.Client.SecretRotate(s.wait(), api.SecretRotateRequest{})
	s.must(err)
	for _, other := range s.Nodes {
		if got := s.fingerprint(other); got == first || got != s.fingerprint(n) {
			t.Errorf("%s uses the secret %s, %s the secret %s; before it was %s", other, got, n, s.fingerprint(n), first)
		}
	}
	if got := s.epochs(); fmt.Sprint(got) != fmt.Sprint(epochs) {
		t.Errorf("a lease was lost: epochs %v, then %v", epochs, got)
	}

	w.step("it is rotated without %s, which is off", missed)
	s.must(missed.Kill())
	rotated := make(chan error, 1)
	go func() {
		_, err := n.Client.SecretRotate(s.wait(), api.SecretRotateRequest{})
		rotated <- err
	}()
	s.awaitRotation(n, missed)
	_, err = n.Client.SecretRotate(s.wait(), api.SecretRotateRequest{Without: []string{missed.Name}})
	s.must(err)
	s.must(<-rotated)
	s.must(missed.Start(s.wait()))
	s.await("it says that it missed the rotation, and so do the others", func(context.Context) error {
		theirs := strings.Join(s.status(n).Warnings, "\n")
		if own := strings.Join(s.status(missed).Warnings, "\n"); !strings.Contains(own, "vipctl join -") || !strings.Contains(theirs, missed.Name+" has a former secret") {
			return fmt.Errorf("it says %q, and %s %q", own, n, theirs)
		}
		return nil
	})
	stranger, err := s.AddHost(s.wait(), "stranger", harness.NodeOptions{Name: missed.Name})
	s.must(err)
	for what, token := range map[string]api.TokenText{"a former token": former, "one for a node that was not used": formerOnce} {
		if _, err := stranger.Client.Join(s.wait(), api.JoinRequest{Token: token.Token}); err == nil || !strings.Contains(err.Error(), "rotated") {
			t.Errorf("join with %s: %v", what, err)
		}
	}
	token, err := n.Client.TokenFor(s.wait(), api.TokenRequest{Once: true})
	s.must(err)
	if _, err := stranger.Client.Join(s.wait(), api.JoinRequest{Token: token.Token}); err == nil || !strings.Contains(err.Error(), "is a member already") {
		t.Errorf("join under a member's name: %v", err)
	}
	// The token is not used up by that.
	result, err := missed.Client.Join(s.wait(), api.JoinRequest{Token: token.Token})
	s.must(err)
	if !result.Already {
		t.Errorf("%s is another node than before: %+v", missed, result)
	}
	if _, err := stranger.Client.Join(s.wait(), api.JoinRequest{Token: token.Token}); err == nil || !strings.Contains(err.Error(), "used already") {
		t.Errorf("join with a token that was used: %v", err)
	}
	s.must(stranger.Kill())
	w.held("web", n, web4)
	w.shorter(web4, at, undisturbed)

	w.step("the leader is killed while a rotation waits, and goes on after its start")
	leader := s.leader()
	off := s.Except(leader, stranger)[0]
	s.must(off.Kill())
	before := s.fingerprint(leader)
	waiting := make(chan error, 1)
	go func() {
		_, err := leader.Client.SecretRotate(s.wait(), api.SecretRotateRequest{})
		waiting <- err
	}()
	asked := s.Except(leader, stranger, off)[0]
	s.awaitRotation(asked, off)
	for _, aborted := range []bool{true, false} {
		result, err := asked.Client.SecretRotate(s.wait(), api.SecretRotateRequest{Abort: true})
		s.must(err)
		if result.Aborted != aborted || result.Fingerprint != before {
			t.Errorf("given up: %+v; the secret was %s", result, before)
		}
	}
	if err := <-waiting; err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("who waits for a rotation that is given up is told %v", err)
	}
	if _, err := leader.Client.SecretRotate(s.within(2*time.Second), api.SecretRotateRequest{}); err == nil {
		t.Error("it was rotated without a node that is off")
	}
	s.must(leader.Kill())
	for _, again := range []*harness.Node{off, leader} {
		s.must(again.Start(s.wait()))
	}
	s.await("all have another secret", func(context.Context) error {
		for _, other := range []*harness.Node{off, leader, missed} {
			status, err := other.Client.SecretStatus(s.wait())
			if err != nil || status.Rotation != nil || status.Fingerprint == before {
				return errors.Join(err, fmt.Errorf("%s: %+v", other, status))
			}
		}
		return nil
	})
}
