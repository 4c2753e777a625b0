package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Spec describes a process for [Host.Start].
type Spec struct {
	// Name names the log file, and the process in messages.
	Name string
	// Path is the program; Args are its arguments without the program's name.
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// LogFile receives standard output and error, appended. Empty means
	// <Host.Dir>/<Name>.log.
	LogFile string
}

// Process is a program that runs on a host until it ends or is ended. It dies
// with the process that made the lab.
type Process struct {
	// Pid is the program itself, no wrapper.
	Pid  int
	Spec Spec
	Host *Host

	cmd  *exec.Cmd
	done chan struct{}
	err  error // valid once done is closed
}

// Start runs a program in the host's network namespace and in a mount namespace
// where /sys describes that network.
func (h *Host) Start(spec Spec) (*Process, error) {
	if spec.LogFile == "" {
		spec.LogFile = filepath.Join(h.Dir, spec.Name+".log")
	}
	p := &Process{Spec: spec, Host: h, done: make(chan struct{})}
	h.lab.mu.Lock()
	defer h.lab.mu.Unlock()
	if h.lab.closed {
		return nil, fmt.Errorf("start %s on %s: the lab is closed", spec.Name, h)
	}
	started := make(chan error, 1)
	go func() {
		// The thread that starts the process lives as long as the process: the
		// kernel's parent death signal is about the thread, not the process.
		_ = onFreshThread(func() error { p.run(started); return nil }) // run says itself what went wrong
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", spec.Name, h, err)
	}
	h.lab.processes = append(h.lab.processes, p)
	return p, nil
}

// run starts the process, reports that, and waits for its end.
func (p *Process) run(started chan<- error) {
	defer close(p.done)
	log, err := os.OpenFile(p.Spec.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		started <- err
		return
	}
	defer log.Close()
	if err := enterHost(p.Host.Namespace); err != nil {
		started <- err
		return
	}
	p.cmd = exec.Command(p.Spec.Path, p.Spec.Args...)
	p.cmd.Env = append(os.Environ(), p.Spec.Env...)
	p.cmd.Dir = p.Host.Dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	p.Pid = p.cmd.Process.Pid
	started <- nil
	p.err = p.cmd.Wait()
}

// enterHost moves the thread into the host's network and gives it a /sys that
// shows it. Mounts made outside still appear in the new mount namespace, so that
// removed namespaces do not stay busy there.
func enterHost(ns *Namespace) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare mounts: %w", err)
	}
	if err := netns.Set(ns.handle); err != nil {
		return fmt.Errorf("enter namespace %s: %w", ns.Name, err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("keep mounts to ourselves: %w", err)
	}
	if err := unix.Mount(ns.Name, "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("mount sysfs: %w", err)
	}
	return nil
}

// Kill ends the process as kill -9 does and waits until it is gone. Its
// children are left to themselves.
func (p *Process) Kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Stop suspends the process (SIGSTOP).
func (p *Process) Stop() error { return p.signal(syscall.SIGSTOP) }

// Cont resumes a suspended process (SIGCONT).
func (p *Process) Cont() error { return p.signal(syscall.SIGCONT) }

// Terminate asks the process to end (SIGTERM) and waits until it has, or until
// ctx ends. It returns the process's own error, as [Process.Wait].
func (p *Process) Terminate(ctx context.Context) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.Wait(ctx)
}

// Wait waits until the process has ended and returns how: nil for status 0, an
// *exec.ExitError otherwise. If ctx ends first its error is returned and the
// process goes on.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return fmt.Errorf("wait for %s on %s: %w", p.Spec.Name, p.Host, ctx.Err())
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

func (p *Process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("send %s to %s on %s: %w", s, p.Spec.Name, p.Host, err)
	}
	return nil
}

// kill ends the process and its children that stayed in its group.
func (p *Process) kill() {
	select {
	case <-p.done:
	default:
		// A process that ends just now keeps its id until Wait has collected it.
		_ = unix.Kill(-p.Pid, unix.SIGKILL)
	}
}
