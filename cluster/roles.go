package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vipd/cluster/hooks"
	"vipd/cluster/placement"
	"vipd/cluster/state"
)

// How long the daemon's end waits for notify scripts, after everything was let go of; the second is with a
// restart-hold, of which every second counts.
const (
	scriptsEnd     = 10 * time.Second
	scriptsEndHold = time.Second
)

// serving is what this node carries some of: the groups' serials; alone: without a majority.
type serving struct {
	groups map[string]uint64
	alone  bool
}

// roles tells the runner of notify scripts what this node is to each group. It follows what the others do; nobody
// waits for it.
type roles struct {
	node    string
	view    func() *state.State
	changes *signal
	epoch   func() uint64
	leased  func() bool
	serving func() serving
	// health is what this node says of itself: the first word on a group waits until that is known.
	health func(*state.State) placement.NodeHealth
	runner *hooks.Runner

	begun bool // this start had a lease
}

// start runs until the function it returns is called, after everything was let go of, and then says so. stays says
// that it was not: the next start goes on with it.
func (r *roles) start() (end func(stays bool) error) {
	life, stop := context.WithCancel(context.Background())
	last, done := context.WithCancel(context.Background())
	linger := scriptsEnd
	var parts sync.WaitGroup
	var err error
	parts.Go(func() { err = r.runner.Run(last, func() time.Duration { return linger }) })
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		r.follow(life)
	}()
	return func(stays bool) error {
		stop()
		<-followed
		if stays {
			linger = scriptsEndHold
		} else {
			r.runner.SayLast(nil, "its daemon stopped")
		}
		done()
		parts.Wait()
		return err
	}
}

func (r *roles) follow(ctx context.Context) {
	for {
		changed := r.changes.wait()
		r.look()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// look says what this node is to each group that has scripts.
func (r *roles) look() {
	view := r.view()
	me := view.Nodes[r.node]
	now, keep := r.serving(), map[string]bool{}
	if r.begun = r.begun || me != nil && r.epoch() != 0 && (r.leased() || now.alone); !r.begun || view.Index == 0 {
		return
	}
	var health *placement.NodeHealth
	for _, name := range slices.Sorted(maps.Keys(view.Groups)) {
		g := view.Groups[name]
		if g.Notify == nil {
			r.runner.Forget(name)
			continue
		}
		serial, carried := now.groups[name]
		if !carried && (me == nil || me.Witness || g.Excludes(me) != "") {
			continue
		}
		keep[name] = true
		if health == nil {
			own := r.health(view)
			health = &own
		}
		m := hooks.Moment{Role: hooks.Master, Serial: serial, Reason: view.Assignments[name].Reason, Priority: g.PriorityOn(r.node)}
		if now.alone {
			m.Serial, m.Reason = 0, "it lost the majority, and VRRP made it master"
		}
		if !carried {
			m = r.apart(view, g, *health)
		}
		if m.Role == "" {
			continue
		}
		m.Priority = min(max(g.PriorityOn(r.node)+health.Adjust[name].By, 1), 254)
		m.Addresses = addressText(g)
		r.runner.Say(name, *g.Notify, m)
	}
	r.runner.SayLast(keep, "the group is not this node's to hold any more")
}

// apart says what this node is to a group that it does not carry; nothing while that is not known. In keepalived's words
// a BACKUP takes over when the master goes, and who would not is in FAULT.
func (r *roles) apart(view *state.State, g *state.Group, h placement.NodeHealth) hooks.Moment {
	a := view.Assignments[g.Name]
	m := hooks.Moment{Role: hooks.Backup, Serial: a.Serial, Reason: a.Reason}
	switch {
	case h.Unfit == unfitStopping:
		m.Role, m.Reason = hooks.Stop, "its daemon stops"
	case h.Unfit != "":
		m.Role, m.Reason = hooks.Fault, h.Unfit
	case h.Ineligible[g.Name] != "":
		m.Role, m.Reason = hooks.Fault, h.Ineligible[g.Name]
	case view.Nodes[r.node] != nil && view.Nodes[r.node].Drained:
		m.Role, m.Reason = hooks.Fault, "it is drained"
	case h.Unknown[g.Name] != "":
		m.Role = ""
	case !r.leased() && g.OnQuorumLoss == state.FallBack:
		m.Reason = "it has no lease from a majority, and is not VRRP's master"
	case !r.leased():
		m.Role, m.Reason = hooks.Fault, "it has no lease from a majority"
	case a.Holder != r.node:
	case g.VRRP != nil:
		m.Reason = "its virtual router is not master"
	default:
		m.Reason = "its addresses are not here yet"
	}
	return m
}

func addressText(g *state.Group) string {
	var list []string
	for _, a := range g.Addresses {
		list = append(list, a.Prefix.String())
	}
	return strings.Join(list, " ")
}

// failingScripts returns what went wrong with notify scripts, as reports tell it; nil if nothing did.
func (m *member) failingScripts() map[string]string { return fewest(m.roles.runner.Failing()) }

func (m *member) assembleRoles() {
	m.roles = &roles{
		node: m.self.node, view: m.View, changes: &m.changes, epoch: m.keeper.currentEpoch, serving: m.tenant.serving,
		leased: func() bool { valid, _ := m.door.valid(); return valid },
		health: func(view *state.State) placement.NodeHealth { return m.reporter.own(view) },
		runner: hooks.New(hooks.Options{
			Node: m.self.node, Logger: m.log, Scripts: m.options.Scripts, Changed: func() { kick(m.reporter.wake) },
		}),
	}
}
