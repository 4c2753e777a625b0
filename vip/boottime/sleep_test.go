package boottime

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestSleep(t *testing.T) {
	var boot, monotonic int64
	lag := int64(0) // how long after each reading of a clock the next one is
	read := func(clock *int64) func() int64 {
		return func() int64 {
			now := *clock
			boot, monotonic = boot+lag, monotonic+lag
			return now
		}
	}
	boot = int64(time.Hour) // it was suspended before
	s := newSleep(read(&boot), read(&monotonic))
	for _, step := range []struct {
		name         string
		passes, lag  time.Duration
		slept, wants time.Duration
	}{
		{name: "time passes", passes: time.Minute},
		{name: "held up while it looks", lag: 3 * time.Second},
		{name: "and then not", passes: time.Second},
		{name: "suspended for a moment", slept: time.Millisecond, wants: time.Millisecond},
		{name: "told once"},
		{name: "suspended for hours", passes: time.Second, slept: 9 * time.Hour, wants: 9 * time.Hour},
		{name: "told once", passes: time.Second},
	} {
		boot += int64(step.passes + step.slept)
		monotonic += int64(step.passes)
		lag = int64(step.lag)
		if got := s.Over(); got != step.wants {
			t.Errorf("%s: suspended for %v, want %v", step.name, got, step.wants)
		}
	}
}

// The real clocks go alike while the machine is awake, whoever reads them how often.
func TestSleepOfThisMachine(t *testing.T) {
	s := NewSleep()
	for range 100_000 {
		if d := s.Over(); d != 0 && d < time.Second {
			t.Fatalf("suspended for %v", d)
		}
	}
}

func TestWaker(t *testing.T) {
	w, err := NewWaker()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Wait(func() {}) // somebody may set the time meanwhile
	}()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("Wait does not end")
	}
	if err := w.Close(); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("closed again: %v", err)
	}
}
