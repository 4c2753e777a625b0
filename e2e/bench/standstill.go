package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// On a virtual machine a processor may stand still for longer than a lease lasts, and nothing that runs there
// can help it. A process with one thread on each processor, before everything else, notices that.

// standstillVariable is in the environment of a process that is to watch the processors.
const standstillVariable = "VIPD_E2E_STANDSTILL"

const (
	standstillEach = 2 * time.Millisecond
	// standstillFrom is the shortest that is noted, and what counts as a disturbance.
	standstillFrom     = 5 * time.Millisecond
	standstillPriority = 20
)

// standstillMain turns this process into a watcher if watchProcessors made it for that.
func standstillMain() {
	if os.Getenv(standstillVariable) == "" {
		return
	}
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	var writing sync.Mutex
	for cpu := range runtime.NumCPU() {
		go watchProcessor(cpu, func(start, gap int64) {
			writing.Lock()
			defer writing.Unlock()
			fmt.Println(start, gap)
		})
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the process that made this one
	os.Exit(0)
}

// watchProcessor sleeps on one processor and reports when it wakes up late, in Unix nanoseconds.
func watchProcessor(cpu int, late func(start, gap int64)) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	// Without the right to either it watches as well as it can.
	_ = unix.SchedSetaffinity(0, &set)
	attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: standstillPriority}
	_ = unix.SchedSetAttr(0, attr, 0)
	for last := time.Now(); ; {
		pause := unix.NsecToTimespec(int64(standstillEach))
		_ = unix.Nanosleep(&pause, nil) // cut short by a signal, it sleeps again
		now := time.Now()
		if gap := now.Sub(last); gap > standstillFrom {
			late(last.UnixNano(), int64(gap))
		}
		last = now
	}
}

// processors collects what the watcher notices.
type processors struct {
	mu     sync.Mutex
	stands []stand
}

type stand struct {
	start time.Time
	gap   time.Duration
}

// watchProcessors starts the watcher; it ends with ctx.
func watchProcessors(ctx context.Context) (*processors, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = append(os.Environ(), standstillVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if _, err := cmd.StdinPipe(); err != nil { // held open; the watcher ends when this process does
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("watch the processors: %w", err)
	}
	p := &processors{}
	go func() {
		p.read(out)
		_ = cmd.Wait() // ended by ctx
	}()
	return p, nil
}

func (p *processors) read(from io.Reader) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		var start, gap int64
		if _, err := fmt.Sscan(lines.Text(), &start, &gap); err != nil {
			continue
		}
		p.mu.Lock()
		p.stands = append(p.stands, stand{time.Unix(0, start), time.Duration(gap)})
		p.mu.Unlock()
	}
}

// longest returns the longest standstill of any processor that touched a time.
func (p *processors) longest(from, to time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var longest time.Duration
	for _, s := range p.stands {
		if s.start.Before(to) && s.start.Add(s.gap).After(from) {
			longest = max(longest, s.gap)
		}
	}
	return longest
}
