package cluster

import (
	"testing"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// diary is a damper, and what it had noted.
type diary struct {
	damper
	now   lease.Instant
	noted map[string]string
	notes []state.HealthNote
}

// see lets time pass, shows conditions, and returns what was noted.
func (d *diary) see(after time.Duration, seen map[string]condition, unknown ...string) ([]state.HealthNote, time.Duration) {
	d.now = d.now.Add(after)
	skip := map[string]bool{}
	for _, subject := range unknown {
		skip[subject] = true
	}
	due, next := d.step(d.now, d.noted, seen, skip)
	for _, n := range due {
		delete(d.noted, n.Subject)
		if n.Bad {
			d.noted[n.Subject] = n.Text
		}
	}
	d.damper.noted(d.now, due)
	d.notes = append(d.notes, due...)
	return due, next
}

func newDiary() *diary { return &diary{now: lease.Instant(time.Hour), noted: map[string]string{}} }

var failing = map[string]condition{"check nginx": {bad: true, text: "no such process"}}

func TestNotesWhatLasts(t *testing.T) {
	d := newDiary()
	due, _ := d.see(0, map[string]condition{"check nginx": {}})
	diff(t, "noted of what is well", nil, due)
	due, _ = d.see(time.Minute, failing)
	diff(t, "noted at once", []state.HealthNote{{Subject: "check nginx", Bad: true, Text: "no such process"}}, due)
	due, next := d.see(400*time.Millisecond, nil)
	diff(t, "noted while it rests", nil, due)
	diff(t, "rest", 600*time.Millisecond, next)
	due, _ = d.see(next, nil)
	diff(t, "noted after the rest", []state.HealthNote{{Subject: "check nginx"}}, due)
	due, next = d.see(time.Hour, nil)
	diff(t, "noted later", nil, due)
	diff(t, "next", time.Duration(0), next)
}

func TestUnknownStaysAsNoted(t *testing.T) {
	d := newDiary()
	d.noted["check nginx"] = "no such process" // by this node's last start
	due, _ := d.see(0, nil, "check nginx")
	diff(t, "noted while nothing is known", nil, due)
	due, _ = d.see(time.Second, nil)
	diff(t, "noted when it is known", []state.HealthNote{{Subject: "check nginx"}}, due)
}

// A check that fails every other second makes a dozen entries in an hour, and they say what goes on.
func TestFlappingIsDamped(t *testing.T) {
	d := newDiary()
	for range 1800 {
		d.see(time.Second, failing)
		d.see(time.Second, nil)
	}
	if n := len(d.notes); n < 10 || n > 30 {
		t.Fatalf("%d notes of an hour's flapping", n)
	}
	if last := d.notes[len(d.notes)-1].Text; len(last) < 20 {
		t.Errorf("the last note says %q", last)
	}
	if _, next := d.see(dampMost, failing); next != 0 {
		t.Errorf("it is not said how it is in the end for %v", next)
	}
	diff(t, "noted in the end", "no such process", d.noted["check nginx"][:len("no such process")])
	d.see(dampForget+time.Second, failing)
	due, _ := d.see(time.Second, nil)
	diff(t, "after it was stable", []state.HealthNote{{Subject: "check nginx"}}, due)
}
