package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/state"
	"vipd/vip"
)

// once runs a check once, without a limit but the test's.
func once(t *testing.T, m *Monitor, c state.Check) Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return m.runnerOf(c)(ctx, nil)
}

func says(t *testing.T, o Outcome, ok bool, text string) {
	t.Helper()
	if o.OK != ok || !strings.Contains(o.Text, text) {
		t.Errorf("outcome %+v, want ok %v and %q", o, ok, text)
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := state.Check{TCP: l.Addr().String()}
	m := New(Options{})
	says(t, once(t, m, c), true, "")
	l.Close()
	says(t, once(t, m, c), false, "connection refused")
}

func TestHTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, "half")
	})
	plain, tls := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	defer plain.Close()
	defer tls.Close()
	m := New(Options{})
	for _, tt := range []struct {
		check state.HTTPCheck
		ok    bool
		text  string
	}{
		{state.HTTPCheck{URL: plain.URL + "/ok", Status: 200}, true, "200 OK"},
		{state.HTTPCheck{URL: plain.URL + "/none", Status: 200}, false, "it answers 404 Not Found, not 200"},
		{state.HTTPCheck{URL: plain.URL + "/none", Status: 404}, true, ""},
		{state.HTTPCheck{URL: plain.URL + "/away", Status: 200}, false, "it answers 302"},
		{state.HTTPCheck{URL: plain.URL + "/away", Status: 200, Follow: true}, true, ""},
		{state.HTTPCheck{URL: plain.URL + "/broken", Status: 200}, false, "unexpected EOF"},
		{state.HTTPCheck{URL: tls.URL + "/ok", Status: 200}, false, "certificate"},
		{state.HTTPCheck{URL: tls.URL + "/ok", Status: 200, Insecure: true}, true, ""},
	} {
		t.Run(tt.check.URL, func(t *testing.T) { says(t, once(t, m, state.Check{HTTP: &tt.check}), tt.ok, tt.text) })
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "track")
	m := New(Options{})
	c := state.Check{File: path}
	says(t, once(t, m, c), true, "there is no file, which counts as 0")
	for _, tt := range []struct {
		content string
		value   int
		text    string
	}{
		{"5\n", 5, "it says 5"}, {" -20 \nmore", -20, ""}, {"", 0, "is no number"}, {"maintenance", 0, "is no number"},
		{"99999999999999999999999", 0, "is no number"}, {"5000000", maxNumber, ""},
	} {
		if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		o := once(t, m, c)
		says(t, o, true, tt.text)
		if o.Value != tt.value {
			t.Errorf("%q counts as %d, want %d", tt.content, o.Value, tt.value)
		}
	}
	fifo := path + ".fifo"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, once(t, m, state.Check{File: fifo}), true, "no regular file")
}

func TestInterface(t *testing.T) {
	links := map[string]vip.Interface{"up": {Up: true, Running: true}, "cut": {Up: true}, "down": {}}
	var err error
	m := New(Options{Interfaces: func() (map[string]vip.Interface, error) { return links, err }})
	for name, text := range map[string]string{"up": "", "cut": "its interface cut has no carrier", "down": "its interface down is down", "none": "it has no interface none"} {
		says(t, once(t, m, state.Check{Interface: name}), text == "", text)
	}
	err = errors.New("netlink is ill")
	says(t, once(t, m, state.Check{Interface: "up"}), false, "netlink is ill")
}

// sleeper starts a process of a name, which is a copy of sleep.
func sleeper(t *testing.T, name string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(copied, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied, "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func TestProcess(t *testing.T) {
	name := fmt.Sprintf("vp%d", os.Getpid())
	long := name + "-with-a-long-name"
	m := New(Options{})
	check := func(p state.ProcessCheck) runner { return m.runnerOf(state.Check{Process: &p}) }
	byName, byLong := check(state.ProcessCheck{Name: name, Quorum: 1}), check(state.ProcessCheck{Name: long, Quorum: 1})
	run := func(r runner) Outcome { return r(t.Context(), nil) }
	says(t, run(byName), false, "no such process")
	first, second := sleeper(t, name), sleeper(t, long)
	says(t, run(byName), true, "1 running")
	says(t, run(byLong), true, "1 running")
	says(t, run(check(state.ProcessCheck{Name: long[:maxComm] + "-other", Quorum: 1})), false, "no such process")
	says(t, run(check(state.ProcessCheck{Name: name, Quorum: 2})), false, "1 running, fewer than 2")
	says(t, run(check(state.ProcessCheck{Name: first.Path + " 1000", FullCommand: true, Quorum: 1})), true, "")
	says(t, run(check(state.ProcessCheck{Name: first.Path + " 1", FullCommand: true, Quorum: 1})), false, "no such process")

	// A zombie is no running process, and its place in /proc is still there.
	if err := second.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for run(byLong).OK {
		if time.Now().After(deadline) {
			t.Fatal("a killed process counts")
		}
	}
	third := sleeper(t, name)
	says(t, run(check(state.ProcessCheck{Name: name, Quorum: 1, QuorumMax: 1})), false, "2 running, more than 1")
	says(t, run(byName), true, "1 running") // the one it knows is enough
	if err := errors.Join(first.Process.Kill(), ignore(first.Wait())); err != nil {
		t.Fatal(err)
	}
	says(t, run(byName), true, "1 running") // and now it finds the other
	_ = third
}

func ignore(error) error { return nil }

func TestParseStat(t *testing.T) {
	for _, tt := range []struct {
		stat, comm string
		dead       bool
	}{{"7 (nginx) S 1", "nginx", false}, {"7 (a) b (c)) R 1", "a) b (c)", false}, {"7 (nginx) Z 1", "nginx", true}, {"7 (ngi", "", true}, {"", "", true}} {
		if comm, dead := parseStat([]byte(tt.stat)); comm != tt.comm || dead != tt.dead {
			t.Errorf("%q is %q, %v", tt.stat, comm, dead)
		}
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{"": "", " a\nb": "a", "a\x1b[2Jb\x00": "a [2Jb ", "\xff": " ", strings.Repeat("ä", 100): strings.Repeat("ä", 48) + "…"} {
		if got := tidy(in); got != want {
			t.Errorf("tidy(%q) = %q, want %q", in, got, want)
		}
	}
}

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
