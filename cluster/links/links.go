// Package links keeps an eye on what a host's addresses are on: the bonds of its node file, which it builds, all
// other bonds and team devices, and the interfaces that groups use. It says what they are worth in the election,
// and remembers what happened to them.
package links

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"vipd/bond"
)

// remembered is how many events are kept.
const remembered = 512

// Event is something that happened to a link.
type Event struct {
	At   time.Time `json:"at"`
	Link string    `json:"link"`
	Text string    `json:"text"`
}

// Links is this host's links. Its methods may be called from several goroutines.
type Links struct {
	log *slog.Logger

	changing sync.Mutex // one change of the bonds at a time
	looking  sync.Mutex // one look at a time

	mu       sync.Mutex
	configs  map[string]bond.Config // the node file's bonds
	problems map[string]string      // why one is not as the file says
	followed []string               // interfaces that groups use
	statuses map[string]bond.Status
	events   []Event // oldest first
	heed     func(moved []string)
}

// New makes a Links of a host whose links nobody has looked at yet. It starts nothing.
func New(log *slog.Logger) *Links {
	return &Links{
		log: log, configs: map[string]bond.Config{}, problems: map[string]string{}, statuses: map[string]bond.Status{},
		heed: func([]string) {},
	}
}

// rewatch is how long after an error of the kernel's watching begins anew.
const rewatch = time.Second

// Run watches until ctx ends, and returns its error. Links that cannot be looked at for a while, as when no file
// descriptor is to be had, are no reason to end what is held.
func (l *Links) Run(ctx context.Context) error {
	for {
		err := bond.Watch(ctx, l.concerns, func() (time.Duration, error) {
			err := l.Look()
			return l.again(), err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.log.Warn("watching the links is interrupted", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rewatch):
		}
	}
}

// Of a bond or a team some changes are announced to nobody; of other links only a message that got lost is missed.
const (
	lookEach   = time.Second
	lookSeldom = 10 * time.Second
)

// again is when to look again though nothing was announced.
func (l *Links) again() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.configs) > 0 {
		return lookEach
	}
	for _, s := range l.statuses {
		if s.Kind == "bond" || s.Kind == "team" {
			return lookEach
		}
	}
	return lookSeldom
}

// Heed sets what is called after each change, and must not block. moved names the links whose neighbours have to
// learn anew where their addresses are.
func (l *Links) Heed(call func(moved []string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heed = call
}

// Follow says which interfaces groups use.
func (l *Links) Follow(interfaces []string) {
	interfaces = slices.Compact(slices.Sorted(slices.Values(interfaces)))
	l.mu.Lock()
	same := slices.Equal(l.followed, interfaces)
	l.followed = interfaces
	l.mu.Unlock()
	if same {
		return
	}
	if err := l.Look(); err != nil {
		l.log.Warn("look at the links that groups use", "error", err)
	}
}

func (l *Links) concerns(e bond.Event) bool {
	if e.Kind == "bond" || e.Kind == "team" {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, watched := l.statuses[e.Name]; watched || slices.Contains(l.followed, e.Name) {
		return true
	}
	for _, s := range l.statuses {
		if s.Concerns(e) {
			return true
		}
	}
	return false
}

// Look reads the links' state now, and tells who heeds it of what changed.
func (l *Links) Look() error {
	l.looking.Lock()
	defer l.looking.Unlock()
	now, err := bond.ReadAll(l.names()...)
	if err != nil {
		return err
	}
	changed, moved, heed := l.take(now)
	if changed {
		heed(moved)
	}
	return nil
}

func (l *Links) names() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.AppendSeq(slices.Clone(l.followed), maps.Keys(l.configs))
}

// take replaces what was known by what is now.
func (l *Links) take(now map[string]bond.Status) (changed bool, moved []string, heed func([]string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(l.watched(now))) {
		before, known := l.statuses[name]
		after, ok := now[name]
		if !ok {
			after = bond.Status{Name: name}
		}
		if !known {
			changed = true
			continue
		}
		differences := bond.Differences(before, after)
		for _, text := range differences {
			l.note(name, text)
		}
		changed = changed || len(differences) > 0
		if mustLearn(before, after) {
			moved = append(moved, name)
		}
	}
	l.statuses = now
	return changed, moved, l.heed
}

// watched are the names of what was watched before or is now.
func (l *Links) watched(now map[string]bond.Status) map[string]bool {
	names := map[string]bool{}
	for name := range l.statuses {
		names[name] = true
	}
	for name := range now {
		names[name] = true
	}
	return names
}

// mustLearn reports whether frames for a link's addresses may go astray until neighbours hear of it again: it is
// at another port of the switch, has another hardware address, or has come back.
func mustLearn(before, after bond.Status) bool {
	if !after.Exists || !after.Carrier {
		return false
	}
	return !before.Carrier || before.MAC != after.MAC || before.Active != after.Active && after.Active != ""
}

// note remembers an event. The caller holds mu.
func (l *Links) note(link, text string) {
	l.log.Info("link: "+text, "link", link)
	l.events = append(l.events, Event{At: time.Now(), Link: link, Text: text})
	l.events = l.events[max(0, len(l.events)-remembered):]
}

// Failover makes a member of a bond the active one.
func (l *Links) Failover(name, member string) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	before, err := bond.ReadStatus(name)
	if err != nil {
		return err
	}
	if err := bond.Failover(name, member); err != nil {
		return err
	}
	l.mu.Lock()
	l.note(name, fmt.Sprintf("an operator made %s the active member, before %s", member, before.Active))
	l.mu.Unlock()
	return l.Look()
}
