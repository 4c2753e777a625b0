package cluster

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// A subject that changes again and again is noted ever less often: the pause after a note doubles from dampLeast to
// dampMost, and begins anew once the subject was as noted for dampForget.
const (
	dampLeast  = time.Second
	dampMost   = 5 * time.Minute
	dampForget = 10 * time.Minute
)

// maxNoteText bounds, in bytes, what a subject may say in the history.
const maxNoteText = 200

// condition is how a subject is at the moment.
type condition struct {
	bad  bool
	text string
}

// damper decides which of a node's conditions are to be noted, so that the history tells of every lasting change, and of
// something that flaps no more than that it does.
type damper struct {
	subjects map[string]*damped
}

// damped is a subject that changed not long ago.
type damped struct {
	bad     bool          // as seen last
	changes int           // seen since the last note
	since   lease.Instant // of the last change
	pause   time.Duration // after the next note; 0: there was none yet
	rests   lease.Instant // until then it is not noted
}

// step takes in the present conditions. It returns what is to be noted now, sorted by subject, and when there is more; 0:
// not by itself. A subject of which nothing is known stays as it was noted; so say the keys of unknown.
func (d *damper) step(now lease.Instant, noted map[string]string, seen map[string]condition, unknown map[string]bool) (due []state.HealthNote, next time.Duration) {
	if d.subjects == nil {
		d.subjects = map[string]*damped{}
	}
	for _, subject := range d.concerned(noted, seen) {
		if unknown[subject] {
			continue
		}
		_, bad := noted[subject]
		s := d.watch(subject, now, bad, seen[subject].bad)
		if s == nil || s.bad == bad {
			continue
		}
		if wait := s.rests.Sub(now); wait > 0 {
			if next == 0 || wait < next {
				next = wait
			}
			continue
		}
		text := ""
		if s.bad {
			text = seen[subject].text
		}
		due = append(due, state.HealthNote{Subject: subject, Bad: s.bad, Text: s.describe(text)})
	}
	return due, next
}

// concerned are the subjects that may have changed, sorted.
func (d *damper) concerned(noted map[string]string, seen map[string]condition) []string {
	names := map[string]bool{}
	for name := range noted {
		names[name] = true
	}
	for name := range d.subjects {
		names[name] = true
	}
	for name, c := range seen {
		if c.bad {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// watch follows a subject; nil for one that is as noted and has been for long.
func (d *damper) watch(subject string, now lease.Instant, noted, bad bool) *damped {
	s := d.subjects[subject]
	switch {
	case s == nil && noted == bad:
		return nil
	case s == nil:
		s = &damped{bad: bad, changes: 1, since: now}
		d.subjects[subject] = s
	case s.bad != bad:
		s.bad, s.since = bad, now
		s.changes++
	case bad == noted && now.Sub(s.since) > dampForget:
		delete(d.subjects, subject)
		return nil
	}
	return s
}

// noted says that what was due is in the history now.
func (d *damper) noted(now lease.Instant, notes []state.HealthNote) {
	for _, n := range notes {
		if s := d.subjects[n.Subject]; s != nil {
			s.pause = min(max(2*s.pause, dampLeast), dampMost)
			s.rests = now.Add(s.pause)
			s.changes = 0
		}
	}
}

func (s *damped) describe(text string) string {
	if len(text) > maxNoteText {
		text = text[:maxNoteText]
	}
	if s.changes <= 1 {
		return text
	}
	flapped := "it changed " + strconv.Itoa(s.changes) + " times since the entry before"
	if text == "" {
		return flapped
	}
	return text + "; " + flapped
}
