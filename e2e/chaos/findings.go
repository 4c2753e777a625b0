package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Finding is what broke a promise, and when.
type Finding struct {
	At   time.Duration `json:"at_ns"`
	Text string        `json:"text"`
}

// afterwards is how long after a fault what happens may be by it.
const afterwards = time.Second

// Findings are all that the verdicts have, in the order of time.
func (r *Report) Findings() (all []Finding) {
	for _, v := range r.Verdicts {
		all = append(all, v.Findings...)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.At, b.At) })
	return all
}

// During says what was in force at a time, or had just been mended.
func (r *Report) During(at time.Duration) string {
	var faults []string
	for _, d := range r.Faults {
		if d.Struck <= at && at < d.Mended+afterwards {
			faults = append(faults, fmt.Sprintf("%s (%.1f to %.1f s)", d.describe(), d.Struck.Seconds(), d.Mended.Seconds()))
		}
	}
	if len(faults) == 0 {
		return "no fault"
	}
	return strings.Join(faults, "; ")
}

// describe names who was struck, where that was open on the schedule.
func (d Deed) describe() string {
	text := d.Text
	if d.Target == leading && d.On != "" {
		text = strings.Replace(text, leading, d.On, 1)
	}
	if d.Error != "" {
		text += ", in vain"
	}
	return text
}

// Clock is a time as the daemons' logs write it.
func (r *Report) Clock(at time.Duration) string { return r.Began.Add(at).UTC().Format("15:04:05.000") }

// merged has one ending for all of a node that say the same, as when a disk stays full.
func merged(ends []ending) []ending {
	var kept []ending
	var times []int
	for _, e := range ends {
		i := slices.IndexFunc(kept, func(k ending) bool { return k.Node == e.Node && k.Said == e.Said })
		if i < 0 {
			kept, times = append(kept, e), append(times, 1)
			continue
		}
		times[i]++
	}
	for i, n := range times {
		if n > 1 {
			kept[i].Said += fmt.Sprintf(" (%d times)", n)
		}
	}
	return kept
}

// broken is the moment at which a history is for the first time not as promised, with what was told shortly before. What
// had not returned by then counts as under way.
func (h history) broken(limit time.Duration) []Finding {
	ends := make([]time.Duration, 0, len(h))
	for _, op := range h {
		ends = append(ends, op.Return)
	}
	slices.Sort(ends)
	give := time.Now().Add(limit)
	at, _ := slices.BinarySearchFunc(ends, false, func(end time.Duration, _ bool) int {
		if h.until(end).ordered(time.Until(give)) {
			return -1
		}
		return 1
	})
	if at == len(ends) || time.Now().After(give) {
		return nil
	}
	var told []string
	for _, op := range h {
		if op.Kind != Glance && op.Return > ends[at]-5*time.Second && op.Call <= ends[at] {
			told = append(told, op.String())
		}
	}
	return []Finding{{At: ends[at], Text: "no order of these is possible: " + strings.Join(told, "; ")}}
}

// until is what was known at a time.
func (h history) until(at time.Duration) (known history) {
	for _, op := range h {
		switch {
		case op.Call > at, op.Return > at && op.Kind != Write:
			continue
		case op.Return > at:
			op.Error = "under way"
		}
		known = append(known, op)
	}
	return known
}

// String says what was asked and told, for people.
func (o Op) String() string {
	text := fmt.Sprintf("%s of %d at %s from %.3f to %.3f s", o.Kind, o.Value, o.Node, o.Call.Seconds(), o.Return.Seconds())
	if o.Kind != Write && o.Error != "" {
		text = fmt.Sprintf("%s at %s from %.3f to %.3f s", o.Kind, o.Node, o.Call.Seconds(), o.Return.Seconds())
	}
	if o.Error != "" {
		text += ", unanswered"
	}
	return text
}
