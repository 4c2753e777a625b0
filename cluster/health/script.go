package health

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"vipd/cluster/state"
)

// Scripts says which scripts run, and as whom.
type Scripts struct {
	Dirs []string // where they have to be
	// User is whose rights they have; nil: the daemon's.
	User *syscall.Credential
}

// Programs runs them, and whatever else should run by their rules: without the daemon's rights, scheduling,
// environment and descriptors, and ended with all that it started. Make one with NewPrograms.
type Programs struct {
	spawner *spawner

	mu      sync.Mutex
	allowed Scripts
}

// NewPrograms starts nothing. Programs run while Run does.
func NewPrograms(s Scripts) *Programs { return &Programs{allowed: s, spawner: newSpawner()} }

// Allow says which programs may run, and as whom, from now on.
func (s *Programs) Allow(allowed Scripts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = allowed
}

func (s *Programs) rules() Scripts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.allowed
}

// Run lets programs be started until ctx ends; those that still run then are killed.
func (s *Programs) Run(ctx context.Context) error { return s.spawner.Run(ctx) }

// Program is one program to run.
type Program struct {
	Path string // absolute, of an executable in one of the trusted directories
	Args []string
	Env  []string // in addition to PATH and LANG
}

// ErrCannotRun is why a program was not started.
var ErrCannotRun = errors.New("cannot run it")

// environment is all that a script gets of one.
var environment = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}

// lingering is how long the output of a script that has ended is waited for, which a process that it left behind may
// hold open.
const lingering = 100 * time.Millisecond

func (s *Programs) runner(c state.ScriptCheck) runner {
	return func(ctx context.Context, interrupt <-chan struct{}) Outcome {
		said, err := s.Exec(ctx, interrupt, Program{Path: c.Path, Args: c.Args})
		if errors.Is(err, ErrCannotRun) {
			return failed(err)
		}
		return outcome(err, said)
	}
}

// Exec runs a program to its end and returns the beginning of its output. When interrupt is closed the program is told
// to end, when ctx ends it is killed, each with its whole process group.
func (s *Programs) Exec(ctx context.Context, interrupt <-chan struct{}, p Program) (said string, err error) {
	allowed := s.rules()
	path, err := resolve(p.Path, allowed.Dirs)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrCannotRun, err)
	}
	var out firstBytes
	cmd := exec.Command(path, p.Args...) //nolint:noctx // its process group is ended, not it alone
	cmd.Dir, cmd.Env = "/", slices.Concat(environment, p.Env)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = lingering
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: allowed.User}
	if err := s.spawner.start(ctx, cmd); err != nil {
		return "", fmt.Errorf("%w: %w", ErrCannotRun, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err = await(ctx, cmd.Process.Pid, interrupt, ended); errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	return out.String(), err
}

// await waits for a program's end, and ends it with all that it started when it is told to.
func await(ctx context.Context, group int, interrupt <-chan struct{}, ended <-chan error) error {
	told := false
	for {
		select {
		case err := <-ended:
			if told {
				_ = syscall.Kill(-group, syscall.SIGKILL) // what it left behind
			}
			return err
		case <-interrupt:
			interrupt, told = nil, true
			_ = syscall.Kill(-group, syscall.SIGTERM) // it may have just ended
		case <-ctx.Done():
			_ = syscall.Kill(-group, syscall.SIGKILL)
			return <-ended
		}
	}
}

func outcome(err error, said string) Outcome {
	said = tidy(said)
	if err == nil {
		return Outcome{OK: true, Text: said}
	}
	return Outcome{Text: Brief(err.Error(), said)} // "exit status 1", "signal: killed"
}

// Brief puts why a program failed, and what it said first, into a line that a report has room for.
func Brief(why, said string) string {
	if said = tidy(said); said != "" {
		why += ": " + said
	}
	return tidy(why)
}

// firstBytes keeps the beginning of what is written to it and passes over the rest.
type firstBytes struct {
	mu   sync.Mutex
	kept strings.Builder
}

// maxOutput is how much of a script's output is kept, in bytes.
const maxOutput = 1024

func (f *firstBytes) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept.Write(p[:min(len(p), maxOutput-f.kept.Len())])
	return len(p), nil
}

func (f *firstBytes) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept.String()
}
