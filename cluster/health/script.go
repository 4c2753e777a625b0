package health

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
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

// scripts runs them.
type scripts struct {
	Scripts
	spawner *spawner
}

// environment is all that a script gets of one.
var environment = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}

// lingering is how long the output of a script that has ended is waited for, which a process that it left behind may
// hold open.
const lingering = 100 * time.Millisecond

func (s *scripts) runner(c state.ScriptCheck) runner {
	return func(ctx context.Context, interrupt <-chan struct{}) Outcome {
		path, err := resolve(c.Path, s.Dirs)
		if err != nil {
			return failed(fmt.Errorf("cannot run it: %w", err))
		}
		var out firstBytes
		cmd := exec.Command(path, c.Args...) //nolint:noctx // its process group is ended, not it alone
		cmd.Dir, cmd.Env = "/", environment
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.WaitDelay = lingering
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: s.User}
		if err := s.spawner.start(ctx, cmd); err != nil {
			return failed(fmt.Errorf("cannot run it: %w", err))
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		return outcome(s.await(ctx, cmd.Process.Pid, interrupt, ended), out.String())
	}
}

// await waits for a script's end, and ends it with all that it started when it is told to.
func (s *scripts) await(ctx context.Context, group int, interrupt <-chan struct{}, ended <-chan error) error {
	for {
		select {
		case err := <-ended:
			return err
		case <-interrupt:
			interrupt = nil
			_ = syscall.Kill(-group, syscall.SIGTERM) // it may have just ended
		case <-ctx.Done():
			_ = syscall.Kill(-group, syscall.SIGKILL)
			return <-ended
		}
	}
}

func outcome(err error, said string) Outcome {
	said = tidy(said)
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return Outcome{OK: true, Text: said}
	}
	text := err.Error() // "exit status 1", "signal: killed"
	if said != "" {
		text += ": " + said
	}
	return Outcome{Text: tidy(text)}
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
