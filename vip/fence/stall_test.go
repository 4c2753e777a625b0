package fence

import (
	"errors"
	"testing"
	"time"

	"vipd/vip/boottime"
)

// A stallingClock is CLOCK_BOOTTIME, except that the caller is held up after it has read the clock, as a process is
// that was stopped there.
type stallingClock struct {
	stalls map[int]func() // by number of the reading, from 1
	reads  int
}

func (c *stallingClock) now() int64 {
	c.reads++
	now := boottime.Now()
	if stall := c.stalls[c.reads]; stall != nil {
		stall()
	}
	return now
}

// arm makes the n-th reading from now stall.
func (c *stallingClock) arm(n int, stall func()) {
	c.reads, c.stalls = 0, map[int]func(){n: stall}
}

func until(instant int64) func() {
	return func() { <-time.After(time.Duration(instant - boottime.Now())) }
}

func TestExtendAfterShortStall(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	clock := &stallingClock{}
	f := l.open(t, Options{Now: clock.now})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))

	end := after(600 * time.Millisecond)
	clock.arm(1, until(after(400*time.Millisecond)))
	check(t, f.Extend(end))
	// Had the first attempt counted, the gate would be open for 400 ms after the end.
	until(end + int64(50*time.Millisecond))()
	wantAnswers(t, p, "after the end", nil, vips...)
	c, err := f.Counters()
	check(t, err)
	if c.Stalls == 0 {
		t.Error("the stall was not counted")
	}
}

func TestExtendAfterLongStall(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	clock := &stallingClock{}
	f := l.open(t, Options{Now: clock.now})
	first := after(300 * time.Millisecond)
	check(t, f.Raise(first))
	check(t, f.Hold(vips))

	clock.arm(1, until(first+int64(50*time.Millisecond)))
	if err := f.Extend(after(patience)); !errors.Is(err, ErrShut) {
		t.Errorf("Extend held up beyond the lease: %v, want ErrShut", err)
	}
	wantAnswers(t, p, "after the stale extension", nil, vips...)
}

// A process that is stopped twice, before and after it writes, must not leave its late write in force.
func TestStaleWriteDoesNotCount(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	clock := &stallingClock{}
	f := l.open(t, Options{Now: clock.now})
	first := after(300 * time.Millisecond)
	check(t, f.Raise(first))
	check(t, f.Hold(vips))

	written, resume, extended := make(chan struct{}), make(chan struct{}), make(chan error)
	clock.arm(2, func() { close(written); <-resume })
	go func() { extended <- f.Extend(after(patience)) }()
	<-written
	until(first + int64(50*time.Millisecond))()
	wantAnswers(t, p, "an extension is written but not confirmed", nil, vips...)
	close(resume)
	if err := <-extended; !errors.Is(err, ErrShut) {
		t.Errorf("Extend stopped halfway: %v, want ErrShut", err)
	}
	wantAnswers(t, p, "after the extension", nil, vips...)
}

func TestExtendNeverGetsThrough(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	clock := &stallingClock{stalls: map[int]func(){}}
	f := l.open(t, Options{Now: clock.now})
	check(t, f.Raise(after(patience)))
	check(t, f.Hold(vips))
	clock.reads = 0
	for attempt := range maxAttempts {
		clock.stalls[2*attempt+1] = func() { until(after(200 * time.Millisecond))() }
	}
	if err := f.Extend(after(patience / 2)); !errors.Is(err, ErrStalled) {
		t.Errorf("Extend held up each time: %v, want ErrStalled", err)
	}
	wantAnswers(t, p, "the older lease still lives", all(vips...), vips...)
	check(t, f.Extend(after(patience)))
}

// The kernel takes a timeout shorter than a jiffy for none at all.
func TestShortLeaseDoesNotStayOpen(t *testing.T) {
	l := newLab(t)
	p := l.prober(t)
	f := l.open(t, Options{})
	for _, left := range []time.Duration{-time.Hour, 0, 1, time.Millisecond, minTimeout} {
		if err := f.Raise(after(left)); !errors.Is(err, ErrShut) {
			t.Errorf("Raise with %v left: %v, want ErrShut", left, err)
		}
		check(t, f.Raise(after(patience)))
		check(t, f.Hold(vips))
		if err := f.Extend(after(left)); !errors.Is(err, ErrShut) {
			t.Errorf("Extend with %v left: %v, want ErrShut", left, err)
		}
		wantAnswers(t, p, "nothing left", nil, vips...)
		check(t, f.Bar(vips))
	}
	// The shortest that is accepted expires.
	for range 20 {
		if err := f.Raise(after(minTimeout + firstSlack + 500*time.Microsecond)); err != nil && !errors.Is(err, ErrShut) &&
			!errors.Is(err, ErrStalled) {
			t.Fatal(err)
		}
		check(t, f.Hold(vips))
		eventually(t, "gate shuts", func() bool { return len(p.answers(vips...)) == 0 })
		check(t, f.Bar(vips))
	}
	if err := f.Raise(after(time.Hour)); err == nil {
		t.Error("a lease of an hour was accepted")
	}
}
