package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// disks are file systems of their own for the nodes' data, by host, so that a test can do to them what disks do.
type disks map[string]string

// at returns where a node's disk is mounted.
func (d disks) at(n *harness.Node) string { return d[n.Host.Name] }

// formOnDisks makes a cluster whose nodes keep their data on disks that mount makes; "" is none.
func formOnDisks(t *testing.T, nodes int, mount func(*lab.Host) string) (*scene, disks) {
	t.Helper()
	made := disks{}
	c := harness.New(t, harness.Options{Nodes: nodes, DataDir: func(h *lab.Host) string {
		made[h.Name] = mount(h)
		if made[h.Name] == "" {
			return ""
		}
		return filepath.Join(made[h.Name], "data")
	}})
	// The cluster's end, which comes after this, kills the daemons and removes the directories.
	t.Cleanup(func() {
		for _, dir := range made {
			if dir == "" {
				continue
			}
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
	})
	s := &scene{t, c}
	s.whole()
	return s, made
}

// One node's disk is full: it may fall out, but the cluster serves on, and heals when there is room again.
func TestDiskFull(t *testing.T) {
	const size = 24 << 20
	s, disks := formOnDisks(t, 3, func(h *lab.Host) string {
		if h.Name != "node1" {
			return ""
		}
		dir := filepath.Join(h.Dir, "disk")
		if err := errors.Join(os.MkdirAll(dir, 0o755), unix.Mount("small", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))); err != nil {
			t.Fatal(err)
		}
		return dir
	})
	s.apply(web)
	n := s.Nodes[0]
	s.move("web", n)
	w := s.watch(web4, web6)
	w.held("web", n, web4, web6)
	at := time.Now()
	w.step("the disk of %s, which holds web, fills up", n)
	ballast := filepath.Join(disks.at(n), "ballast")
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
	w.shorter(web4, at, failoverLimit)
	if !n.Running() && !strings.Contains(n.Log(64<<10), "no space left on device") {
		t.Errorf("%s ended and does not say that its disk is full", n)
	}
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

// hangLimit bounds the silence when a holder fails while the leader's disk hangs: the canary's second until the
// next write, its second until that counts as hung, and a failover.
const hangLimit = 2*time.Second + failoverLimit

// A disk that hangs, as one does whose controller or network went away, is no reason for silence: the node goes
// on holding what it holds, for that needs no disk, and if it leads it gives that up. So addresses go on moving.
func TestDiskHangs(t *testing.T) {
	s, disks := formOnDisks(t, 4, func(h *lab.Host) string { return blockDisk(t, h) })
	s.apply(web)
	learner := s.only("learner")
	s.part("of the leader; then a move, then the holder dies", func(s *scene) {
		n := s.leader()
		s.move("web", learner)
		w := s.watch(web4, web6)
		w.held("web", learner, web4, web6)
		at := time.Now()
		w.step("the disk of %s, which leads, hangs", n)
		mend := hang(s, disks.at(n))
		to := s.Except(n, learner)[0]
		w.step("%s is asked to have web moved to it", to)
		s.await("the move is done", func(context.Context) error {
			_, err := to.Client.Move(s.wait(), api.MoveRequest{Group: "web", Node: to.Name})
			return err
		})
		w.held("web", to, web4, web6)
		t.Logf("that took %v", time.Since(at).Round(time.Millisecond))
		w.shorter(web4, at, plannedLimit)
		s.await(n.Name+" neither leads nor hides why", func(ctx context.Context) error {
			status, err := n.Status(ctx)
			hangs := func(warning string) bool { return strings.Contains(warning, "its disk hangs") }
			if err == nil && (status.Leader == n.Name || !slices.ContainsFunc(status.Warnings, hangs)) {
				err = fmt.Errorf("it takes %q for the leader and warns of %q", status.Leader, status.Warnings)
			}
			return err
		})
		if !strings.Contains(n.Log(64<<10), "giving up the leadership: the disk hangs") {
			s.Errorf("%s does not log why it leads no more", n)
		}
		w.step("it is moved back to %s, which is killed", learner)
		s.move("web", learner)
		w.held("web", learner, web4, web6)
		at = time.Now()
		s.must(learner.Kill())
		w.taken("web", learner, web4, web6)
		w.shorter(web4, at, failoverLimit)
		w.step("the disk of %s writes again", n)
		mend()
		s.must(learner.Restart(s.wait()))
		s.whole()
	})
	s.part("of the leader, at the moment when the holder dies", func(s *scene) {
		n := s.leader()
		s.move("web", learner)
		w := s.watch(web4, web6)
		w.held("web", learner, web4, web6)
		at := time.Now()
		w.step("the disk of %s, which leads, hangs, and %s is killed", n, learner)
		mend := hang(s, disks.at(n))
		s.must(learner.Kill())
		w.taken("web", learner, web4, web6)
		w.shorter(web4, at, hangLimit)
		w.step("the disk writes again")
		mend()
		s.must(learner.Restart(s.wait()))
		s.whole()
	})
	s.part("of a leader that holds, and is drained", func(s *scene) {
		n := s.leader()
		s.move("web", n)
		w := s.watch(web4, web6)
		w.held("web", n, web4, web6)
		at := time.Now()
		w.step("the disk of %s, which leads and holds, hangs", n)
		mend := hang(s, disks.at(n))
		w.step("it is drained")
		s.must(s.Except(n)[0].Client.Drain(s.wait(), api.DrainRequest{Node: n.Name, On: true}))
		w.taken("web", n, web4, web6)
		w.shorter(web4, at, plannedLimit)
		if s.carries(n, web4) || s.carries(n, web6) {
			s.Errorf("%s has addresses after it was drained", n)
		}
		w.step("the disk writes again")
		mend()
		s.drain(n, false)
		s.whole()
	})
	s.part("of the holder", func(s *scene) {
		n := s.Except(s.leader(), learner)[0]
		s.move("web", n)
		w := s.watch(web4, web6)
		w.held("web", n, web4, web6)
		at := time.Now()
		w.step("the disk of %s, which holds, hangs", n)
		mend := hang(s, disks.at(n))
		w.dwell(3 * time.Second)
		w.held("web", n, web4, web6)
		w.shorter(web4, at, undisturbed)
		w.step("web is moved away")
		s.move("web", learner)
		w.held("web", learner, web4, web6)
		w.shorter(web4, at, plannedLimit)
		w.step("the disk writes again")
		mend()
		s.whole()
	})
}

// only returns the one node that has a role.
func (s *scene) only(role string) *harness.Node {
	s.Helper()
	var found []*harness.Node
	for name, r := range s.roles(s.leader()) {
		if r == role {
			found = append(found, s.Node(name))
		}
	}
	if len(found) != 1 {
		s.Fatalf("%d nodes are %s, want 1", len(found), role)
	}
	return found[0]
}

// blockDisk makes a disk with ext4, which can be frozen, for a host.
func blockDisk(t *testing.T, h *lab.Host) string {
	t.Helper()
	dir, image := filepath.Join(h.Dir, "disk"), filepath.Join(h.Dir, "disk.img")
	for _, command := range [][]string{
		{"mkdir", dir}, {"truncate", "-s", "64M", image}, {"mkfs.ext4", "-q", image}, {"mount", "-o", "loop", image, dir},
	} {
		if out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", command, err, out)
		}
	}
	return dir
}

