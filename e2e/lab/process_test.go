package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func snmpValue(t *testing.T, snmp []byte, proto, name string) int {
	t.Helper()
	var titles []string
	for line := range bytes.Lines(snmp) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 || fields[0] != proto {
			continue
		}
		if titles == nil {
			titles = fields
			continue
		}
		for i, title := range titles {
			if title == name {
				v, err := strconv.Atoi(fields[i])
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
	}
	t.Fatalf("no %s %s in %s", proto, name, snmp)
	return 0
}

func TestDoStaysInside(t *testing.T) {
	l := New(t, Options{Hosts: 1})
	outside, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var inside string
	want := errors.New("from inside")
	err = l.Hosts[0].Do(func() error {
		inside, _ = os.Readlink("/proc/thread-self/ns/net")
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("Do = %v, want the function's error", err)
	}
	if inside == "" || inside == outside {
		t.Errorf("Do ran in %s", inside)
	}
	for range 20 {
		done := make(chan string)
		go func() {
			ns, _ := os.Readlink("/proc/thread-self/ns/net")
			done <- ns
		}()
		if ns := <-done; ns != outside {
			t.Fatalf("a goroutine runs in %s", ns)
		}
	}
}

func TestProcessSignals(t *testing.T) {
	l := New(t, Options{Hosts: 1})
	h := l.Hosts[0]
	p, err := h.Start(sleeper())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "its log says its own pid", func() bool {
		return strings.Contains(p.Log(1000), fmt.Sprintf("sleeping in %d\n", p.Pid))
	})
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stopped", func() bool { return processState(p.Pid) == "T" })
	if err := p.Cont(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "running again", func() bool { return processState(p.Pid) != "T" })

	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := p.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait for a running process = %v", err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.Wait(t.Context()); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("Wait = %v, want killed", err)
	}
	if err := p.Kill(); err != nil {
		t.Errorf("killing the dead: %v", err)
	}
}

func TestProcessTerminate(t *testing.T) {
	l := New(t, Options{Hosts: 1})
	spec := Spec{Name: "polite", Path: "/bin/sh", Args: []string{"-c", `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done`}}
	p, err := l.Hosts[0].Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "up", func() bool { return strings.Contains(p.Log(100), "up") })
	if err := p.Terminate(t.Context()); err != nil {
		t.Errorf("Terminate = %v", err)
	}
	if got := p.Log(4); got != "bye\n" {
		t.Errorf("last words %q", got)
	}
}

// The process sees its own host's interfaces in /sys too, and lives on while
// other threads of the lab's process end.
func TestProcessSurroundings(t *testing.T) {
	l := New(t, Options{Hosts: 1})
	h := l.Hosts[0]
	p, err := h.Start(Spec{Name: "ls", Path: "/bin/ls", Args: []string{"/sys/class/net"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(p.Log(1000)); strings.Join(got, " ") != "eth0 lo" {
		t.Errorf("/sys/class/net holds %v", got)
	}
	p, err = h.Start(sleeper())
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := h.Do(func() error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if !running(p.Pid) {
		t.Error("the process died with some thread")
	}
}

func TestStartFailure(t *testing.T) {
	l := New(t, Options{Hosts: 1})
	if _, err := l.Hosts[0].Start(Spec{Name: "none", Path: "/nonexistent"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start = %v, want not exist", err)
	}
}

func processState(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return after[:1]
}
