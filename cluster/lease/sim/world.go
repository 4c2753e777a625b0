package sim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Options say what to run.
type Options struct {
	Seed  uint64
	Omit  Rules     // safety rules to leave out; the zero value leaves out none
	Trace io.Writer // where each step is described; nil: nowhere
	// script sets the faults and returns when the run ends; nil: random faults, and at the end everything
	// must have a holder.
	script  func(*world) time.Duration
	nodes   int // 0: random, 3 to 7
	voters  int // the first so many; 0: random
	profile int // which of profiles, counted from 1; 0: random
}

// world is one run.
type world struct {
	rng     *rand.Rand
	now     time.Duration // true time
	queue   queue
	nodes   []*node
	names   []string
	net     network
	omit    Rules
	trace   io.Writer
	wanted  []string // voters that an operator wants; nil: as they are
	lag     float64  // share of commits that are applied late
	calm    bool     // the faults are over
	failure error
}

// Run runs one schedule. It returns a *TwoHolders, a *NoHolder, or nil.
func Run(o Options) error {
	w := newWorld(o)
	script := o.script
	if script == nil {
		script = randomFaults
	}
	end := script(w)
	w.runUntil(end)
	if o.script == nil {
		w.settle(end + patience)
	}
	return w.failure
}

// settle runs on until every address has a holder, and a little further, but not beyond a limit.
func (w *world) settle(limit time.Duration) {
	err := w.settled()
	for err != nil && w.failure == nil && w.now < limit {
		w.runUntil(w.now + 50*time.Millisecond)
		err = w.settled()
	}
	w.runUntil(w.now + 300*time.Millisecond)
	if w.failure == nil {
		w.failure = err
	}
}

func newWorld(o Options) *world {
	w := &world{rng: rand.New(rand.NewPCG(o.Seed, 0x76697064)), omit: o.Omit, trace: o.Trace}
	n := o.nodes
	if n == 0 {
		n = 3 + w.rng.IntN(5)
		if n > 5 && w.rng.IntN(2) == 0 {
			n -= 2 // big clusters take long
		}
	}
	for i := range n {
		w.names = append(w.names, string(rune('a'+i)))
	}
	w.net = newNetwork(w)
	voters := o.voters
	if voters == 0 {
		voters = min(n, 3+2*w.rng.IntN(2))
	}
	profile := profiles[w.rng.IntN(len(profiles))]
	if o.profile != 0 {
		profile = profiles[o.profile-1]
	}
	seedLog := w.founding(voters, profile)
	for _, name := range w.names {
		w.nodes = append(w.nodes, newNode(w, name, seedLog))
	}
	for _, n := range w.nodes {
		n.boot()
	}
	return w
}

func (w *world) node(name string) *node { return w.nodes[int(name[0]-'a')] }

// at runs fn at true time t.
func (w *world) at(t time.Duration, fn func()) { w.queue.push(t, fn) }

// after runs fn in d of true time.
func (w *world) after(d time.Duration, fn func()) { w.queue.push(w.now+d, fn) }

func (w *world) runUntil(end time.Duration) {
	for w.failure == nil {
		t, fn, ok := w.queue.pop(end)
		if !ok {
			w.now = end
			return
		}
		w.now = t
		fn()
	}
}

// logf describes a step. Callers on hot paths ask tracing first.
func (w *world) logf(format string, args ...any) {
	if w.trace != nil {
		fmt.Fprintf(w.trace, "%12.6f ", w.now.Seconds())
		fmt.Fprintf(w.trace, format, args...)
		fmt.Fprintln(w.trace)
	}
}

func (w *world) tracing() bool { return w.trace != nil }

// between returns a random duration in [lo, hi].
func (w *world) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rng.Int64N(int64(hi-lo)+1))
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// pick returns a random node.
func (w *world) pick() *node { return w.nodes[w.rng.IntN(len(w.nodes))] }
