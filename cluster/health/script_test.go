package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"vipd/cluster/state"
)

// scriptDir is a directory that only root can write to, with all above it; scripts in it may run.
func scriptDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	dir, err := os.MkdirTemp("/var/lib", "vipd-scripts-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// monitor runs one, with scripts from a directory.
func monitor(t *testing.T, s Scripts, changed func()) *Monitor {
	t.Helper()
	m := New(Options{Logger: slog.New(slog.DiscardHandler), Scripts: s, Changed: changed})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return m
}

func TestScript(t *testing.T) {
	dir := scriptDir(t)
	m := monitor(t, Scripts{Dirs: []string{dir}}, func() {})
	for _, tt := range []struct {
		name, text string
		args       []string
		ok         bool
		says       string
	}{
		{"well", "echo all well; echo more", nil, true, "all well"},
		{"ill", "echo no backend >&2; exit 3", nil, false, "exit status 3: no backend"},
		{"arguments", `[ "$1" = "two words" ] && [ $# = 1 ]`, []string{"two words"}, true, ""},
		{"much", "head -c 100000000 /dev/zero", nil, true, ""},
		{"input", "read x; [ $? = 1 ]", nil, true, ""},
		{"environment", `[ -z "$HOME$SECRET" ] && [ "$PWD" = / ]`, nil, true, ""},
		{"group", `[ "$(cut -d' ' -f5 /proc/$$/stat)" = $$ ]`, nil, true, ""},
		{"left behind", "sleep 30 & exit 0", nil, true, ""},
		{"killed", "kill -9 $$", nil, false, "signal: killed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("SECRET", "x")
			path := write(t, dir, strings.ReplaceAll(tt.name, " ", "-"), tt.text)
			says(t, once(t, m, state.Check{Script: &state.ScriptCheck{Path: path, Args: tt.args}}), tt.ok, tt.says)
		})
	}
	says(t, once(t, m, state.Check{Script: &state.ScriptCheck{Path: dir + "/none"}}), false, "cannot run it: ")
	broken := write(t, dir, "broken", "")
	if err := os.WriteFile(broken, []byte("#!/no/such/shell\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	says(t, once(t, m, state.Check{Script: &state.ScriptCheck{Path: broken}}), false, "cannot run it: ")
}

// Scripts of a real-time daemon are ordinary, nice processes.
func TestScriptIsNotRealtime(t *testing.T) {
	dir := scriptDir(t)
	attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		var id int
		fmt.Sscan(thread.Name(), &id)
		if err := unix.SchedSetAttr(id, attr, 0); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("cannot be real-time here: %v", err)
			}
			t.Skipf("cannot be real-time here: %v", err)
		}
	}
	t.Cleanup(func() {
		threads, _ := os.ReadDir("/proc/self/task")
		for _, thread := range threads {
			var id int
			fmt.Sscan(thread.Name(), &id)
			_ = unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr}, 0)
		}
	})
	m := monitor(t, Scripts{Dirs: []string{dir}}, func() {})
	// proc_pid_stat(5): 19 is the nice value, 41 the policy.
	path := write(t, dir, "policy", `set -- $(cat /proc/$$/stat); echo "nice ${19} policy ${41}"`)
	says(t, once(t, m, state.Check{Script: &state.ScriptCheck{Path: path}}), true, "nice 5 policy 0")
}

func TestScriptUser(t *testing.T) {
	dir := scriptDir(t)
	m := monitor(t, Scripts{Dirs: []string{dir}, User: &syscall.Credential{Uid: 65534, Gid: 65534}}, func() {})
	path := write(t, dir, "who", "id -u; ")
	says(t, once(t, m, state.Check{Script: &state.ScriptCheck{Path: path}}), true, "65534")
}

func TestScriptThatOthersCouldWrite(t *testing.T) {
	dir := scriptDir(t)
	m := monitor(t, Scripts{Dirs: []string{dir}}, func() {})
	for _, tt := range []struct {
		name  string
		spoil func(path string) error
		says  string
	}{
		{"file for all", func(p string) error { return os.Chmod(p, 0o757) }, "can be written by others than root; chmod go-w it"},
		{"file for a group", func(p string) error { return os.Chmod(p, 0o775) }, "can be written by others than root"},
		{"file of another", func(p string) error { return os.Chown(p, 1, 0) }, "is owned by user 1; chown it to root"},
		{"directory for all", func(p string) error { return os.Chmod(filepath.Dir(p), 0o777) }, "can be written by others than root"},
		{"not executable", func(p string) error { return os.Chmod(p, 0o644) }, "is not executable; chmod 755 it"},
		{"a link out", func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/bin/true", p)) }, "is in none of this node's script_dirs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sub := filepath.Join(dir, strings.ReplaceAll(tt.name, " ", "-"))
			if err := os.Mkdir(sub, 0o755); err != nil {
				t.Fatal(err)
			}
			path := write(t, sub, "s", "exit 0")
			says(t, once(t, m, state.Check{Script: &state.ScriptCheck{Path: path}}), true, "")
			if err := tt.spoil(path); err != nil {
				t.Fatal(err)
			}
			o := once(t, m, state.Check{Script: &state.ScriptCheck{Path: path}})
			if o.OK || !strings.HasPrefix(o.Text, "cannot run it: ") {
				t.Errorf("outcome %+v", o)
			}
			if _, err := resolve(path, []string{dir}); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// A script has the three descriptors that it is given, whatever the daemon has or was started with.
func TestScriptInheritsNothing(t *testing.T) {
	dir := scriptDir(t)
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil { // without O_CLOEXEC, as from a careless parent
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pipe[0]); unix.Close(pipe[1]) })
	m := monitor(t, Scripts{Dirs: []string{dir}}, func() {})
	path := filepath.Join(dir, "ls")
	program, err := os.ReadFile("/bin/ls")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	// 3 is the directory that ls reads.
	says(t, once(t, m, state.Check{Script: &state.ScriptCheck{Path: path, Args: []string{"-m", "/proc/self/fd"}}}), true, "0, 1, 2, 3")
}
