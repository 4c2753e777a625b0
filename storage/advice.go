package storage

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// advise adds what to do to an error of the disk's that somebody can do something about. Nothing is lost by these:
// the next start has all that was acknowledged.
func advise(err error, path string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("%w; make room on the file system of %s and start vipd again", err, path)
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w; the file system of %s is read-only, as after errors of its disk: look at `dmesg`, mount it "+
			"read-write (after fsck), and start vipd again", err, path)
	case errors.Is(err, unix.EIO):
		return fmt.Errorf("%w; the disk of %s fails: look at `dmesg`. %s", err, path, remedy)
	}
	return err
}
