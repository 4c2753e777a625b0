package health

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// niceness puts scripts behind everything that serves clients.
const niceness = 5

// spawner starts processes from one thread of its own. The daemon's threads are real-time tasks and children inherit
// that, so a script in a loop would take a processor from everything else; this thread is an ordinary one. It also lives
// as long as the daemon does, which the parent death signal is about: the death of the thread, not of the process
// (prctl(2), PR_SET_PDEATHSIG).
type spawner struct {
	requests chan spawn
}

type spawn struct {
	cmd    *exec.Cmd
	result chan error
}

func newSpawner() *spawner { return &spawner{requests: make(chan spawn)} }

// Run starts what it is asked to until ctx ends. What it started is killed by the kernel then.
func (s *spawner) Run(ctx context.Context) error {
	runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
	if err := becomeOrdinary(); err != nil {
		return err
	}
	// Go's own descriptors are closed on exec; those that the daemon was started with need not be.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("keep the daemon's descriptors from scripts: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-s.requests:
			r.result <- r.cmd.Start()
		}
	}
}

// becomeOrdinary takes real-time scheduling from this thread, and the capabilities that a daemon without root hands on
// to what it starts (capabilities(7), ambient). It needs no privilege to become less.
func becomeOrdinary() error {
	attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: niceness}
	if err := unix.SchedSetAttr(0, attr, 0); err != nil {
		return fmt.Errorf("give scripts ordinary scheduling: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("keep the daemon's capabilities from scripts: %w", err)
	}
	return nil
}

func (s *spawner) start(ctx context.Context, cmd *exec.Cmd) error {
	r := spawn{cmd, make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.result
	case <-ctx.Done():
		return ctx.Err()
	}
}
