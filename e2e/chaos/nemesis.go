package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// strikeLimit bounds a strike that waits for something: an operator's patience.
	strikeLimit = 6 * time.Second
	// mendLimit bounds all attempts at a mending. What is not mended then, [arena.mendAll] tries.
	mendLimit = 30 * time.Second
)

// Deed is a fault as it was done.
type Deed struct {
	Fault
	Text string `json:"text"`
	// On is the host that it struck; empty: the cluster.
	On     string        `json:"on,omitempty"`
	Struck time.Duration `json:"struck_ns"`
	Done   time.Duration `json:"done_ns"` // the strike; from then on the fault is in force
	Mended time.Duration `json:"mended_ns"`
	// Error is why the strike failed; Unmended why the mending did.
	Error    string `json:"error,omitempty"`
	Unmended string `json:"unmended,omitempty"`
}

// nemesis plays a schedule.
type nemesis struct {
	arena *arena
	locks locks
	mu    sync.Mutex
	deeds []Deed
}

// play does all faults in their time and returns when all are mended; when ctx ends, those that have not struck are left
// out and the others are mended at once.
func (n *nemesis) play(ctx context.Context, faults []Fault) []Deed {
	var all sync.WaitGroup
	for _, f := range faults {
		all.Go(func() { n.do(ctx, f) })
	}
	all.Wait()
	return n.deeds
}

func (n *nemesis) do(ctx context.Context, f Fault) {
	if !n.pause(ctx, f.At) {
		return
	}
	defer n.locks.lock(f)()
	if n.arena.since() > f.Until { // the one before took too long
		return
	}
	e, d := executors[f.Kind], Deed{Fault: f, Text: f.String(), Struck: n.arena.since()}
	n.arena.say("%s", f)
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), strikeLimit)
	d.Error = text(e.strike(limited, n.arena, f))
	cancel()
	d.Done, d.On = n.arena.since(), n.arena.struck(f)
	n.pause(ctx, f.Until)
	d.Unmended = text(n.mend(e, f))
	d.Mended = n.arena.since()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deeds = append(n.deeds, d)
}

// struck is the host that a fault struck.
func (a *arena) struck(f Fault) string {
	if f.Target != leading {
		return f.Target
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leader == nil {
		return ""
	}
	return a.leader.Name
}

// mend tries until it succeeds.
func (n *nemesis) mend(e executor, f Fault) error {
	all, cancel := context.WithTimeout(context.Background(), mendLimit)
	defer cancel()
	var last error
	for {
		limited, cancel := context.WithTimeout(all, strikeLimit)
		err := e.mend(limited, n.arena, f)
		cancel()
		switch {
		case err == nil:
			return nil
		case all.Err() == nil || last == nil:
			last = err // else it says no more than that the time is over
		}
		if all.Err() != nil {
			return last
		}
		select {
		case <-all.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// pause waits until a time since the beginning; it is false if ctx ended before.
func (n *nemesis) pause(ctx context.Context, until time.Duration) bool {
	select {
	case <-time.After(until - n.arena.since()):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf("%.300s", err)
}

// locks see to it that a fault waits for the one before on the same part of a host, where that lasts longer than planned.
type locks struct {
	everybody sync.RWMutex // write: a process whose name is not known yet
	mu        sync.Mutex
	parts     map[string]*sync.Mutex
}

// lock returns what unlocks.
func (l *locks) lock(f Fault) func() {
	part := kindNamed(f.Kind).part
	if f.Target == leading {
		l.everybody.Lock()
		return l.everybody.Unlock
	}
	if part == "process" {
		l.everybody.RLock()
	}
	l.mu.Lock()
	if l.parts == nil {
		l.parts = map[string]*sync.Mutex{}
	}
	key := part + " " + f.Target
	if l.parts[key] == nil {
		l.parts[key] = &sync.Mutex{}
	}
	m := l.parts[key]
	l.mu.Unlock()
	m.Lock()
	return func() {
		m.Unlock()
		if part == "process" {
			l.everybody.RUnlock()
		}
	}
}
