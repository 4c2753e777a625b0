package hooks

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/health"
	"vipd/cluster/state"
)

// stage is a Runner, a directory that scripts may run from, and a FIFO that they write to.
type stage struct {
	*testing.T
	*Runner
	dir, pipe string
	end       func(time.Duration)

	changed chan struct{} // something was said, or fails otherwise than before
	mu      sync.Mutex
	said    strings.Builder
}

func set(t *testing.T) *stage {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
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
	s := &stage{T: t, dir: dir, pipe: filepath.Join(dir, "pipe"), changed: make(chan struct{}, 1)}
	s.listen()
	s.Runner = New(Options{Node: "n1", Logger: slog.New(slog.DiscardHandler), Scripts: health.Scripts{Dirs: []string{dir}}, Changed: s.change})
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

// listen takes in what scripts say.
func (s *stage) listen() {
	s.Helper()
	if err := unix.Mkfifo(s.pipe, 0o600); err != nil {
		s.Fatal(err)
	}
	pipe, err := os.OpenFile(s.pipe, os.O_RDWR, 0) // it is a writer, too, so that there is no end while no script runs
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { pipe.Close() })
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := pipe.Read(buffer)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.said.Write(buffer[:n])
			s.mu.Unlock()
			s.change()
		}
	}()
}

func (s *stage) change() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// script writes one that writes what its text prints to the pipe.
func (s *stage) script(name, text string) *state.ScriptCheck {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec >"+s.pipe+"\n"+text+"\n"), 0o755); err != nil {
		s.Fatal(err)
	}
	return &state.ScriptCheck{Path: path}
}

func (s *stage) await(what string, ok func() bool) {
	s.Helper()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-s.changed:
		case <-deadline:
			s.Fatalf("waited in vain: %s; said:\n%s", what, s.text())
		}
	}
}

// gone waits for a process to end.
func (s *stage) gone(id string) {
	s.Helper()
	pid, err := strconv.Atoi(id)
	if err != nil {
		s.Fatal(err)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case errors.Is(err, unix.ESRCH):
		return
	case err != nil:
		s.Fatal(err)
	}
	defer unix.Close(fd)
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000); n != 1 {
		s.Fatalf("process %d runs still: %v", pid, err)
	}
}

func (s *stage) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
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
		s.gone(id)
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
	s.says("MASTER r\ndone\nSTOP its daemon stopped\ndone\n")

	s = set(t)
	n.Any = s.script("any", `echo $$; sleep 1000`)
	s.Say("web", n, Moment{Role: Master, Serial: 1})
	s.await("a script that runs", func() bool { return s.text() != "" })
	s.end(50 * time.Millisecond)
	s.gone(strings.TrimSpace(s.text()))
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
	s.end(20 * time.Second)
	if s.Runner.mu.Lock(); len(s.groups) != 0 {
		t.Errorf("%d groups are kept", len(s.groups))
	}
	s.Runner.mu.Unlock()
}
