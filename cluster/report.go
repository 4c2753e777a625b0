package cluster

import (
	"context"
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"vipd/cluster/health"
	"vipd/cluster/lease"
	"vipd/cluster/links"
	"vipd/cluster/placement"
	"vipd/cluster/rotation"
	"vipd/cluster/state"
	"vipd/cluster/wire"
	"vipd/vip"
)

// account is what a node says of itself.
type account struct {
	Applied    uint64              `json:"applied"`              // its state's index
	Reads      int                 `json:"reads,omitempty"`      // the newest version of commands that it reads
	Speaks     int                 `json:"speaks,omitempty"`     // as speaksVersion
	Unfit      string              `json:"unfit,omitempty"`      // why it should hold nothing
	Interfaces map[string]string   `json:"interfaces,omitempty"` // those that groups use: why unusable; "" if usable
	Degraded   map[string]degraded `json:"degraded,omitempty"`   // interfaces on links with members missing
	Groups     map[string]string   `json:"groups,omitempty"`     // what it cannot carry, and why
	Routers    map[string]spoken   `json:"routers,omitempty"`    // the virtual routers that it runs, by group
	Checks     map[string]checked  `json:"checks,omitempty"`     // those that it runs
	Scripts    map[string]string   `json:"scripts,omitempty"`    // what went wrong with notify scripts, by group
	Lacking    map[string]string   `json:"lacking,omitempty"`    // routes and rules that it could not have, by group
	Damped     []placement.Stay    `json:"damped,omitempty"`     // of the leader: who flaps
	Deaf       []string            `json:"deaf,omitempty"`       // whom it does not hear, though they live
	// Secret is what it has of the cluster's secrets; nil: none is being rotated.
	Secret *rotation.Report `json:"secret,omitempty"`
	// Sources are where its adverts come from, of groups that fall back to VRRP.
	Sources []netip.Addr `json:"sources,omitempty"`
}

func (a account) equal(b account) bool {
	return a.Applied == b.Applied && a.Unfit == b.Unfit &&
		maps.Equal(a.Interfaces, b.Interfaces) && maps.Equal(a.Degraded, b.Degraded) && maps.Equal(a.Groups, b.Groups) &&
		maps.Equal(a.Checks, b.Checks) && maps.Equal(a.Scripts, b.Scripts) && maps.Equal(a.Lacking, b.Lacking) && reflect.DeepEqual(a.Routers, b.Routers) &&
		(a.Secret == b.Secret || a.Secret != nil && b.Secret != nil && *a.Secret == *b.Secret) &&
		slices.Equal(a.Sources, b.Sources) && slices.Equal(a.Damped, b.Damped) &&
		slices.Equal(a.Deaf, b.Deaf)
}

// reporter makes this node's account and keeps the newest of every node.
type reporter struct {
	reporterOptions
	wake chan struct{}

	mu       sync.Mutex
	unfit    string
	seq      uint64
	accounts map[string]received
}

type reporterOptions struct {
	node       string
	view       func() *state.State
	epoch      func() uint64
	interfaces func() (map[string]vip.Interface, error)
	links      linkWatch
	problems   func() map[string]string // by group
	routers    func() map[string]spoken
	checks     func() map[string]checked
	scripts    func() map[string]string
	lacking    func() map[string]string
	secret     func() *rotation.Report
	sources    func() []netip.Addr
	flaps      func() []placement.Stay
	unheard    func() []string
	heard      func(node string, routers map[string]spoken) // what a node says of its virtual routers
	broadcast  func(wire.Message)
	changed    func() // somebody's account did; must not block
}

type received struct {
	account
	epoch, seq uint64
	at         lease.Instant
}

func newReporter(o reporterOptions) *reporter {
	return &reporter{
		reporterOptions: o, wake: make(chan struct{}, 1), accounts: map[string]received{},
		// Newer than what a predecessor with the same epoch reported.
		seq: uint64(bootNow()),
	}
}

// Run reports until ctx ends.
func (r *reporter) Run(ctx context.Context) error {
	lookRound(ctx, r.wake, func() time.Duration {
		r.report()
		return r.interval()
	})
	return nil
}

// interval is how long to wait before saying again what was said: a report may get lost, and a new leader must have all
// of them. A node that has no lease to renew reports as often as others renew: the voters have to know that it is there
// (lease.Heard).
func (r *reporter) interval() time.Duration {
	if r.epoch() == 0 {
		return min(r.view().Profile.Renew, untilBeat())
	}
	return untilBeat()
}

