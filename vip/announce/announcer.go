package announce

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// Repeats are sent at most this many at a time with a pause between, so that those of a thousand
	// addresses neither fill a transmit queue nor delay what is announced for the first time.
	maxPass = 32
	pause   = time.Millisecond
	idle    = time.Hour
)

// Target is an address and the interface whose neighbours should hear of it.
type Target struct {
	Addr      netip.Addr
	Interface string
}

// Options of an Announcer. The zero value is usable.
type Options struct {
	Logger *slog.Logger // nil: none
	// Repeats are when an address is announced again, counted from Announce. nil: DefaultRepeats; empty: never.
	Repeats []time.Duration
	// Permit is asked immediately before each frame whether this host may still announce the address. If
	// not, nothing is sent this time. A process that was stopped in between and goes on must not announce
	// what others took over meanwhile. It must be quick and must not call the Announcer. nil: always.
	Permit func(netip.Addr) bool
}

// DefaultRepeats cover a switch that is still learning and neighbours that missed the first frame.
func DefaultRepeats() []time.Duration {
	return []time.Duration{
		100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second,
	}
}

// Announcer announces addresses: at once in the goroutine that calls Announce, and again from Run. Its
// methods may be called from several goroutines.
type Announcer struct {
	log    *slog.Logger
	permit func(netip.Addr) bool
	kick   chan struct{} // Run looks at the schedule again

	mu       sync.Mutex // held for one frame at a time
	schedule *schedule
	wire     *wire
	states   map[string]string // what was last logged about an interface
}

// New returns an Announcer for the network namespace of the calling thread. It starts nothing.
func New(opts Options) (*Announcer, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Permit == nil {
		opts.Permit = func(netip.Addr) bool { return true }
	}
	if opts.Repeats == nil {
		opts.Repeats = DefaultRepeats()
	}
	w, err := newWire()
	if err != nil {
		return nil, err
	}
	return &Announcer{
		log: opts.Logger, permit: opts.Permit, kick: make(chan struct{}, 1),
		schedule: newSchedule(slices.Sorted(slices.Values(opts.Repeats))), wire: w, states: map[string]string{},
	}, nil
}

// Close closes the sockets. Call it after Run has returned, and nothing after it.
func (a *Announcer) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.wire.close()
}

// Announce sends the first announcement of each target, in the order given, before it returns, and leaves
// the repeats to Run. It never waits for an interface: what one does not take now, Run sends a
// little later. A target announced already starts from the beginning.
func (a *Announcer) Announce(targets []Target) {
	a.mu.Lock()
	entries := a.schedule.add(time.Now(), targets)
	a.wire.begin()
	a.mu.Unlock()
	for _, e := range entries {
		a.mu.Lock()
		// Run may have been faster, and Stop too.
		if e.position >= 0 && e.round == 0 && e.retries == 0 {
			a.send(e)
		}
		a.mu.Unlock()
	}
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// Stop ends the announcements of addresses: after it returned nothing is sent for them.
func (a *Announcer) Stop(addrs []netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, addr := range addrs {
		a.schedule.stop(addr)
	}
}

// Run sends the repeats until ctx ends, and returns ctx's error.
func (a *Announcer) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-a.kick:
		}
		timer.Reset(a.pass())
	}
}

// pass sends some of what is due and returns how long to wait before the next one.
func (a *Announcer) pass() time.Duration {
	a.mu.Lock()
	a.wire.begin()
	a.mu.Unlock()
	for range maxPass {
		if wait, ok := a.step(); ok {
			return wait
		}
	}
	return pause
}

// step sends what is due first. If nothing is, it returns how long that will last.
func (a *Announcer) step() (wait time.Duration, nothing bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if e := a.schedule.first(now); e != nil {
		a.send(e)
		return 0, false
	}
	if due, ok := a.schedule.next(); ok {
		return due.Sub(now), true
	}
	return idle, true
}

// send sends an entry's round, unless this host may not any more.
func (a *Announcer) send(e *entry) {
	if !a.permit(e.target.Addr) {
		a.schedule.done(e)
		return
	}
	err := a.wire.send(e.target, e.round)
	if errors.Is(err, errBusy) && a.schedule.retry(e, time.Now()) {
		return
	}
	if !errors.Is(err, errBusy) { // or the round is given up, and over already
		a.schedule.done(e)
	}
	a.report(e.target.Interface, err)
}

// report logs what became of an interface when it is not what it was.
func (a *Announcer) report(name string, err error) {
	state := ""
	if err != nil {
		state = err.Error()
	}
	if a.states[name] == state {
		return
	}
	a.states[name] = state
	switch {
	case err == nil:
		a.log.Info("addresses are announced again", "interface", name)
	case errors.Is(err, errNoNeighbours):
		a.log.Debug("addresses are not announced", "interface", name, "err", err)
	default:
		a.log.Warn("addresses are not announced", "interface", name, "err", err)
	}
}
