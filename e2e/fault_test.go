package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
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

// One node's disk is full: it may fall out, but the cluster serves on, and heals when there is room again.
func TestDiskFull(t *testing.T) {
	const size = 24 << 20
	disk := ""
	c := harness.New(t, harness.Options{Nodes: 3, DataDir: func(h *lab.Host) string {
		if h.Name != "node1" {
			return ""
		}
		disk = filepath.Join(h.Dir, "disk")
		if err := errors.Join(os.MkdirAll(disk, 0o755), unix.Mount("small", disk, "tmpfs", 0, fmt.Sprintf("size=%d", size))); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(disk, "data")
	}})
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := &scene{t, c}
	s.whole()
	s.apply(web)
	n := s.Nodes[0]
	s.move("web", n)
	w := s.watch(web4, web6)
	w.held("web", n, web4, web6)
	at := time.Now()
	w.step("the disk of %s, which holds web, fills up", n)
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	w.step("the cluster goes on taking commands")
	for i := range 50 {
		g := harness.Group("more", fmt.Sprintf("10.9.0.%d", 110+i))
		// A command that was on its way to a leader whose disk is full comes back with that error.
		s.await("apply is done", func(ctx context.Context) error {
			_, err := s.Except(n)[0].Client.Apply(ctx, api.ApplyRequest{Groups: []state.Group{web, g}})
			return err
		})
	}
	w.answered("", web4, web6)
	// Where it led, Raft's own timers come before the next leader: a full disk is no silence.
	w.shorter(web4, at, 5*time.Second)
	w.step("there is room again")
	s.must(os.Remove(ballast))
	if !n.Running() {
		s.must(n.Restart(s.wait()))
	}
	s.whole()
	s.must(s.Except(n)[1].Kill())
	w.answered("", web4, web6)
	s.must(s.AwaitGroup(s.wait(), "more", "is held", func(g api.GroupStatus) bool { return g.Holder != "" }))
}

// fill writes until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<16); ; {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
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
