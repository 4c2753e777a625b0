package health

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"time"

	"vipd/bond"
	"vipd/cluster/state"
	"vipd/vip"
)

// Options are what a Monitor is made of.
type Options struct {
	Logger     *slog.Logger
	Scripts    Scripts
	Interfaces func() (map[string]vip.Interface, error) // of this host
	Bond       func(name string) (bond.Status, error)   // one of them, or none
	Virtual    func() map[netip.Addr]bool               // the groups' addresses
	Changed    func()                                   // some check's Status did; must not block
}

// Monitor runs checks: each by its own machine, all by one timer, so that what is due together runs together.
type Monitor struct {
	options Options
	scripts *Programs
	wake    chan struct{}
	ended   chan end

	mu     sync.Mutex
	wanted map[string]state.Check
	status map[string]Status

	watches map[string]*watch // of Run
}

// watch is one check being run.
type watch struct {
	*Machine
	run       runner
	interrupt chan struct{}
	kill      context.CancelFunc
}

// end is a run that ended.
type end struct {
	name    string
	of      *watch
	outcome Outcome
}

// New makes a Monitor. It starts nothing.
func New(o Options) *Monitor {
	return &Monitor{
		options: o, scripts: NewPrograms(o.Scripts), wake: make(chan struct{}, 1), ended: make(chan end),
		wanted: map[string]state.Check{}, status: map[string]Status{}, watches: map[string]*watch{},
	}
}

// Set says which checks to run from now on. What is known of those that stay the same is kept.
func (m *Monitor) Set(checks map[string]state.Check) {
	m.mu.Lock()
	m.wanted = checks
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// SetScripts says where scripts run from, and as whom, from their next runs on.
func (m *Monitor) SetScripts(s Scripts) { m.scripts.Allow(s) }

// Status returns what is known of each check that is run.
func (m *Monitor) Status() map[string]Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.status)
}

// Run runs the checks until ctx ends; what is running then is killed, and has ended when Run returns.
func (m *Monitor) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	spawning := make(chan error, 1)
	parts.Go(func() { spawning <- m.scripts.Run(ctx) })
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-spawning:
			return err
		case <-m.wake:
			m.follow(ctx, &parts)
		case <-timer.C:
		case e := <-m.ended:
			if m.watches[e.name] == e.of {
				m.do(ctx, &parts, e.name, e.of, e.of.Ended(time.Now(), e.outcome))
			}
		}
		m.turn(ctx, &parts, timer)
	}
}

// turn does what is due, and sets the timer to what is due next.
func (m *Monitor) turn(ctx context.Context, parts *sync.WaitGroup, timer *time.Timer) {
	now := time.Now()
	var next time.Time
	for name, w := range m.watches {
		if !now.Before(w.Next()) {
			m.do(ctx, parts, name, w, w.Step(now, Timer))
		}
		if at := w.Next(); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	if next.IsZero() {
		timer.Stop()
		return
	}
	timer.Reset(time.Until(next))
}

// follow begins the checks that are new or other ones now, and ends those that are not wanted any more.
func (m *Monitor) follow(ctx context.Context, parts *sync.WaitGroup) {
	m.mu.Lock()
	wanted := m.wanted
	m.mu.Unlock()
	others := false
	for name, w := range m.watches {
		if c, ok := wanted[name]; ok && c.Same(&w.check) {
			continue
		}
		w.kill()
		delete(m.watches, name)
		others = true
	}
	for name, c := range wanted {
		if m.watches[name] == nil {
			w := &watch{Machine: NewMachine(c), run: m.runnerOf(c), kill: func() {}}
			m.watches[name] = w
			m.do(ctx, parts, name, w, w.Step(time.Now(), Begin))
			others = true
		}
	}
	if others {
		m.publish()
		m.options.Changed()
	}
}

// publish makes what the machines know known to Status.
func (m *Monitor) publish() {
	status := make(map[string]Status, len(m.watches))
	for name, w := range m.watches {
		status[name] = w.Status()
	}
	m.mu.Lock()
	m.status = status
	m.mu.Unlock()
}

func (m *Monitor) do(ctx context.Context, parts *sync.WaitGroup, name string, w *watch, actions []Action) {
	for _, a := range actions {
		switch a {
		case Start:
			m.start(ctx, parts, name, w)
		case Interrupt:
			close(w.interrupt)
		case Kill:
			w.kill()
		case Tell:
			s := w.Status()
			m.options.Logger.Info("a check changed", "check", name, "state", s.State, "value", s.Value, "text", s.Text)
		}
	}
	m.publish()
	for _, a := range actions {
		if a == Tell {
			m.options.Changed()
		}
	}
}

func (m *Monitor) start(ctx context.Context, parts *sync.WaitGroup, name string, w *watch) {
	run, kill := context.WithCancel(ctx)
	w.kill, w.interrupt = kill, make(chan struct{})
	interrupt := w.interrupt
	parts.Go(func() {
		defer kill()
		outcome := w.run(run, interrupt)
		select {
		case m.ended <- end{name, w, outcome}:
		case <-ctx.Done():
		}
	})
}
