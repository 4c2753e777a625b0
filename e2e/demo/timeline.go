package main

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vipd/e2e/probe"
)

// figure is what the client noticed of one event: the silence of each address.
type figure struct {
	event   string
	silence [2]time.Duration
}

// moment is a line of a timeline.
type moment struct {
	at   time.Time
	text string
}

// tell prints what the client saw since a moment, and keeps the figures for the summary.
func (d *demo) tell(since time.Time, event, cause string) {
	report := d.probe.Report()
	moments := []moment{{since, cause}}
	f := figure{event: event}
	for i, addr := range []netip.Addr{vip4, vip6} {
		seen := report.Address(addr)
		moments = append(moments, momentsOf(seen, since)...)
		f.silence[i] = silence(seen, since)
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range moments {
		d.say("  %s  %s", d.paint.faint(fmt.Sprintf("%8.1f ms", float64(m.at.Sub(since).Microseconds())/1000)), m.text)
	}
	d.say("  %s", d.paint.yellow(fmt.Sprintf("the client heard nothing for %s (IPv4), %s (IPv6)", short(f.silence[0]), short(f.silence[1]))))
	d.figures = append(d.figures, f)
}

// momentsOf are the last answer of the old holder, the announcement, and the first answer of the new one.
func momentsOf(a *probe.AddressReport, since time.Time) []moment {
	i := slices.IndexFunc(a.Changes, func(c probe.Change) bool { return c.At.After(since) })
	if i < 0 {
		return nil
	}
	c := a.Changes[i]
	moments := []moment{
		{c.At.Add(-c.Gap), fmt.Sprintf("%-9s  the last answer of %s", a.Addr, c.From)},
		{c.At, fmt.Sprintf("%-9s  the first answer of %s", a.Addr, c.To)},
	}
	kind := "gratuitous ARP"
	if a.Addr.Is6() {
		kind = "unsolicited neighbour advertisement"
	}
	i = slices.IndexFunc(a.Announcements, func(n probe.Announcement) bool { return n.At.After(since) && n.Host == c.To })
	if i >= 0 {
		moments = append(moments, moment{a.Announcements[i].At, fmt.Sprintf("%-9s  %s announces it (%s)", a.Addr, c.To, kind)})
	}
	return moments
}

// silence is the time between the answers of two hosts in turn, since a moment.
func silence(a *probe.AddressReport, since time.Time) time.Duration {
	var longest time.Duration
	for _, c := range a.Changes {
		if c.At.After(since) {
			longest = max(longest, c.Gap)
		}
	}
	return longest
}

// summary ends the story with what was measured.
func (d *demo) summary() {
	report := d.probe.Report()
	d.chapter("What the client noticed, in %d requests", report.Prober.Sent)
	if twice := report.DoubleAnswers(); len(twice) > 0 {
		d.say("%s", d.paint.red(fmt.Sprintf("Two nodes answered at once, %d times. That is a bug; please report it.", len(twice))))
	} else {
		d.say("%s", d.paint.green("Never did two nodes answer at once. Silence:"))
	}
	for _, f := range d.figures {
		d.say("  %-14s %8s (IPv4)  %8s (IPv6)", f.event, short(f.silence[0]), short(f.silence[1]))
	}
}

func short(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
