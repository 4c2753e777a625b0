package sim

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedFlag = flag.Uint64("seed", 0, "run this schedule alone")
	forFlag  = flag.Duration("sim.for", 0, "run schedules for so long")
)

func TestSchedules(t *testing.T) {
	if *seedFlag != 0 {
		if err := Run(Options{Seed: *seedFlag}); err != nil {
			report(t, Options{Seed: *seedFlag}, err)
		}
		return
	}
	n := schedules
	if s := os.Getenv("VIPD_SIM_SCHEDULES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatalf("VIPD_SIM_SCHEDULES: %v", err)
		}
	}
	ran := inParallel(func(seed uint64) bool {
		if seed > uint64(n) || t.Failed() {
			return false
		}
		if err := Run(Options{Seed: seed}); err != nil {
			report(t, Options{Seed: seed}, err)
		}
		return true
	})
	t.Logf("%d schedules", ran)
}

// TestChaos runs new schedules for as long as -sim.for says.
func TestChaos(t *testing.T) {
	if *forFlag == 0 {
		t.Skip("runs only with -sim.for=DURATION")
	}
	start := time.Now()
	first := uint64(start.UnixNano())
	ran := inParallel(func(i uint64) bool {
		if time.Since(start) > *forFlag || t.Failed() {
			return false
		}
		if err := Run(Options{Seed: first + i}); err != nil {
			report(t, Options{Seed: first + i}, err)
		}
		return true
	})
	t.Logf("%d schedules from seed %d", ran, first+1)
}

// inParallel calls fn with 1, 2, 3 and so on from two goroutines until it returns false, and returns how
// often it was true.
func inParallel(fn func(uint64) bool) uint64 {
	var next, ran atomic.Uint64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for fn(next.Add(1)) {
				ran.Add(1)
			}
		})
	}
	wg.Wait()
	return ran.Load()
}

// report fails the test with the seed and the end of the trace.
func report(t *testing.T, o Options, err error) {
	t.Helper()
	var trace bytes.Buffer
	o.Trace = &trace
	again := Run(o)
	lines := strings.Split(trace.String(), "\n")
	tail := lines[max(0, len(lines)-150):]
	if *seedFlag != 0 {
		tail = lines
	}
	t.Errorf("seed %d: %v\n%s", o.Seed, err, strings.Join(tail, "\n"))
	if fmt.Sprint(again) != fmt.Sprint(err) {
		t.Errorf("seed %d ended with %v when it was run again", o.Seed, again)
	}
}
