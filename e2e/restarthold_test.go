package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

const (
	// hold is for how long a restart may take.
	hold = 10 * time.Second
	// unnoticed bounds the silence of a restart under a hold: nothing on the way of a packet changes.
	unnoticed = 20 * time.Millisecond
)

// restartHold has a node keep its addresses for a restart.
func (s *scene) restartHold(n *harness.Node) {
	s.Helper()
	result, err := n.Client.RestartHold(s.wait(), api.HoldRequest{Duration: hold})
	s.must(err)
	if !s.warned(n) {
		s.Errorf("%s does not warn of the hold: %q", n, s.status(n).Warnings)
	}
	if result.Left <= hold-5*time.Second || result.Left > hold {
		s.Errorf("%s has %v left of a hold of %v", n, result.Left, hold)
	}
}

// warned reports whether a node's status speaks of a hold.
func (s *scene) warned(n *harness.Node) bool {
	s.Helper()
	return slices.ContainsFunc(s.status(n).Warnings, func(w string) bool { return strings.Contains(w, "restart-hold") })
}

// A restart within a hold costs nothing, neither an answer nor the holder.
func TestRestartHold(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	for _, leads := range []bool{false, true} {
		name := "a follower"
		if leads {
			name = "the leader"
		}
		s.part(name, func(s *scene) {
			n := s.follower()
			if leads {
				n = s.leader()
			}
			s.move("web", n)
			w := s.watch(web4, web6)
			w.held("web", n, web4, web6)
			serial := s.serial("web")
			at := time.Now()
			w.step("%s is told to hold for %v", n, hold)
			s.restartHold(n)
			w.step("%s is stopped", n)
			s.must(n.Terminate(s.wait()))
			if !s.carries(n, web4) || !s.carries(n, web6) {
				s.Errorf("%s lost addresses when it stopped", n)
			}
			<-time.After(time.Second)
			w.step("%s starts again", n)
			s.must(n.Restart(s.wait()))
			s.whole()
			w.held("web", n, web4, web6)
			w.step("the hold ends")
			<-time.After(time.Until(at.Add(hold + time.Second)))
			s.whole()
			w.held("web", n, web4, web6)
			s.await("the hold is forgotten", func(context.Context) error {
				if s.warned(n) {
					return errors.New("the status speaks of it")
				}
				return nil
			})
			w.shorter(web4, at, unnoticed)
			w.shorter(web6, at, unnoticed)
			if now := s.serial("web"); now != serial {
				s.Errorf("web changed hands: serial %d, then %d", serial, now)
			}
			other := s.Except(n)[0]
			w.step("%s can fail over as before, even if %s, which granted so long a lease, has just started", n, other)
			s.must(other.Kill())
			s.must(other.Restart(s.wait()))
			s.whole()
			s.must(n.Kill())
			failed := time.Now()
			w.taken("web", n, web4, web6)
			w.shorter(web4, failed, failoverLimit)
			s.must(n.Restart(s.wait()))
			s.whole()
		})
	}
}

// Without a restart the addresses are taken over when the hold is over, and not before.
func TestRestartHoldWithoutRestart(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	for _, end := range []struct {
		name string
		end  func(*scene, *harness.Node)
	}{
		{"stopped", func(s *scene, n *harness.Node) { s.must(n.Terminate(s.wait())) }},
		{"kill -9", func(s *scene, n *harness.Node) { s.must(n.Kill()) }},
	} {
		s.part(end.name, func(s *scene) {
			n := s.follower()
			s.move("web", n)
			w := s.watch(web4, web6)
			w.held("web", n, web4, web6)
			at := time.Now()
			s.restartHold(n)
			w.step("%s ends: %s", n, end.name)
			end.end(s, n)
			next := w.taken("web", n, web4, web6)
			if took := time.Since(at); took < hold {
				s.Errorf("%s took over %v after a hold of %v began", next, took, hold)
			}
			w.shorter(web4, at, failoverLimit)
			w.shorter(web6, at, failoverLimit)
			w.step("%s comes back", n)
			s.must(n.Restart(s.wait()))
			s.whole()
			w.held("web", next, web4, web6)
		})
	}
}

// serial is that of a group's assignment.
func (s *scene) serial(group string) (serial uint64) {
	s.Helper()
	s.must(s.AwaitGroup(s.wait(), group, "is known", func(g api.GroupStatus) bool {
		serial = g.Serial
		return true
	}))
	return serial
}

// What cannot be gone on with is given up at the start, and taken over at once.
func TestRestartHoldGivenUp(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	n := s.holder("web")
	w := s.watch(web4, web6)
	at := time.Now()
	s.restartHold(n)
	s.must(n.Terminate(s.wait()))
	w.step("somebody removes the gate of %s", n)
	for _, family := range []string{"arp", "inet"} {
		if out, err := n.Host.Command(s.Context(), "nft", "delete", "table", family, "vipd-"+n.Name).CombinedOutput(); err != nil {
			s.Fatalf("nft: %v: %s", err, out)
		}
	}
	w.step("%s starts", n)
	s.must(n.Restart(s.wait()))
	s.whole()
	w.answered("", web4, web6)
	if took := time.Since(at); took > hold {
		s.Errorf("web came back %v after a hold of %v began", took, hold)
	}
	next := s.holder("web")
	w.held("web", next, web4, web6)
	if s.carries(n, web4) != (next == n) {
		s.Errorf("%s holds web; %s has its address: %v", next, n, s.carries(n, web4))
	}
}
