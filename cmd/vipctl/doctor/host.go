package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/health"
)

// clock looks at how fast the host's clock is made to run. The lease allows for 1 % between any two hosts, so each may
// be off by half of that.
func (h Host) clock(context.Context) []Finding {
	var now unix.Timex
	if _, err := unix.Adjtimex(&now); err != nil {
		return nil
	}
	return rate(now.Tick, now.Freq)
}

// nominalTick is the length of a tick in microseconds, of 100 per second (adjtimex(2)).
const nominalTick = 10_000

// rate judges a tick's length in microseconds and a correction in parts per million, times 2^16.
func rate(tick, freq int64) []Finding {
	percent := float64(tick-nominalTick)/nominalTick*100 + float64(freq)/65536/1e4
	if percent > -0.5 && percent < 0.5 {
		return nil
	}
	return []Finding{{Problem, "clock", fmt.Sprintf("the clock is made to run %+.2f %% fast; the lease allows for 1 %% between any two hosts", percent),
		"adjtimex --tick 10000 --frequency 0, and see to what sets it"}}
}

// scripts looks at the directories that scripts run from.
func (h Host) scripts(context.Context) []Finding {
	var found []Finding
	for _, dir := range h.File.ScriptDirs {
		err := health.Trusted(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // nothing runs from there
		case err != nil:
			found = append(found, Finding{Problem, "scripts", fmt.Sprintf("scripts in %s do not run: %v", dir, err),
				fmt.Sprintf("chown root %s && chmod go-w %s, and the directories above", dir, dir)})
		}
	}
	return found
}

const (
	leastFree = 200 << 20 // bytes; Raft's log, its snapshots and a margin
	slowSync  = 50 * time.Millisecond
	deadSync  = 500 * time.Millisecond
	syncs     = 9
)

// disk looks at where the node keeps its data.
func (h Host) disk(context.Context) []Finding {
	dir := h.File.DataDir
	for {
		if _, err := os.Stat(dir); err == nil || dir == "/" || errors.Is(err, fs.ErrPermission) {
			break
		}
		dir = filepath.Dir(dir) // vipd makes it
	}
	var found []Finding
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err == nil {
		free := s.Bavail * uint64(s.Bsize) //nolint:gosec // a block's size is not negative
		if free < leastFree {
			found = append(found, Finding{Problem, "disk", fmt.Sprintf("%s has %d MiB left; without room a node cannot vote", dir, free>>20), "make room: du -xh " + dir + " | sort -h | tail"})
		}
	}
	if dir != h.File.DataDir {
		return found
	}
	took, err := syncTime(dir)
	switch {
	case errors.Is(err, fs.ErrPermission):
		found = append(found, Finding{Note, "disk", "how fast the disk is cannot be seen without rights", "sudo vipctl doctor"})
	case err != nil:
		found = append(found, Finding{Problem, "disk", fmt.Sprintf("a file in %s cannot be written: %v", dir, err), "see to the disk; dmesg may say more"})
	case took > deadSync:
		found = append(found, Finding{Problem, "disk", fmt.Sprintf("a sync in %s takes %v; each change of holder waits for some", dir, took), "put data_dir on a faster disk"})
	case took > slowSync:
		found = append(found, Finding{Warning, "disk", fmt.Sprintf("a sync in %s takes %v; each change of holder waits for some", dir, took), "put data_dir on a faster disk"})
	}
	return found
}

// syncTime is the median of some small synced writes.
func syncTime(dir string) (time.Duration, error) {
	file, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	var took []time.Duration
	for range syncs {
		began := time.Now()
		if _, err := file.WriteString("sync\n"); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2].Round(time.Millisecond / 10), nil
}
