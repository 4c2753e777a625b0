package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lock takes the directory for this process. The kernel lets go of it when the process ends in whatever
// way, so the file itself stays: removing it would let two processes lock two files of one name.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		owner := lockOwner(f)
		return nil, errors.Join(fmt.Errorf("%w: %s is locked by %s; stop that vipd first, or give this one a "+
			"data directory of its own", ErrLocked, dir, owner), f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	// Of fixed width, so that a shorter id replaces a longer one without truncating the file first.
	if _, err := f.WriteAt(fmt.Appendf(nil, "%-10d\n", os.Getpid()), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("write process id: %w", err), f.Close())
	}
	return f, nil
}

func lockOwner(f *os.File) string {
	buf := make([]byte, 16)
	n, _ := f.ReadAt(buf, 0)
	if pid := strings.TrimSpace(string(buf[:n])); pid != "" {
		return "process " + pid
	}
	return "another process"
}
