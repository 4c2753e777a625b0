package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"vipd/cluster/state"
	"vipd/vip"
)

// router is this host's routes and rules that are vipd's.
type router interface {
	Set([]vip.Route, []vip.Rule) (vip.Routing, error)
}

// Intervals of paths: of looking whether what should be there is, as the kernel takes routes off with a link that goes
// down, and of trying again what was refused.
const (
	pathsEach  = 20 * time.Second
	pathsAgain = 2 * time.Second
)

// paths keeps the routes and rules of the groups that this node carries, and no others. It follows what the tenant has
// done, on a goroutine of its own: addresses come and go first, and nobody waits for routes.
type paths struct {
	log      *slog.Logger
	view     func() *state.State
	changes  *signal
	carrying *signal // what serving returns changed
	serving  func() serving
	staying  func() bool // what is there is left to the next start
	router   router
	reported func() // what could not be had changed; must not block
	wake     chan struct{}

	mu       sync.Mutex
	problems map[string]string // by group
}

// wantedPaths are routes and rules, in order, and whose they are.
type wantedPaths struct {
	routes          []vip.Route
	rules           []vip.Rule
	routeOf, ruleOf []pathOrigin
	unknown         map[string]string // groups -> why there is one that cannot be said here
}

// pathOrigin is a group and what it calls a route or rule.
type pathOrigin struct{ group, text string }

// Run keeps the routes until ctx ends, and then removes them, unless they are left to the next start.
func (p *paths) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var last *wantedPaths
	for stale := true; ; {
		changed, carried := p.changes.wait(), p.carrying.wait()
		if want, known := p.wanted(); known && (stale || !reflect.DeepEqual(last, &want)) {
			last = &want
			switch done := p.set(want); {
			case !done:
				resetTimer(timer, pathsAgain)
			case len(want.routeOf)+len(want.ruleOf) > 0:
				resetTimer(timer, pathsEach)
			default:
				timer.Stop()
			}
			stale = false
		}
		select {
		case <-ctx.Done():
			if !p.staying() {
				p.set(wantedPaths{})
			}
			return nil
		case <-changed:
		case <-carried:
		case <-p.wake:
			stale = true
		case <-timer.C:
			stale = true
		}
	}
}

// wanted is what should be on this host now, if that is known.
func (p *paths) wanted() (w wantedPaths, known bool) {
	view, now := p.view(), p.serving()
	names := hostTables()
	w.unknown = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(now.groups)) {
		g := view.Groups[name]
		if g == nil {
			continue
		}
		for _, r := range g.Routes {
			route, err := names.route(r)
			if err != nil {
				w.unknown[name] = fmt.Sprintf("route %s: %v", r, err)
				continue
			}
			w.routes, w.routeOf = append(w.routes, route), append(w.routeOf, pathOrigin{name, r.String()})
		}
		for _, r := range g.Rules {
			rule, err := names.rule(r)
			if err != nil {
				w.unknown[name] = fmt.Sprintf("rule %s: %v", r, err)
				continue
			}
			w.rules, w.ruleOf = append(w.rules, rule), append(w.ruleOf, pathOrigin{name, r.String()})
		}
	}
	return w, now.groups != nil
}

// set brings the host to what is wanted, and notes what it refused. false asks for another attempt.
func (p *paths) set(want wantedPaths) bool {
	out, err := p.router.Set(want.routes, want.rules)
	if err = errors.Join(err, out.Stuck); err != nil {
		p.log.Error("set routes and rules", "error", err)
	}
	if out.Added+out.Removed > 0 {
		p.log.Info("routes and rules changed", "added", out.Added, "removed", out.Removed)
	}
	problems := map[string]string{}
	maps.Copy(problems, want.unknown)
	for i, err := range out.Routes {
		problems[want.routeOf[i].group] = fmt.Sprintf("route %s: %v", want.routeOf[i].text, err)
	}
	for i, err := range out.Rules {
		problems[want.ruleOf[i].group] = fmt.Sprintf("rule %s: %v", want.ruleOf[i].text, err)
	}
	p.mu.Lock()
	same := maps.Equal(p.problems, problems)
	p.problems = problems
	p.mu.Unlock()
	if !same {
		for _, name := range slices.Sorted(maps.Keys(problems)) {
			p.log.Warn("a group is held without all of its routes", "group", name, "problem", problems[name])
		}
		p.reported()
	}
	return err == nil && len(problems) == 0
}

// lacking returns which groups this host carries without all of their routes and rules, and why, as reports tell it;
// nil if there are none.
func (p *paths) lacking() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fewest(p.problems)
}

// maxTold bounds how many groups a report tells something of that decides nothing.
const maxTold = 8

// fewest is a copy with the first few entries; nil if there are none.
func fewest(all map[string]string) map[string]string {
	if len(all) == 0 {
		return nil
	}
	told := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all))[:min(maxTold, len(all))] {
		told[name] = all[name]
	}
	return told
}

func (m *member) assemblePaths() error {
	router, err := vip.OpenRouter()
	if err != nil {
		return err
	}
	m.opened.add(router.Close)
	m.paths = &paths{
		log: m.log, view: m.View, changes: &m.changes, carrying: &m.carrying, serving: m.tenant.serving,
		staying: m.door.staying, router: router,
		reported: func() { kick(m.reporter.wake) }, wake: make(chan struct{}, 1), problems: map[string]string{},
	}
	return nil
}
