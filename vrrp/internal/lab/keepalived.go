package lab

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Keepalived is a real keepalived in a namespace. It ends with the test.
type Keepalived struct {
	cmd    *exec.Cmd
	dir    string
	log    syncBuffer
	done   chan error
	killed bool
}

// syncBuffer collects what a process prints.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// StartKeepalived runs keepalived's VRRP part with a configuration, in the foreground, with its own files.
func StartKeepalived(t testing.TB, n *Namespace, config string) *Keepalived {
	t.Helper()
	Need(t, "keepalived")
	k := &Keepalived{dir: t.TempDir(), done: make(chan error, 1)}
	file := filepath.Join(k.dir, "keepalived.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	k.cmd = n.Command("keepalived", "-n", "-l", "-D", "-P", "-f", file, "-p", k.path("pid"), "-r", k.path("vrrp.pid"))
	k.cmd.Stdout, k.cmd.Stderr = &k.log, &k.log
	if err := k.cmd.Start(); err != nil {
		t.Fatalf("start keepalived: %v", err)
	}
	go func() { k.done <- k.cmd.Wait() }()
	t.Cleanup(func() {
		k.Kill(t)
		if t.Failed() {
			t.Logf("keepalived said:\n%s", k.Log())
		}
	})
	return k
}

func (k *Keepalived) path(name string) string { return filepath.Join(k.dir, name) }

// Log is what keepalived said so far.
func (k *Keepalived) Log() string { return k.log.String() }

// Said counts how often a text is in the log.
func (k *Keepalived) Said(text string) int { return strings.Count(k.Log(), text) }

// Kill ends it without a farewell: the parent is stopped first, so that it neither restarts its child nor
// takes it along with a signal that the child would obey politely.
func (k *Keepalived) Kill(t testing.TB) {
	t.Helper()
	if k.killed {
		return
	}
	k.killed = true
	parent := k.cmd.Process
	if err := parent.Signal(syscall.SIGSTOP); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("stop keepalived: %v", err)
	}
	k.killChild(t)
	if err := parent.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("kill keepalived: %v", err)
	}
	select {
	case err := <-k.done:
		t.Log("keepalived ended:", err)
	case <-time.After(10 * time.Second):
		t.Error("keepalived did not end")
	}
}

// killChild ends the process that speaks VRRP, if it has begun.
func (k *Keepalived) killChild(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(k.path("vrrp.pid"))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Errorf("keepalived's pid file: %v", err)
		return
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("kill keepalived's child %d: %v", pid, err)
	}
}
