package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The test binary is also the helper program of the tests.
func TestMain(m *testing.M) {
	switch os.Getenv("LAB_TEST_ROLE") {
	case "abandon":
		abandonLab()
	case "sleep":
		fmt.Println("sleeping in", os.Getpid())
		select {}
	}
	os.Exit(m.Run())
}

// abandonLab makes a lab with a process in it, tells its namespaces' prefix and
// the process id, and waits to be killed.
func abandonLab() {
	l, err := Create(context.Background(), Options{Hosts: 1})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	p, err := l.Hosts[0].Start(sleeper())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(namespaceName(l.ID, ""), p.Pid, l.Dir)
	select {}
}

func sleeper() Spec {
	return Spec{Name: "sleeper", Path: "/proc/self/exe", Env: []string{"LAB_TEST_ROLE=sleep"}}
}

// reaches tells whether one echo request is answered. The requests are short,
// so that a test of silence is.
func reaches(t *testing.T, from, to *Host) bool {
	t.Helper()
	return pings(t, from, to.IPv4.Addr().String())
}

func pings(t *testing.T, from *Host, addr string) bool {
	t.Helper()
	out, err := from.Command(t.Context(), "ping", "-n", "-c1", "-W0.3", addr).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("ping: %v: %s", err, out)
	}
	return err == nil
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !cond() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestCreate(t *testing.T) {
	l := New(t, Options{Hosts: 3})
	var pairs int
	for _, from := range append(slices.Clone(l.Hosts), l.Client) {
		for _, to := range append(slices.Clone(l.Hosts), l.Client) {
			if from == to {
				continue
			}
			pairs++
			if !reaches(t, from, to) || !pings(t, from, to.IPv6.Addr().String()) {
				t.Errorf("%s does not reach %s", from, to)
			}
		}
	}
	if pairs != 12 {
		t.Fatalf("looked at %d pairs, want 12", pairs)
	}
}

func TestSecondNetwork(t *testing.T) {
	l := New(t, Options{Hosts: 2, SecondNetwork: true})
	a, b := l.Hosts[0], l.Hosts[1]
	if err := a.Cut(); err != nil {
		t.Fatal(err)
	}
	if reaches(t, a, b) {
		t.Error("eth0 is cut and works")
	}
	if !pings(t, a, b.Second.IPv4.Addr().String()) {
		t.Error("eth1 fails after a cut of eth0")
	}
	if err := l.Partition([]*Host{a}, []*Host{b}); err != nil {
		t.Fatal(err)
	}
	if pings(t, a, b.Second.IPv4.Addr().String()) {
		t.Error("the partition does not concern eth1")
	}
}

func TestAddHost(t *testing.T) {
	l := New(t, Options{Hosts: 1})
	h, err := l.AddHost("late")
	if err != nil {
		t.Fatal(err)
	}
	if l.Host("late") != h || !reaches(t, h, l.Hosts[0]) || !reaches(t, l.Client, h) {
		t.Error("the added host is not part of the network")
	}
}

func TestLabsTogether(t *testing.T) {
	a, b := New(t, Options{Hosts: 1}), New(t, Options{Hosts: 2})
	if reaches(t, a.Client, b.Hosts[1]) {
		t.Error("one lab reaches into the other")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if !reaches(t, b.Hosts[0], b.Hosts[1]) {
		t.Error("closing one lab broke the other")
	}
}

func TestCloseRemovesEverything(t *testing.T) {
	l := New(t, Options{Hosts: 2})
	p, err := l.Hosts[0].Start(sleeper())
	if err != nil {
		t.Fatal(err)
	}
	if got := len(namespaces(t, namespaceName(l.ID, ""))); got != 4 {
		t.Fatalf("%d namespaces visible, want 4", got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if left := namespaces(t, namespaceName(l.ID, "")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(l.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("directory left behind: %v", err)
	}
	if running(p.Pid) {
		t.Error("process left behind")
	}
	if _, err := l.Hosts[0].Start(sleeper()); err == nil {
		t.Error("a closed lab starts processes")
	}
}

func TestCreateFailureLeavesNothing(t *testing.T) {
	Require(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := namespaces(t, namePrefix+strconv.Itoa(os.Getpid()))
	if _, err := Create(ctx, Options{Hosts: 2}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Create = %v, want context.Canceled", err)
	}
	if left := namespaces(t, namePrefix+strconv.Itoa(os.Getpid())); len(left) > len(before) {
		t.Errorf("left behind: %v", left)
	}
}

// A killed program leaves namespaces but no process, and the next lab removes
// the namespaces.
func TestSweepAfterKill(t *testing.T) {
	Require(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "LAB_TEST_ROLE=abandon")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var prefix, dir string
	var pid int
	if _, err := fmt.Fscan(out, &prefix, &pid, &dir); err != nil {
		t.Fatalf("read what the program made: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cmd.Process.Kill()
	cmd.Wait()
	eventually(t, "the abandoned lab's process ends", func() bool { return !running(pid) })

	New(t, Options{Hosts: 1})
	if left := namespaces(t, prefix); len(left) > 0 {
		t.Errorf("stale namespaces survive: %v", left)
	}
}

func TestOwnerOf(t *testing.T) {
	for name, want := range map[string]int{
		"vipd-42-abc-node1": 42,
		"vipd-42-abc-a-b":   42,
		"vipd-x-abc-node1":  0,
		"vipd-42":           0,
		"other":             0,
		"vipd--1-2-3":       0,
	} {
		pid, ok := ownerOf(name)
		if !ok {
			pid = 0
		}
		if pid != want {
			t.Errorf("ownerOf(%q) = %d, want %d", name, pid, want)
		}
	}
}

func namespaces(t *testing.T, prefix string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(netnsDir, prefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// running is false for zombies too: whoever adopts an orphan may collect it late.
func running(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

func BenchmarkCreateThreeHosts(b *testing.B) {
	Require(b)
	for b.Loop() {
		l, err := Create(b.Context(), Options{Hosts: 3})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
