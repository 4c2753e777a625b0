package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const namePrefix = "vipd-"

// namespaceName is the name of one namespace of lab id of this process.
func namespaceName(id, host string) string {
	return fmt.Sprintf("%s%d-%s-%s", namePrefix, os.Getpid(), id, host)
}

// ownerOf returns the process that made the named namespace; ok is false for
// names that are not a lab's.
func ownerOf(name string) (pid int, ok bool) {
	rest, found := strings.CutPrefix(name, namePrefix)
	if !found {
		return 0, false
	}
	parts := strings.SplitN(rest, "-", 3)
	if len(parts) != 3 {
		return 0, false
	}
	pid, err := strconv.Atoi(parts[0])
	return pid, err == nil && pid > 0
}

// Sweep removes the labs of processes that no longer run, with the processes
// still inside them, and returns the names of the namespaces it removed. Two
// sweeps at once do not disturb each other. A lab survives for as long as its
// process id is in use, if by another process.
func Sweep() ([]string, error) {
	entries, err := os.ReadDir(netnsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for stale labs: %w", err)
	}
	var removed []string
	var errs []error
	for _, e := range entries {
		pid, ok := ownerOf(e.Name())
		if !ok || !errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			continue
		}
		errs = append(errs, removeNamed(e.Name()))
		removed = append(removed, e.Name())
	}
	return removed, errors.Join(errs...)
}

func removeNamed(name string) error {
	path := filepath.Join(netnsDir, name)
	endProcesses(path)
	// EINVAL: a name nothing was mounted on yet.
	err := unix.Unmount(path, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("remove namespace %s: %w", name, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove namespace %s: %w", name, err)
	}
	return nil
}

// endProcesses kills whatever runs in the namespace at path, other than this
// process.
func endProcesses(path string) {
	var ns unix.Stat_t
	if unix.Stat(path, &ns) != nil {
		return
	}
	proc, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range proc {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != os.Getpid() {
			killIfInside(pid, ns)
		}
	}
}

// killIfInside holds the process by a descriptor before it looks where the
// process runs, so that a reused id is never hit.
func killIfInside(pid int, ns unix.Stat_t) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st) != nil {
		return
	}
	if st.Dev == ns.Dev && st.Ino == ns.Ino {
		// The only failure left is that the process has just ended by itself.
		_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
}
