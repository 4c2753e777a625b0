package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"vipd/e2e/lab"
)

// syncDelay is how much longer each sync of a slow disk takes.
const syncDelay = 20 * time.Millisecond

// slowDisk is a system whose daemons wait longer for each sync. strace makes them wait; it costs the daemons
// a little time at every other system call, too.
type slowDisk struct {
	system
	end     context.CancelFunc
	tracers sync.WaitGroup
}

// slowDiskVariant is for faults that no daemon has to be started again for: a new one would be fast.
func slowDiskVariant(v variant) variant {
	slow := v
	slow.name = v.name + ", slow disk"
	slow.open = func(ctx context.Context, o lab.Options, s service) (system, error) {
		sys, err := v.open(ctx, o, s)
		if err != nil {
			return nil, err
		}
		life, end := context.WithCancel(ctx)
		d := &slowDisk{system: sys, end: end}
		for _, h := range sys.network().Hosts {
			for _, pid := range sys.pids(h) {
				if err := d.slowDown(ctx, life, pid); err != nil {
					return nil, errors.Join(err, d.close())
				}
			}
		}
		return d, nil
	}
	return slow
}

// slowDown traces a process for as long as life lasts.
func (d *slowDisk) slowDown(ctx, life context.Context, pid int) error {
	syncs := "fsync,fdatasync"
	// No parent death signal: it would come when the thread ends that happens to start this. strace ends with
	// the process.
	cmd := exec.CommandContext(life, "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace="+syncs,
		"-e", fmt.Sprintf("inject=%s:delay_enter=%d", syncs, syncDelay.Microseconds()), "-p", strconv.Itoa(pid))
	// Asked politely it lets go of the process.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("slow process %d down: %w", pid, err)
	}
	d.tracers.Go(func() { _ = cmd.Wait() }) // ended by a signal of ours, or with the process
	return until(ctx, fmt.Sprintf("strace has process %d", pid), func() (bool, error) { return traced(pid) })
}

// place makes sure that the disks are slow.
func (d *slowDisk) place(ctx context.Context, r role) (*lab.Host, error) {
	for _, h := range d.network().Hosts {
		for _, pid := range d.pids(h) {
			if slow, err := traced(pid); !slow {
				return nil, errors.Join(fmt.Errorf("the disk of %s is not slow any more", h), err)
			}
		}
	}
	return d.system.place(ctx, r)
}

// traced reports whether all threads of a process have a tracer.
func traced(pid int) (bool, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		return false, errors.Join(err, os.ErrNotExist)
	}
	for _, t := range tasks {
		text, err := os.ReadFile(t)
		if err != nil {
			return false, nil // the thread has just ended
		}
		if strings.Contains(string(text), "TracerPid:\t0\n") {
			return false, nil
		}
	}
	return true, nil
}

func (d *slowDisk) close() error {
	d.end()
	d.tracers.Wait()
	return d.system.close()
}
