package e2e

import (
	"context"
	"fmt"
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
