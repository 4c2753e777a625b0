package hooks

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"vipd/cluster/health"
	"vipd/cluster/state"
)

// Options are what a Runner is made of.
type Options struct {
	Node    string
	Logger  *slog.Logger
	Scripts health.Scripts // which may run, and as whom
	Changed func()         // what Failing returns did; must not block
}

// Runner runs the scripts of all groups, each group's in order and different groups' side by side.
type Runner struct {
	options  Options
	programs *health.Programs
	wake     chan struct{}

	mu      sync.Mutex
	groups  map[string]*group
	failing map[string]string
}

type group struct {
	queue
	notify state.Notify
	due    *Moment
	gone   bool // nothing more is said of it but the last word
}

// New makes a Runner. It starts nothing.
func New(o Options) *Runner {
	return &Runner{
		options: o, programs: health.NewPrograms(o.Scripts), wake: make(chan struct{}, 1),
		groups: map[string]*group{}, failing: map[string]string{},
	}
}

// Say says what this node is to a group now, and what to run then. It does not block, and saying it again does nothing.
func (r *Runner) Say(name string, n state.Notify, m Moment) {
	r.mu.Lock()
	g := r.groups[name]
	if g == nil {
		g = &group{}
		r.groups[name] = g
	}
	g.notify, g.gone = n, false
	if next := g.say(m); next != nil {
		g.due = next
	}
	r.mu.Unlock()
	r.kick()
}

// SayLast says the last word on all groups that keep does not name; they are forgotten once it was told.
func (r *Runner) SayLast(keep map[string]bool, reason string) {
	r.mu.Lock()
	for name, g := range r.groups {
		if keep[name] {
			continue
		}
		m := g.told
		if g.waiting != nil {
			m = *g.waiting
		}
		m.Role, m.Reason = Stop, reason
		if next := g.say(m); next != nil {
			g.due = next
		}
		if g.gone = true; g.idle() {
			delete(r.groups, name)
		}
	}
	r.mu.Unlock()
	r.kick()
}

// Forget has a group's scripts not be run any more, as when it has none. What runs or is about to goes on.
func (r *Runner) Forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.groups[name]; g != nil {
		g.notify = state.Notify{}
		r.settle(name, "")
		if g.idle() {
			delete(r.groups, name)
		}
	}
}

// Failing returns what went wrong with the scripts that ran last, by group.
func (r *Runner) Failing() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	failing := make(map[string]string, len(r.failing))
	for name, text := range r.failing {
		failing[name] = text
	}
	return failing
}

// SetScripts says which scripts may run, and as whom, from their next runs on.
func (r *Runner) SetScripts(s health.Scripts) { r.programs.Allow(s) }

// Run runs scripts until ctx ends, and then those that are due or running to their end, for no longer than linger()
// says. Whatever still runs then is killed, and has ended when Run returns.
func (r *Runner) Run(ctx context.Context, linger func() time.Duration) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	defer parts.Wait()
	defer end()
	spawning := make(chan error, 1)
	parts.Go(func() { spawning <- r.programs.Run(life) })
	var over <-chan time.Time
	done := ctx.Done()
	for {
		r.start(life, &parts)
		if done == nil && r.idle() {
			return nil
		}
		select {
		case <-done:
			done, over = nil, time.After(linger())
		case <-over:
			r.options.Logger.Warn("stopping before all notify scripts have ended")
			return nil
		case err := <-spawning:
			return err
		case <-r.wake:
		}
	}
}

// start starts what is due.
func (r *Runner) start(ctx context.Context, parts *sync.WaitGroup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, g := range r.groups {
		if g.due == nil {
			continue
		}
		m, n := *g.due, g.notify
		g.due = nil
		parts.Go(func() {
			r.tell(ctx, name, n, m)
			r.ended(name)
		})
	}
}

func (r *Runner) ended(name string) {
	r.mu.Lock()
	g := r.groups[name]
	g.due = g.ended()
	if g.gone && g.idle() {
		delete(r.groups, name)
	}
	r.mu.Unlock()
	r.kick()
}

func (r *Runner) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.groups {
		if !g.idle() {
			return false
		}
	}
	return true
}

func (r *Runner) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// settle notes what came of a group's scripts, "" being well. The caller holds mu.
func (r *Runner) settle(name, text string) {
	if r.failing[name] == text {
		return
	}
	if r.failing[name] = text; text == "" {
		delete(r.failing, name)
	}
	r.options.Changed()
}

// tell runs the scripts of one moment, the role's own first, keepalived's order.
func (r *Runner) tell(ctx context.Context, name string, n state.Notify, m Moment) {
	problem := ""
	for _, p := range programs(name, n, m) {
		p.Env = r.environment(name, m)
		if text := r.run(ctx, name, n.Timeout, m, p); text != "" && problem == "" {
			problem = fmt.Sprintf("%s for %s: %s", p.Path, m.Role, text)
		}
	}
	r.mu.Lock()
	r.settle(name, problem)
	r.mu.Unlock()
}

// programs returns what is run for a moment. The script for all roles is given keepalived's arguments.
func programs(name string, n state.Notify, m Moment) []health.Program {
	var list []health.Program
	if own := map[Role]*state.ScriptCheck{Master: n.Master, Backup: n.Backup, Fault: n.Fault, Stop: n.Stop}[m.Role]; own != nil {
		list = append(list, health.Program{Path: own.Path, Args: own.Args})
	}
	if n.Any != nil {
		args := append(append([]string{}, n.Any.Args...), "INSTANCE", name, string(m.Role), fmt.Sprint(m.Priority))
		list = append(list, health.Program{Path: n.Any.Path, Args: args})
	}
	return list
}

func (r *Runner) environment(name string, m Moment) []string {
	var env []string
	for _, v := range []struct{ name, value string }{
		{"GROUP", name}, {"NODE", r.options.Node}, {"STATE", string(m.Role)}, {"PREVIOUS", string(m.Previous)},
		{"SERIAL", fmt.Sprint(m.Serial)}, {"REASON", m.Reason}, {"PRIORITY", fmt.Sprint(m.Priority)},
		{"ADDRESSES", m.Addresses}, {"SKIPPED", fmt.Sprint(m.Skipped)},
	} {
		env = append(env, "VIPD_"+v.name+"="+strings.ReplaceAll(v.value, "\x00", " "))
	}
	return env
}

// run runs one script and returns what went wrong, or "".
func (r *Runner) run(ctx context.Context, name string, limit time.Duration, m Moment, p health.Program) string {
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	interrupt := make(chan struct{})
	timer := time.AfterFunc(limit, func() {
		close(interrupt)
		time.AfterFunc(health.KillAfter, kill)
	})
	began := time.Now()
	said, err := r.programs.Exec(ctx, interrupt, p)
	late := !timer.Stop()
	log := r.options.Logger.With("group", name, "state", string(m.Role), "serial", m.Serial, "script", p.Path,
		"took", time.Since(began).Round(time.Millisecond), "output", said)
	switch {
	case late:
		err = fmt.Errorf("it took longer than %v and was ended", limit)
	case err == nil:
		log.Info("a notify script ran")
		return ""
	}
	log.Error("a notify script failed", "error", err)
	return health.Brief(err.Error(), said)
}
