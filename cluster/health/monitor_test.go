package health

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/state"
)

// awaits waits for a change after which a condition holds.
func awaits(t *testing.T, changed <-chan struct{}, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-changed:
		case <-deadline:
			t.Fatal("never: " + what)
		}
	}
}

func changes() (chan struct{}, func()) {
	c := make(chan struct{}, 100)
	return c, func() {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func fileCheck(path string) state.Check {
	return state.Check{File: path, Interval: 20 * time.Millisecond, Timeout: time.Second, Rise: 1, Fall: 1}
}

func TestMonitorFollowsWhatItIsTold(t *testing.T) {
	changed, tell := changes()
	m := monitor(t, Scripts{}, tell)
	path := filepath.Join(t.TempDir(), "f")
	value := func(name string) int { return m.Status()[name].Value }
	m.Set(map[string]state.Check{"a": fileCheck(path), "b": fileCheck(path)})
	awaits(t, changed, "both have run", func() bool { s := m.Status(); return s["a"].State == OK && s["b"].State == OK })
	if err := os.WriteFile(path, []byte("7"), 0o600); err != nil {
		t.Fatal(err)
	}
	awaits(t, changed, "both see the number", func() bool { return value("a") == 7 && value("b") == 7 })
	since := m.Status()["a"].Since

	other := fileCheck(path)
	other.Weight = 9
	elsewhere := fileCheck(path + ".none")
	m.Set(map[string]state.Check{"a": other, "c": elsewhere})
	awaits(t, changed, "b is gone and c there", func() bool { s := m.Status(); return len(s) == 2 && s["c"].State == OK })
	if s := m.Status()["a"]; s.Value != 7 || !s.Since.Equal(since) {
		t.Errorf("what was known of a is lost with another weight: %+v", s)
	}
	m.Set(map[string]state.Check{"a": elsewhere})
	awaits(t, changed, "a is another one", func() bool { return len(m.Status()) == 1 && value("a") == 0 && m.Status()["a"].State == OK })
}

// A script that hangs is ended with all that it started, one that does not listen is killed.
func TestMonitorEndsScripts(t *testing.T) {
	dir := scriptDir(t)
	changed, tell := changes()
	m := monitor(t, Scripts{Dirs: []string{dir}}, tell)
	script := func(name, text string) state.Check {
		return state.Check{Script: &state.ScriptCheck{Path: write(t, dir, name, text)}, Interval: time.Minute, Timeout: 300 * time.Millisecond, Rise: 1, Fall: 1}
	}
	m.Set(map[string]state.Check{
		"polite":   script("polite", "sleep 1001 & echo $! > "+dir+"/polite.pid; wait"),
		"stubborn": script("stubborn", "trap '' TERM; echo $$ > "+dir+"/stubborn.pid; while :; do sleep 0.1; done"),
	})
	for _, name := range []string{"polite", "stubborn"} {
		awaits(t, changed, name+" fails", func() bool { return m.Status()[name].State == Failing })
		if text := m.Status()[name].Text; text != "it took longer than 300ms" {
			t.Errorf("%s: %q", name, text)
		}
		gone(t, filepath.Join(dir, name+".pid"))
	}
}

// What runs when the monitor stops does not outlive it.
func TestMonitorLeavesNothingBehind(t *testing.T) {
	dir := scriptDir(t)
	pid := filepath.Join(dir, "pid")
	t.Run("run", func(t *testing.T) {
		m := monitor(t, Scripts{Dirs: []string{dir}}, func() {})
		c := state.Check{Script: &state.ScriptCheck{Path: write(t, dir, "s", "echo $$ > "+pid+"; sleep 1002")}, Interval: time.Minute, Timeout: time.Minute, Rise: 1, Fall: 1}
		m.Set(map[string]state.Check{"s": c})
		readPid(t, pid)
	})
	gone(t, pid)
}

func readPid(t *testing.T, file string) int {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		var pid int
		if text, err := os.ReadFile(file); err == nil {
			if n, _ := fmt.Sscan(strings.TrimSpace(string(text)), &pid); n == 1 {
				return pid
			}
		}
	}
	t.Fatalf("nothing in %s", file)
	return 0
}

func gone(t *testing.T, file string) {
	t.Helper()
	pid := readPid(t, file)
	deadline := time.Now().Add(10 * time.Second)
	for unix.Kill(pid, 0) == nil {
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
			if _, dead := parseStat(stat); dead {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d of %s is still there", pid, file)
		}
	}
}
