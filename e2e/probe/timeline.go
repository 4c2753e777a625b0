package probe

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
)

type entry struct {
	at   time.Time
	text string
}

// announcementBurst is how far apart announcements of one host are shown as one.
const announcementBurst = time.Second

// Timeline writes what happened to one address, a line each, in seconds since
// the start of the recording.
func (r *Report) Timeline(w io.Writer, addr netip.Addr) error {
	a := r.Address(addr)
	if a == nil {
		return fmt.Errorf("timeline of %s: not watched", addr)
	}
	var entries []entry
	add := func(at time.Time, format string, args ...any) {
		entries = append(entries, entry{at, fmt.Sprintf(format, args...)})
	}
	for _, m := range r.Marks {
		add(m.At, "* %s", m.Text)
	}
	if a.First.IsZero() {
		add(r.End, "nobody has answered")
	} else {
		add(a.First, "first answer, from %s", a.FirstHost)
	}
	for _, c := range a.Changes {
		add(c.At.Add(-c.Gap), "%s answered last", c.From)
		add(c.At, "first answer from %s, %s later", c.To, short(c.Gap))
	}
	for _, s := range a.Echo.Silences {
		add(s.End, "%s", s.describe())
	}
	for _, d := range a.DoubleAnswers {
		add(d.At, "TWO HOSTS ANSWER: %s and %s, for %s (%d proofs)", d.Hosts[0], d.Hosts[1], short(d.Until.Sub(d.At)), d.Proofs)
	}
	for _, s := range r.Prober.Stalls {
		add(s.Start, "the prober itself stalled for %s", short(s.Duration))
	}
	a.announcements(add)
	slices.SortStableFunc(entries, func(a, b entry) int { return a.at.Compare(b.at) })
	for _, e := range entries {
		if _, err := fmt.Fprintf(w, "%9.3f s  %s\n", e.at.Sub(r.Start).Seconds(), e.text); err != nil {
			return err
		}
	}
	return nil
}

func (a *AddressReport) announcements(add func(time.Time, string, ...any)) {
	last := map[string]time.Time{}
	for _, n := range a.Announcements {
		if before, seen := last[n.Host]; !seen || n.At.Sub(before) > announcementBurst {
			add(n.At, "%s announces the address", n.Host)
		}
		last[n.Host] = n.At
	}
}

func (s Silence) describe() string {
	text := "silence " + short(s.Duration).String()
	if s.Open {
		text += " and on, since " + s.Before + " answered"
	} else if s.Before != s.After {
		text += " from " + s.Before + " to " + s.After
	}
	if s.Stalled > 0 {
		text += fmt.Sprintf(" (the prober stalled for %s of it)", short(s.Stalled))
	}
	return text
}

func short(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
