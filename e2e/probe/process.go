package probe

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// roleVariable is in the environment of a process that is to be a prober.
const roleVariable = "VIPD_E2E_PROBE"

// How often the prober's process hands over events, and counters.
const (
	handEvents   = 20 * time.Millisecond
	handCounters = 100 * time.Millisecond
)

var mainCalled atomic.Bool

// Main turns this process into a prober if [Start] of another one made it for
// that, and does not return then. A program that sets [Options.Separate] calls
// it first of all in main or TestMain.
func Main() {
	mainCalled.Store(true)
	if os.Getenv(roleVariable) == "" {
		return
	}
	runtime.LockOSThread()
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// update is what the prober's process tells the one that made it.
type update struct {
	Err    string
	Ready  bool
	Events []Event
	// Rest is the recording without its events; nil if that is not due.
	Rest *Recording
}

// serve probes as the options on in say, until in ends, and writes updates.
func serve(in io.Reader, out io.Writer) error {
	var o Options
	if err := gob.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("read options: %w", err)
	}
	urgent()
	stop, ready, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		// Nothing more is written to in: this waits for its end.
		_, _ = io.Copy(io.Discard, in) // the end of input, however it comes, is the word to stop
		close(stop)
	}()
	l := newLoop(o, newRecorder(o))
	sent := make(chan error, 1)
	go func() { sent <- l.rec.hand(gob.NewEncoder(out), ready, done) }()
	err := l.run(ready, stop)
	if err != nil {
		return gob.NewEncoder(out).Encode(update{Err: err.Error()})
	}
	close(done)
	return <-sent
}

// urgent gives all threads of this process, and so those to come, real-time
// scheduling: the prober would otherwise wait for the runtime's other threads,
// and these for everybody.
func urgent() {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range tasks {
		if tid, err := strconv.Atoi(t.Name()); err == nil {
			// Without the right to, it goes on as it is; the report says so.
			_ = unix.SchedSetAttr(tid, &unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: realtimePriority - 1}, 0)
		}
	}
}

// hand passes on what is recorded, from the first requests to the end.
func (r *recorder) hand(enc *gob.Encoder, ready, done <-chan struct{}) error {
	<-ready
	var passed int
	tick := time.NewTicker(handEvents)
	defer tick.Stop()
	var counters time.Time
	var hosts int
	for last := false; ; {
		now := time.Now()
		u := update{Ready: true}
		u.Events, passed = r.since(passed)
		// Taken after the events, so that it has every host they speak of.
		rest := r.snapshot(false)
		if last || len(rest.Hosts) != hosts || now.Sub(counters) >= handCounters {
			counters, hosts = now, len(rest.Hosts)
			u.Rest = &rest
		}
		if len(u.Events) > 0 || u.Rest != nil {
			if err := enc.Encode(u); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
		select {
		case <-tick.C:
		case <-done:
			last = true
		}
	}
}

// runSeparate is the other end of Main.
func runSeparate(o Options, rec *recorder, ready chan<- struct{}, stop <-chan struct{}) error {
	if !mainCalled.Load() {
		return errors.New("a separate process needs a call of Main first")
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	enter := o.Do
	o.Do = nil
	if err := enter(cmd.Start); err != nil {
		return fmt.Errorf("start the prober's process: %w", err)
	}
	finished := make(chan struct{})
	go func() {
		select {
		case <-stop:
		case <-finished:
		}
		in.Close()
	}()
	err = gob.NewEncoder(in).Encode(o)
	if err == nil {
		err = take(gob.NewDecoder(out), rec, ready)
	}
	close(finished)
	return errors.Join(err, cmd.Wait())
}

// take merges updates until there are no more.
func take(dec *gob.Decoder, rec *recorder, ready chan<- struct{}) error {
	for started := false; ; {
		var u update
		switch err := dec.Decode(&u); {
		case errors.Is(err, io.EOF) && started:
			return nil
		case err != nil:
			return fmt.Errorf("hear from the prober's process: %w", err)
		case u.Err != "":
			return errors.New(u.Err)
		}
		rec.merge(u)
		if u.Ready && !started {
			started = true
			close(ready)
		}
	}
}
