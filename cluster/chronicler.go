package cluster

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"vipd/cluster/health"
	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// Intervals of the chronicler. Raft is not to be kept busy with history, least of all while a failover is under way.
const (
	noteGather = 250 * time.Millisecond // for what happens together to be one note
	noteEach   = time.Second            // at most
	noteRetry  = time.Second
	noteIdle   = time.Hour // it is woken by what happens
)

// maxUnwritten bounds what waits to be noted while there is no majority. The oldest is dropped.
const maxUnwritten = 256

// chronicler writes into the history what this node alone knows: what fails on it, which groups it carries and how long
// nobody did, that it leads, and the commands that concerned it alone. Nothing waits for it.
type chronicler struct {
	chroniclerOptions
	wake chan struct{}

	damper  damper
	pending *state.Note   // proposed, and not known to be committed
	since   lease.Instant // when there first was something to note; 0: there is nothing
	last    lease.Instant // when a note was proposed last

	mu      sync.Mutex
	carried []carriedAt
	done    []state.CommandNoted
}

type chroniclerOptions struct {
	node    string
	log     *slog.Logger
	view    func() *state.State
	account func(node string) (account, bool)
	leads   func() bool
	silent  func(node string) time.Duration // how long a member has not been heard by this voter
	propose func(context.Context, state.Command) (state.Result, error)
}

func newChronicler(o chroniclerOptions) *chronicler {
	return &chronicler{chroniclerOptions: o, wake: make(chan struct{}, 1)}
}

// Run writes until ctx ends.
func (c *chronicler) Run(ctx context.Context) error {
	lookRound(ctx, c.wake, func() time.Duration { return c.step(ctx) })
	return nil
}

// carries takes in the groups that this node carries since a moment ago.
func (c *chronicler) carries(groups []carriedAt) {
	c.mu.Lock()
	c.carried = append(c.carried, groups...)
	c.carried = c.carried[max(0, len(c.carried)-maxUnwritten):]
	c.mu.Unlock()
	kick(c.wake)
}

// commanded takes in a command that concerned this node alone.
func (c *chronicler) commanded(what, by string) {
	c.mu.Lock()
	c.done = append(c.done, state.CommandNoted{What: what, By: by})
	c.done = c.done[max(0, len(c.done)-maxUnwritten):]
	c.mu.Unlock()
	kick(c.wake)
}

// step notes what there is to note, and returns when to look again.
func (c *chronicler) step(ctx context.Context) time.Duration {
	view := c.view()
	if view.Nodes[c.node] == nil || !c.understood(view) {
		return noteIdle
	}
	now := bootNow()
	note, next := c.compose(view, now)
	if note == nil {
		c.since = 0
		if next == 0 {
			next = noteIdle
		}
		return next
	}
	if c.since == 0 {
		c.since = now
	}
	if wait := max(c.since.Add(noteGather).Sub(now), c.last.Add(noteEach).Sub(now)); wait > 0 {
		return wait
	}
	c.pending, c.last, c.since = note, now, 0
	limited, cancel := context.WithTimeout(ctx, clerkLimit)
	defer cancel()
	result, err := c.propose(limited, state.Command{At: time.Now(), By: c.node, Note: note})
	if err = errors.Join(err, result.Err); err != nil {
		c.log.Debug("the leader did not take a note", "error", err)
		return noteRetry
	}
	return 0
}

// understood reports whether all members read notes. One of an earlier version stops at what it cannot read.
func (c *chronicler) understood(view *state.State) bool {
	_, behind := usable(view, state.NoteVersion, c.account)
	return len(behind) == 0
}

// compose returns the note that is due, or when there may be one.
func (c *chronicler) compose(view *state.State, now lease.Instant) (*state.Note, time.Duration) {
	noted := view.NotedOf(c.node)
	if c.pending != nil {
		if noted.Seq < c.pending.Seq {
			return c.pending, 0
		}
		c.written(now)
	}
	note := &state.Note{Node: c.node, Seq: noted.Seq + 1}
	leads := c.leads()
	note.Leads = leads && view.NotedLeader != c.node
	seen, unknown, known := c.conditions(view)
	var next time.Duration
	if known {
		note.Health, next = c.damper.step(now, noted.Bad, seen, unknown)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, g := range c.carried {
		note.Carried = append(note.Carried, state.CarriedNote{Group: g.group, Serial: g.serial, Silent: c.silence(view, now, g)})
	}
	note.Done = append(note.Done, c.done...)
	due := note.Leads || leads && !view.VotersNoted() || len(note.Health)+len(note.Carried)+len(note.Done) > 0 ||
		noted.Seq == 0 // by the first note the others know that this node reads notes
	if !due {
		return nil, next
	}
	return note, 0
}

// written takes the pending note, which is committed, off what has to be noted.
func (c *chronicler) written(now lease.Instant) {
	c.damper.noted(now, c.pending.Health)
	c.mu.Lock()
	c.carried = c.carried[min(len(c.pending.Carried), len(c.carried)):]
	c.done = c.done[min(len(c.pending.Done), len(c.done)):]
	c.mu.Unlock()
	c.pending = nil
}

// silence is for how long nobody may have answered for a group before this node carried it, at most: since the group was
// assigned to it, or since its last holder was heard, if that one is dead. 0: it is not known.
func (c *chronicler) silence(view *state.State, now lease.Instant, g carriedAt) time.Duration {
	if g.waited > 0 {
		return g.waited
	}
	for i := len(view.History) - 1; i >= 0; i-- {
		e := view.History[i]
		if e.Kind != state.Held || e.Group != g.group || e.Serial != g.serial {
			continue
		}
		for ; i >= 0 && view.History[i].SameCommand(e); i-- {
			if lost := view.History[i]; lost.Kind == state.Lost && lost.Node == e.From {
				return max(c.silent(e.From)-now.Sub(g.at), 0)
			}
		}
		return 0
	}
	return 0
}

// conditions are this node's own, by subject, and those subjects that it cannot judge yet. known is false before the
// first report.
func (c *chronicler) conditions(view *state.State) (seen map[string]condition, unknown map[string]bool, known bool) {
	a, known := c.account(c.node)
	seen, unknown = map[string]condition{}, map[string]bool{}
	add := func(subject, problem string) {
		if problem != "" {
			seen[subject] = condition{bad: true, text: problem}
		}
	}
	for name, problem := range a.Interfaces {
		add("interface "+name, problem)
	}
	for _, d := range a.Degraded {
		add("link "+d.Link, d.Why)
	}
	for group, problem := range a.Groups {
		add("group "+group, problem)
	}
	if a.Unfit != unfitStopping {
		add("node", a.Unfit)
	}
	for name := range view.Checks {
		subject := "check " + name
		switch said := a.Checks[name]; {
		case !view.UsedOn(c.node, name):
		case said.State == health.Failing:
			seen[subject] = condition{bad: true, text: strings.ToValidUTF8(said.Text, "?")}
		case said.State != health.OK:
			unknown[subject] = true
		}
	}
	return seen, unknown, known
}
