// Package boottime is the clock that leases are counted by, CLOCK_BOOTTIME: it goes on while the machine is suspended
// and never jumps when somebody sets the time.
package boottime

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Now reads the clock, in nanoseconds. The scheduler is not told of a call that never waits.
func Now() int64 {
	var ts unix.Timespec
	_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		panic("read CLOCK_BOOTTIME: " + errno.Error()) // since Linux 2.6.39; without it nothing is safe
	}
	return ts.Nano()
}

// Timer is a timer of this clock: what came due while the machine was suspended fires when it wakes, where Go's timers
// would go on waiting. An idle process is not woken by it before it fires, nor is Go's monitor (sysmon), which wakes for
// each of Go's own timers.
type Timer struct {
	file *os.File // a timerfd(2) that Go's poller watches
	raw  syscall.RawConn
}

// NewTimer returns a timer that is not set. The caller closes it.
func NewTimer() (*Timer, error) { return newTimer(unix.CLOCK_BOOTTIME) }

func newTimer(clock int) (*Timer, error) {
	fd, err := unix.TimerfdCreate(clock, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	t := &Timer{file: os.NewFile(uintptr(fd), "timer")}
	if t.raw, err = t.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("create a timer: %w", err), t.file.Close())
	}
	return t, nil
}

// Set has the timer fire once at an instant, as of [Now], instead of when it was set to before; if
// that has passed, now. It fails with [os.ErrClosed] once the timer is closed.
func (t *Timer) Set(at int64) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(at, 1))} // zero would disarm it
	var errno syscall.Errno
	if t.raw.Control(func(fd uintptr) {
		_, _, errno = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, fd, unix.TFD_TIMER_ABSTIME, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	}) != nil {
		return os.ErrClosed
	}
	if errno != 0 {
		return fmt.Errorf("set a timer: %w", errno)
	}
	return nil
}

// Wait calls fired each time that the timer fired, until it is closed.
func (t *Timer) Wait(fired func()) {
	_ = t.raw.Read(func(fd uintptr) bool { // ends when the timer is closed
		if took(fd) {
			fired()
		}
		return false
	})
}

// took reports whether a timer has fired since the last time, or its clock was set, if it is to tell that.
func took(fd uintptr) bool {
	var times uint64
	_, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&times)), unsafe.Sizeof(times))
	return errno == 0 || errno == unix.ECANCELED
}

// Close ends Wait.
func (t *Timer) Close() error { return t.file.Close() }
