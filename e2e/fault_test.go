package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

// Between any two nodes, the way in one direction is lost. That takes at most the groups of those two
// elsewhere; never do two answer, and all is well afterwards.
func TestOneWay(t *testing.T) {
	s := form(t, 3)
	groups, addrs := homes(s.Nodes)
	s.apply(groups...)
	w := s.watch(addrs...)
	w.home(groups)
	for _, from := range s.Nodes {
		for _, to := range s.Except(from) {
			w.step("what %s sends does not reach %s; %s leads", from, to, s.leader())
			s.must(s.Lab.Block(from.Host, to.Host))
			w.dwell(time.Second)
			// Whoever has lost its lease has handed over; every address answers.
			w.answered("", addrs...)
			w.step("it does again")
			s.must(s.Lab.Heal())
			w.home(groups)
		}
	}
}

// A leader that one member does not hear, or that does not hear it, leads no more soon: nothing that is assigned to that
// member would be held by anybody. status says which way is lost.
func TestLeaderAndMemberDoNotHearEachOther(t *testing.T) {
	for _, toLeader := range []bool{false, true} {
		t.Run(fmt.Sprintf("to the leader %v", toLeader), func(t *testing.T) {
			s := form(t, 3)
			s.apply(web)
			leads := s.leader()
			apart, leadsNext := s.Except(leads)[0], s.Except(leads)[1]
			s.move("web", leadsNext)
			w := s.watch(web4, web6)
			from, to := leads, apart
			if toLeader {
				from, to = apart, leads
			}
			at := time.Now()
			w.step("what %s sends does not reach %s; %s leads", from, to, leads)
			s.must(s.Lab.Block(from.Host, to.Host))
			s.await(leadsNext.Name+" leads", func(context.Context) error {
				if now := s.status(leadsNext).Leader; now != leadsNext.Name {
					return fmt.Errorf("%s leads", now)
				}
				return nil
			})
			took := time.Since(at)
			t.Logf("%s leads after %v", leadsNext, took.Round(time.Millisecond))
			if took > 2*time.Second {
				t.Error("that is too long")
			}
			w.shorter(web4, at, undisturbed)
			said := "what " + from.Name + " sends does not reach " + to.Name
			s.await("status says so", func(context.Context) error { return warns(s.status(leadsNext), said, true) })
			s.move("web", apart)
			w.held("web", apart, web4, web6)
			w.shorter(web4, at, plannedLimit)
			w.step("it does again")
			s.must(s.Lab.Heal())
			s.await("status says so no more", func(context.Context) error { return warns(s.status(leadsNext), said, false) })
			w.settle()
		})
	}
}

// warns returns an error unless a warning is there, or is not.
func warns(s api.Status, text string, is bool) error {
	if slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, text) }) != is {
		return fmt.Errorf("the warnings are %q", s.Warnings)
	}
	return nil
}

// The profile changes while addresses are held: the client notices nothing, and the next failover is as quick
// as the newest profile says.
func TestProfiles(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	w := s.watch(web4, web6)
	for _, name := range []string{"fast", "wan", "lan"} {
		at := time.Now()
		w.step("the profile becomes %s", name)
		profile, err := state.ProfileNamed(name)
		s.must(err)
		_, err = s.leader().Client.Profile(s.wait(), api.ProfileRequest{Set: &profile})
		s.must(err)
		s.await("all know it", func(context.Context) error {
			for _, n := range s.Nodes {
				if status := s.status(n); status.Profile.Name != name {
					return fmt.Errorf("%s says %+v", n, status.Profile)
				}
			}
			return nil
		})
		// Many renewals of either, and the end of the longest lease of the one before.
		w.dwell(time.Second)
		w.answered("", web4, web6)
		limit := undisturbed
		if name == "fast" {
			// A lease of 25 ms is lost at times where the machine is busy, and taken anew.
			limit = failoverLimit
		}
		w.shorter(web4, at, limit)
	}
	s.whole()
	holder := s.holder("web")
	w.step("the holder %s is killed", holder)
	at := time.Now()
	s.must(holder.Kill())
	w.taken("web", holder, web4, web6)
	w.shorter(web4, at, failoverLimit)
}

// A daemon that can open nothing any more keeps what it has or loses it to others, and recovers.
func TestNoFileDescriptors(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	n := s.leader()
	s.move("web", n)
	w := s.watch(web4, web6)
	w.held("web", n, web4, web6)
	at := time.Now()
	w.step("%s, which leads and holds, may open no more files", n)
	var before unix.Rlimit
	s.must(unix.Prlimit(n.Process().Pid, unix.RLIMIT_NOFILE, nil, &before))
	s.must(unix.Prlimit(n.Process().Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: before.Max}, nil))
	w.dwell(2 * time.Second)
	w.answered("", web4, web6)
	w.shorter(web4, at, failoverLimit)
	w.step("another node is killed meanwhile and starts again")
	other := s.Except(n)[0]
	s.must(other.Kill())
	w.dwell(time.Second)
	s.must(other.Start(s.wait()))
	w.step("%s may again", n)
	s.must(unix.Prlimit(n.Process().Pid, unix.RLIMIT_NOFILE, &before, nil))
	s.whole()
	w.held("web", s.holder("web"), web4, web6)
}
