// Command guest is the first process of a test machine: it mounts the usual
// file systems, loads kernel modules, runs the test binary, says how that ended
// and stops the machine.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"vipd/e2e/vm/guest/task"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: only for the first process of a test machine")
		os.Exit(1)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
	// qemu runs with -no-reboot: a restart ends it.
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
		fmt.Fprintln(os.Stderr, "guest: restart:", err)
	}
}

func run() error {
	if err := mountAll(); err != nil {
		return err
	}
	text, err := os.ReadFile(task.File)
	if err != nil {
		return err
	}
	var work task.Task
	if err := json.Unmarshal(text, &work); err != nil {
		return fmt.Errorf("read %s: %w", task.File, err)
	}
	for _, m := range work.Modules {
		if err := loadModule(m); err != nil {
			return err
		}
	}
	out, err := os.OpenFile(task.Device, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	code, err := runTests(work, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s%d\n", task.ExitPrefix, code)
	// With an argument TCSBRK waits until everything has left the serial line.
	return unix.IoctlSetInt(int(out.Fd()), unix.TCSBRK, 1)
}

func runTests(work task.Task, out *os.File) (int, error) {
	cmd := exec.Command(task.Binary, work.Args...)
	cmd.Env, cmd.Dir = work.Env, task.Dir
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, fmt.Errorf("run the tests: %w", err)
	}
	return cmd.ProcessState.ExitCode(), nil
}

// mountAll leaves /tmp to the root, which is in memory anyway: what was packed may lie there.
func mountAll() error {
	for _, m := range []struct{ kind, at string }{
		{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/run"},
	} {
		err := unix.Mount(m.kind, m.at, m.kind, 0, "")
		// The kernel may have mounted /dev already.
		if err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	return nil
}

func loadModule(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.FinitModule(int(f.Fd()), "", 0)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("load %s: %w", file, err)
	}
	return nil
}
