package lab

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of times in /proc: USER_HZ is 100 on all that Go runs on.
const clockTick = 10 * time.Millisecond

// Usage is what a process has used so far.
type Usage struct {
	CPU time.Duration // in user and kernel mode, by all its threads
	Age time.Duration // since it started
	RSS uint64        // its resident memory, in bytes
}

// UsageOf reads the usage of a process from /proc.
func UsageOf(pid int) (u Usage, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	// proc(5): utime, stime, starttime and rss are the fields 14, 15, 22 and 24; the name before them may have
	// spaces.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return u, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var n [4]uint64
	for i, field := range []int{11, 12, 19, 21} {
		if n[i], err = strconv.ParseUint(fields[field], 10, 64); err != nil {
			return u, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return u, fmt.Errorf("read the time since boot: %w", err)
	}
	return Usage{
		CPU: time.Duration(n[0]+n[1]) * clockTick,
		Age: time.Duration(now.Nano()) - time.Duration(n[2])*clockTick,
		RSS: n[3] * uint64(os.Getpagesize()),
	}, nil
}
