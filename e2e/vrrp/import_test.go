package vrrp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/api"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

// tutorialFile is a file of the usual tutorial, on the lab's interface and network.
func tutorialFile(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../vrrp/keepalived/testdata/tutorial/" + name)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name)
	moved := strings.NewReplacer("bond0", "eth0", "192.168.1.100", "10.9.0.50").Replace(string(text))
	if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// service stands for the nginx of a node, among the node's own processes.
type service struct {
	*mover
	node    *harness.Node
	program string
	process *lab.Process
}

// services are one for each node, started.
func (m *mover) services() (list []*service) {
	m.Helper()
	path, err := exec.LookPath("sleep")
	m.must(err)
	program, err := os.ReadFile(path)
	m.must(err)
	file := filepath.Join(m.TempDir(), "nginx")
	m.must(os.WriteFile(file, program, 0o755))
	for _, n := range m.Nodes {
		s := &service{mover: m, node: n, program: file}
		s.start()
		list = append(list, s)
	}
	return list
}

func (s *service) start() {
	s.Helper()
	nsenter, err := exec.LookPath("nsenter")
	s.must(err)
	daemon := s.childOf(s.node.Process().Pid)
	s.process, err = s.node.Host.Start(lab.Spec{Name: "nginx", Path: nsenter, Args: []string{"--target", fmt.Sprint(daemon), "--pid", s.program, "1000"}})
	s.must(err)
}

func (s *service) kill() {
	s.Helper()
	s.must(unix.Kill(s.childOf(s.process.Pid), unix.SIGKILL))
}

// childOf waits for the one child of a process.
func (s *service) childOf(pid int) (child int) {
	s.Helper()
	s.await(fmt.Sprintf("process %d has a child", pid), func(context.Context) error {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if _, scanErr := fmt.Sscan(string(text), &child); scanErr != nil {
			return errors.Join(err, scanErr)
		}
		return nil
	})
	return child
}

// The tutorial's pair of files becomes a cluster of three nodes: nothing of it is lost, and when the process that it
// looks for ends on the holder, the address moves by a planned hand-over, and comes back.
func TestImportedTutorial(t *testing.T) {
	lab.Require(t)
	// Each daemon has processes of its own, as on hosts of their own.
	m := &mover{scene: &scene{T: t, Cluster: harness.New(t, harness.Options{Nodes: 3, Wrapper: []string{"/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--kill-child"}})}}
	bin, err := harness.Binaries(m.wait())
	m.must(err)
	m.bin = bin
	m.must(m.AwaitWhole(m.wait()))
	first := m.Nodes[0]
	dir := t.TempDir()
	specification, report := filepath.Join(dir, "vips.yaml"), filepath.Join(dir, "report.txt")
	m.vipctl(first, "", "import", "--node", "node1="+tutorialFile(t, dir, "web1.conf"), "--node", "node2="+tutorialFile(t, dir, "web2.conf"), "--out", specification, "--report", report)
	text, err := os.ReadFile(report)
	m.must(err)
	if strings.Contains(string(text), "unsupported:") {
		t.Errorf("something is not taken over:\n%s", text)
	}
	services := m.services()
	m.vipctl(first, "", "apply", "-f", specification)

	vip := flavours[0].addr()
	o := m.ProbeOptions(vip)
	o.MaxRate = 4000
	w, err := probe.Start(o)
	m.must(err)
	t.Cleanup(func() {
		if _, err := w.Stop(); err != nil {
			t.Errorf("probe: %v", err)
		}
	})
	m.holds(w, first)
	m.step(w, "nginx is killed on node1", nothing, func() {
		at := time.Now()
		services[0].kill()
		m.must(m.AwaitGroup(m.wait(), "VI_1", "is left by node1", func(g api.GroupStatus) bool {
			return g.Holder != first.Name && strings.Contains(g.Reason, "check chk_nginx fails: -20")
		}))
		holder, err := m.Holder(m.wait(), "VI_1")
		m.must(err)
		m.holds(w, holder)
		t.Logf("%s has the address %v after nginx was killed", holder, time.Since(at).Round(time.Millisecond))
	})
	for _, want := range []string{"chk_nginx  node1  failing", "no such process"} {
		if text := m.vipctl(m.Nodes[1], "", "checks"); !strings.Contains(text, want) {
			t.Errorf("checks do not say %q:\n%s", want, text)
		}
	}
	if text := m.vipctl(m.Nodes[2], "", "why", "VI_1"); !strings.Contains(text, "node1  80        eligible  check chk_nginx fails: -20") {
		t.Errorf("why does not tell:\n%s", text)
	}
	m.step(w, "nginx is started on node1", nothing, func() {
		services[0].start()
		m.holds(w, first)
	})
}
