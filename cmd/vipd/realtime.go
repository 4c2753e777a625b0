package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// realtimePriority is low among real-time tasks, and above everything else.
const realtimePriority = 10

// becomeRealtime puts all threads of this process under SCHED_RR; threads made later inherit it. The
// kernel keeps real-time tasks from taking all of a processor (sched(7)).
func becomeRealtime() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("ask for real-time scheduling: %w", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			continue
		}
		attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: realtimePriority}
		if err := unix.SchedSetAttr(id, attr, 0); err != nil {
			return fmt.Errorf("ask for real-time scheduling: %w; grant CAP_SYS_NICE, or say `realtime: false` in the node file", err)
		}
	}
	return nil
}
