package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"vipd/e2e/lab"
)

// clockTick is the unit of processor times in /proc: USER_HZ is 100 on all that Go runs on.
const clockTick = 10 * time.Millisecond

// processUsage returns the processor time of a process so far and its resident memory in bytes.
func processUsage(pid int) (cpu time.Duration, rss uint64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	// proc(5): utime, stime and rss are the fields 14, 15 and 24; the name before them may have spaces.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var ticks [2]int
	for i := range ticks {
		if ticks[i], err = strconv.Atoi(fields[11+i]); err != nil {
			return 0, 0, err
		}
	}
	pages, err := strconv.ParseUint(fields[21], 10, 64)
	return time.Duration(ticks[0]+ticks[1]) * clockTick, pages * uint64(os.Getpagesize()), err
}

// packetsFrom returns, by host, how many packets the switch has received from it.
func packetsFrom(l *lab.Lab) (map[string]uint64, error) {
	var text []byte
	err := l.Switch.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count packets: %w", err)
	}
	counts := map[string]uint64{}
	for line := range bytes.Lines(text) {
		name, rest, found := strings.Cut(strings.TrimSpace(string(line)), ":")
		fields := strings.Fields(rest)
		if !found || len(fields) < 2 {
			continue
		}
		if counts[name], err = strconv.ParseUint(fields[1], 10, 64); err != nil {
			return nil, fmt.Errorf("count packets of %s: %w", name, err)
		}
	}
	return counts, nil
}
