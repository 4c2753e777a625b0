package cluster

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"vipd/cluster/lease"
)

// bootNow reads the clock that leases are counted by: it counts on while the machine is suspended and
// never jumps when somebody sets the time. The scheduler is not told of a call that never waits.
func bootNow() lease.Instant {
	var ts unix.Timespec
	_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		panic("read CLOCK_BOOTTIME: " + errno.Error()) // since Linux 2.6.39; without it nothing is safe
	}
	return lease.Instant(ts.Nano())
}

// kick wakes whoever waits on a channel of capacity one; several kicks before it wakes are one.
func kick(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// resetTimer makes t fire after d, which may have passed.
func resetTimer(t *time.Timer, d time.Duration) { t.Reset(max(d, 0)) }
