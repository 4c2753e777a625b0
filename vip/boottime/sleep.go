package boottime

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Sleep tells whether the machine was suspended. That has to be known besides what this clock says, which learns how
// long it was from the hardware's clock: most of those count whole seconds, so that the time is wrong by up to one,
// either way. CLOCK_MONOTONIC stands still meanwhile, and is otherwise the same clock. A suspension within which the
// hardware's clock did not tick cannot be told.
type Sleep struct {
	boot      func() int64 // this clock
	monotonic func() int64 // the one that stands still
	ahead     int64        // at most so far is the first ahead of the second
}

// origin is what Go's monotonic readings are compared with.
var origin = time.Now()

// NewSleep returns a Sleep that tells of suspensions from now on.
func NewSleep() *Sleep {
	return newSleep(Now, func() int64 { return int64(time.Since(origin)) })
}

func newSleep(boot, monotonic func() int64) *Sleep {
	s := &Sleep{boot: boot, monotonic: monotonic, ahead: math.MaxInt64}
	s.Over()
	return s
}

// grain is what the two clocks may differ by for being read in nanoseconds.
const grain = int64(time.Microsecond)

// Over returns how long the machine was suspended since the last call, as the clock has it; 0: it was not. However late
// a caller reads one clock after the other, that looks like no suspension.
func (s *Sleep) Over() time.Duration {
	before := s.monotonic()
	boot := s.boot()
	after := s.monotonic()
	if slept := boot - after - s.ahead; s.ahead != math.MaxInt64 && slept > grain {
		s.ahead = boot - before
		return time.Duration(slept)
	}
	s.ahead = min(s.ahead, boot-before)
	return 0
}

// NewWaker returns a timer that is never due and fires when the machine resumes, or somebody sets its time. The caller
// closes it.
func NewWaker() (*Timer, error) {
	t, err := newTimer(unix.CLOCK_REALTIME)
	if err != nil {
		return nil, err
	}
	spec := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt32 << 1}} // some hundred years from the epoch
	var refused error
	if err := t.raw.Control(func(fd uintptr) {
		refused = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &spec, nil)
	}); err != nil {
		return nil, errors.Join(os.ErrClosed, t.Close())
	}
	if refused != nil {
		return nil, errors.Join(fmt.Errorf("set a timer: %w", refused), t.Close())
	}
	return t, nil
}
