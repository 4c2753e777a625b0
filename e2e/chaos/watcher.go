package main

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/probe"
)

const (
	// lookEach is how often each node is asked what it is.
	lookEach = 400 * time.Millisecond
	// recordFor is how much one recording has: it is kept in memory until it is analysed. Between two nobody looks, for
	// as long as a process takes to start.
	recordFor = 5 * time.Minute
)

// Span is a time, since the beginning.
type Span struct {
	From time.Duration `json:"from_ns"`
	To   time.Duration `json:"to_ns"`
	// Who answered, or what held.
	Who string `json:"who,omitempty"`
}

// Lane is what was seen of a node.
type Lane struct {
	Node string `json:"node"`
	Up   []Span `json:"up"`    // its daemon answered at its socket
	Held []Span `json:"lease"` // it had the lease
	Led  []Span `json:"led"`   // it believed to lead, and had the lease
	// Earlier is when it ran the vipd that the cluster began with.
	Earlier []Span `json:"earlier,omitempty"`
	// Busiest is the most commands a second that it learnt of in one go of busyFor or more, and when that ended.
	Busiest   float64       `json:"busiest"`
	BusiestAt time.Duration `json:"busiest_at_ns"`
	from      mark
}

// busyFor is how long commands are counted for; see [Lane.Busiest].
const busyFor = 10 * time.Second

// mark is what the newest command was at a time.
type mark struct {
	at    time.Duration
	index uint64
}

// learnt takes in the newest command that a node knows. A node that is new, or was away, catches up, which says nothing.
func (l *Lane) learnt(index uint64, now time.Duration) {
	switch span := now - l.from.at; {
	case index < l.from.index || l.from.index == 0 || len(l.Held) == 0 || now-l.Held[len(l.Held)-1].From < span:
		l.from = mark{now, index}
	case span >= busyFor:
		if rate := float64(index-l.from.index) / span.Seconds(); rate > l.Busiest {
			l.Busiest, l.BusiestAt = rate, now
		}
		l.from = mark{now, index}
	}
}

// watcher looks on: what nodes say of themselves, and what a client sees of the addresses.
type watcher struct {
	arena *arena
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu      sync.Mutex
	lanes   []*Lane
	current *probe.Probe
	reports []probe.Report
	err     error
}

func startWatcher(a *arena) (*watcher, error) {
	p, err := probe.Start(a.probeOptions())
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &watcher{arena: a, stop: stop, current: p}
	for _, n := range a.Nodes {
		lane := &Lane{Node: n.Name}
		w.lanes = append(w.lanes, lane)
		w.tasks.Go(func() { w.look(ctx, n, lane) })
	}
	w.tasks.Go(func() { w.turn(ctx) })
	return w, nil
}

// end stops looking; all is in lanes and reports then.
func (w *watcher) end() error {
	w.stop()
	w.tasks.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current == nil {
		return w.err
	}
	report, err := w.current.Stop()
	w.current, w.err = nil, errors.Join(w.err, err)
	w.reports = append(w.reports, report)
	return w.err
}

// turn begins a new recording now and then.
func (w *watcher) turn(ctx context.Context) {
	tick := time.NewTicker(recordFor)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.next()
	}
}

// next begins a new recording as soon as the former has ended; conclusions are drawn meanwhile.
func (w *watcher) next() {
	w.mu.Lock()
	defer w.mu.Unlock()
	former, at := w.current, len(w.reports)
	w.reports = append(w.reports, probe.Report{})
	w.tasks.Go(func() {
		report, err := former.Stop()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reports[at], w.err = report, errors.Join(w.err, err)
	})
	<-former.Done()
	next, err := probe.Start(w.arena.probeOptions())
	if err == nil {
		w.current = next
	}
	w.err = errors.Join(w.err, err)
}

// await waits until a host, or anybody if its name is empty, answers for an address.
func (w *watcher) await(ctx context.Context, addr netip.Addr, host string) error {
	w.mu.Lock()
	p := w.current
	w.mu.Unlock()
	return p.Await(ctx, addr, host)
}

// look asks a node again and again.
func (w *watcher) look(ctx context.Context, n *harness.Node, lane *Lane) {
	tick := time.NewTicker(lookEach)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, lookEach)
		s, err := n.Status(limited)
		cancel()
		now := w.arena.since()
		up := err == nil
		extend(&lane.Up, up, now)
		extend(&lane.Held, up && s.Quorum, now)
		extend(&lane.Earlier, up && s.Version == w.arena.releases.earlier, now)
		if up && s.Quorum {
			lane.learnt(s.Index, now)
		}
		extend(&lane.Led, up && s.Quorum && s.Leader == n.Name, now)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// extend goes on with the last span, if it was so a moment ago too, or begins one.
func extend(spans *[]Span, so bool, now time.Duration) {
	if !so {
		return
	}
	if last := len(*spans) - 1; last >= 0 && now-(*spans)[last].To < 2*lookEach+lookEach/2 {
		(*spans)[last].To = now
		return
	}
	*spans = append(*spans, Span{From: now, To: now})
}