// setUnfit says why this node should hold nothing; it is reported at once.
func (r *reporter) setUnfit(why string) {
	r.mu.Lock()
	r.unfit = why
	r.mu.Unlock()
	kick(r.wake)
}

func (r *reporter) report() {
	epoch := r.epoch()
	now := r.account()
	r.mu.Lock()
	last := r.accounts[r.node]
	if !last.equal(now) || last.epoch != epoch {
		r.seq++
	}
	r.mu.Unlock()
	body, err := json.Marshal(now)
	if err != nil {
		panic("encode account: " + err.Error()) // strings and numbers always encode
	}
	message := wire.Report{Node: r.node, Epoch: epoch, Seq: r.seq, Body: body}
	r.hear(message)
	r.broadcast(message)
}

func (r *reporter) account() account {
	view := r.view()
	a := account{Applied: view.Index, Reads: state.CommandVersion, Speaks: speaksVersion, Groups: r.problems(), Interfaces: map[string]string{}, Routers: r.routers(), Checks: r.checks(), Scripts: r.scripts(), Lacking: r.lacking(), Sources: r.sources(), Secret: r.secret(), Damped: r.flaps(), Deaf: r.unheard()}
	r.mu.Lock()
	a.Unfit = r.unfit
	r.mu.Unlock()
	found, err := r.interfaces()
	if err != nil {
		a.Unfit = "it cannot read its interfaces: " + err.Error()
		return a
	}
	for _, g := range view.Groups {
		for _, address := range g.Addresses {
			a.Interfaces[address.Interface] = health.LinkProblem(found, address.Interface)
		}
	}
	r.weighLinks(&a)
	return a
}

// own judges what this node said of itself last; as unknown before it said anything.
func (r *reporter) own(view *state.State) placement.NodeHealth {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.accounts[r.node]
	h := a.judge(view)
	h.Unfit = a.Unfit
	return h
}

// linkWatch is what watches the links that interfaces are or sit on.
type linkWatch interface {
	Follow(interfaces []string)
	Standing(name string) links.Standing
}

// weighLinks adds what is known of the links below interfaces that seem well.
func (r *reporter) weighLinks(a *account) {
	r.links.Follow(slices.Collect(maps.Keys(a.Interfaces)))
	for name, problem := range a.Interfaces {
		if problem != "" {
			continue
		}
		switch s := r.links.Standing(name); {
		case s.Unfit:
			a.Interfaces[name] = s.Why
		case s.Missing > 0:
			if a.Degraded == nil {
				a.Degraded = map[string]degraded{}
			}
			a.Degraded[name] = degraded{Link: s.Link, Missing: s.Missing, Why: s.Why}
		}
	}
}

// hear takes in an account; older ones than the newest known are passed over.
func (r *reporter) hear(m wire.Report) {
	var a account
	if err := json.Unmarshal(m.Body, &a); err != nil {
		return // of a later version that says it otherwise
	}
	r.mu.Lock()
	last, known := r.accounts[m.Node]
	stale := known && (m.Epoch < last.epoch || m.Epoch == last.epoch && m.Seq <= last.seq)
	if !stale || m.Epoch == 0 {
		r.accounts[m.Node] = received{account: a, epoch: m.Epoch, seq: m.Seq, at: bootNow()}
	}
	r.mu.Unlock()
	if !stale || m.Epoch == last.epoch && m.Seq == last.seq {
		r.heard(m.Node, a.Routers)
	}
	if !stale {
		r.changed()
	}
}

// isSource reports whether another node said that its adverts come from an address.
func (r *reporter) isSource(addr netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for node, a := range r.accounts {
		if node != r.node && slices.Contains(a.Sources, addr.WithZone("")) {
			return true
		}
	}
	return false
}

// of returns the newest account of a node.
func (r *reporter) of(node string) (account, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.accounts[node]
	return a.account, ok
}

// health puts all accounts into placement's terms. suspect says why a node gets nothing new.
func (r *reporter) health(view *state.State, suspect func(node string) string) placement.Health {
	return r.healthAs(view, suspect, func(string, *account) {})
}

// healthAs is health with accounts changed beforehand; what an account points to must not be.
func (r *reporter) healthAs(view *state.State, suspect func(node string) string, change func(node string, a *account)) placement.Health {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := make(placement.Health, len(r.accounts))
	for node, a := range r.accounts {
		change(node, &a.account)
		of := a.judge(view)
		of.Epoch, of.Unfit, of.Suspect = a.epoch, a.Unfit, suspect(node)
		h[node] = of
	}
	return h
}
