package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
