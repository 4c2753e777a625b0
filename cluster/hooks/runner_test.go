package hooks

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vipd/cluster/health"
	"vipd/cluster/state"
)

// stage is a Runner, a directory that scripts may run from, and a file that they write to.
type stage struct {
	*testing.T
	*Runner
	dir, said string
	end       func(time.Duration)
}

func set(t *testing.T) *stage {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("scripts have to be root's")
		}
		t.Skip("scripts have to be root's")
	}
	dir, err := os.MkdirTemp("/var/lib", "vipd-hooks") // others may write to /tmp
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, dir: dir, said: filepath.Join(dir, "said")}
	s.Runner = New(Options{Node: "n1", Logger: slog.New(slog.DiscardHandler), Scripts: health.Scripts{Dirs: []string{dir}}, Changed: func() {}})
	ctx, cancel := context.WithCancel(context.Background())
	linger := 10 * time.Second
	done := make(chan error, 1)
	go func() { done <- s.Runner.Run(ctx, func() time.Duration { return linger }) }()
	s.end = func(d time.Duration) {
		linger = d
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		done <- nil
	}
	t.Cleanup(func() { s.end(0) })
	return s
}

// script writes one that appends what its text prints to the file.
func (s *stage) script(name, text string) *state.ScriptCheck {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec >>"+s.said+"\n"+text+"\n"), 0o755); err != nil {
		s.Fatal(err)
	}
	return &state.ScriptCheck{Path: path}
}

func (s *stage) await(what string, ok func() bool) {
	s.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("waited in vain: %s; said:\n%s", what, s.text())
		}
	}
}

func (s *stage) text() string {
	text, _ := os.ReadFile(s.said)
	return string(text)
}

func (s *stage) says(want string) {
	s.Helper()
	s.await("the scripts say\n"+want, func() bool { return s.text() == want })
}

func TestScriptsAreToldAll(t *testing.T) {
	s := set(t)
	n := state.Notify{Timeout: time.Minute, Master: s.script("up", `echo "up $# $1"`), Any: s.script("any", `echo "$*"; env | grep ^VIPD_ | sort`)}
	n.Master.Args = []string{"two words"}
	s.Say("web", n, Moment{Role: Master, Serial: 7, Reason: "n2 is dead", Priority: 120, Addresses: "10.0.0.1/24"})
	s.says(`up 1 two words
INSTANCE web MASTER 120
VIPD_ADDRESSES=10.0.0.1/24
VIPD_GROUP=web
VIPD_NODE=n1
VIPD_PREVIOUS=
VIPD_PRIORITY=120
VIPD_REASON=n2 is dead
VIPD_SERIAL=7
VIPD_SKIPPED=0
VIPD_STATE=MASTER
`)
}

// What comes while a script runs waits for its end; another group's does not.
func TestOrder(t *testing.T) {
	s := set(t)
	gate := filepath.Join(s.dir, "gate")
	n := state.Notify{Timeout: time.Minute, Any: s.script("any", `echo "$2 $VIPD_STATE $VIPD_SERIAL $VIPD_PREVIOUS $VIPD_SKIPPED"
[ "$VIPD_SERIAL" != 1 ] || while [ ! -e `+gate+` ]; do sleep 0.01; done`)}
	s.Say("web", n, Moment{Role: Master, Serial: 1})
	s.says("web MASTER 1  0\n")
	for serial, role := range []Role{2: Backup, 3: Master, 4: Backup} {
		if role != "" {
			s.Say("web", n, Moment{Role: role, Serial: uint64(serial)})
		}
	}
	s.Say("db", n, Moment{Role: Backup, Serial: 5})
	s.says("web MASTER 1  0\ndb BACKUP 5  0\n")
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.says("web MASTER 1  0\ndb BACKUP 5  0\nweb BACKUP 4 MASTER 2\n")
}

// A script that takes too long is ended with all that it started, and the next one runs.
func TestTimeLimit(t *testing.T) {
	s := set(t)
	n := state.Notify{Timeout: 300 * time.Millisecond, Master: s.script("up", `echo $$; trap '' TERM; sleep 1000 & echo $!; wait; wait; sleep 1000`), Backup: s.script("down", "echo down")}
	s.Say("web", n, Moment{Role: Master, Serial: 1})
	s.await("two processes", func() bool { return strings.Count(s.text(), "\n") == 2 })
	processes := strings.Fields(s.text())
	s.Say("web", n, Moment{Role: Backup, Serial: 2})
	s.await("the next script", func() bool { return strings.HasSuffix(s.text(), "down\n") })
	for _, id := range processes {
		s.await("process "+id+" is gone", func() bool {
			stat, err := os.ReadFile("/proc/" + id + "/stat")
			return err != nil || strings.Contains(string(stat), ") Z ")
		})
	}
}

func TestFailing(t *testing.T) {
	s := set(t)
	n := state.Notify{Timeout: time.Minute, Master: s.script("up", "echo no disk >&2; exit 4"), Backup: &state.ScriptCheck{Path: s.dir + "/none"}, Stop: s.script("stop", "")}
	fails := func(want string) {
		t.Helper()
		s.await("failing: "+want, func() bool { return s.Failing()["web"] == want })
	}
	s.Say("web", n, Moment{Role: Master, Serial: 1})
	fails(s.dir + "/up for MASTER: exit status 4: no disk")
	s.Say("web", n, Moment{Role: Backup, Serial: 2})
	s.await("failing", func() bool { return strings.Contains(s.Failing()["web"], "/none for BACKUP: cannot run it: ") })
	s.Say("web", n, Moment{Role: Stop, Serial: 2})
	fails("")
}

// The end waits for the last word of each group, and for no longer than it is told.
func TestEnd(t *testing.T) {
	s := set(t)
	n := state.Notify{Timeout: time.Minute, Any: s.script("any", `echo "$VIPD_STATE $VIPD_REASON"; sleep 0.2; echo done`)}
	s.Say("web", n, Moment{Role: Master, Serial: 1, Reason: "r"})
	s.await("a script that runs", func() bool { return s.text() != "" })
	s.SayLast(nil, "its daemon stopped")
	s.end(20 * time.Second)
	if want := "MASTER r\ndone\nSTOP its daemon stopped\ndone\n"; s.text() != want {
		t.Errorf("said %q, want %q", s.text(), want)
	}

	s = set(t)
	n.Any = s.script("any", `echo $$; sleep 1000`)
	s.Say("web", n, Moment{Role: Master, Serial: 1})
	s.await("a script that runs", func() bool { return s.text() != "" })
	s.end(50 * time.Millisecond)
	if stat, err := os.ReadFile("/proc/" + strings.TrimSpace(s.text()) + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("it runs still: %s", stat)
	}
}

// A group that is not this node's any more gets the last word by the scripts that it had; one without scripts none.
func TestGroupsThatGo(t *testing.T) {
	s := set(t)
	n := state.Notify{Timeout: time.Minute, Any: s.script("any", `echo "$2 $VIPD_STATE"`)}
	s.Say("web", n, Moment{Role: Backup, Serial: 1})
	s.says("web BACKUP\n")
	s.Say("db", n, Moment{Role: Backup, Serial: 1})
	s.says("web BACKUP\ndb BACKUP\n")
	s.Forget("db")
	s.SayLast(map[string]bool{}, "gone")
	s.says("web BACKUP\ndb BACKUP\nweb STOP\n")
	s.await("nothing is kept", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.groups) == 0
	})
}