// From include/uapi/linux/fs.h.
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)

// hang has a file system take no writes: whoever writes waits until mend, which is called at the end of the
// scene at the latest, for not even kill -9 ends such a wait.
func hang(s *scene, dir string) (mend func()) {
	s.Helper()
	f, err := os.Open(dir)
	s.must(err)
	s.must(unix.IoctlSetInt(int(f.Fd()), fiFreeze, 0))
	hangs := true
	mend = func() {
		if !hangs {
			return
		}
		hangs = false
		if err := errors.Join(unix.IoctlSetInt(int(f.Fd()), fiThaw, 0), f.Close()); err != nil {
			s.Errorf("thaw %s: %v", dir, err)
		}
	}
	s.Cleanup(mend)
	return mend
}

// A file system that meets an error becomes read-only, as ext4 does by default on most systems. The node falls out
// and says why, the cluster serves on, and the node is back once the file system is mended.
func TestDiskReadOnly(t *testing.T) {
	s, disks := formOnDisks(t, 3, func(h *lab.Host) string {
		if h.Name != "node1" {
			return ""
		}
		return blockDisk(t, h)
	})
	s.apply(web)
	n := s.Nodes[0]
	s.move("web", n)
	w := s.watch(web4, web6)
	w.held("web", n, web4, web6)
	at := time.Now()
	w.step("the file system of %s, which holds web, becomes read-only", n)
	device := s.shell("findmnt", "-no", "SOURCE", disks.at(n))
	s.shell("mount", "-o", "remount,errors=remount-ro", disks.at(n))
	s.must(os.WriteFile("/sys/fs/ext4/"+filepath.Base(device)+"/trigger_fs_error", []byte("1"), 0o200))
	w.step("the cluster goes on taking commands")
	s.await("apply is done", func(ctx context.Context) error {
		_, err := s.Except(n)[0].Client.Apply(ctx, api.ApplyRequest{Groups: []state.Group{web, harness.Group("more", "10.9.0.110")}})
		return err
	})
	w.taken("web", n, web4, web6)
	w.shorter(web4, at, failoverLimit)
	s.await(n.Name+" ends", func(context.Context) error {
		if n.Running() {
			return errors.New("it runs")
		}
		return nil
	})
	if !strings.Contains(n.Log(64<<10), "is read-only, as after errors of its disk") {
		t.Errorf("%s ended and does not say why: %s", n, n.Log(4<<10))
	}
	w.step("the file system is mended, which is a copy here since this one is still in use")
	image := filepath.Join(n.Host.Dir, "mended.img")
	s.shell("cp", "--sparse=always", filepath.Join(n.Host.Dir, "disk.img"), image)
	s.shell("e2fsck", "-fp", image)
	s.shell("mount", "-o", "loop", image, disks.at(n))
	s.Cleanup(func() { s.must(unix.Unmount(disks.at(n), unix.MNT_DETACH)) })
	s.must(n.Restart(s.wait()))
	s.whole()
}

// shell runs a command on the machine that the lab is on. e2fsck's 1 is that it mended something.
func (s *scene) shell(name string, args ...string) string {
	s.Helper()
	out, err := exec.CommandContext(s.Context(), name, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(name == "e2fsck" && errors.As(err, &exit) && exit.ExitCode() == 1) {
		s.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}
