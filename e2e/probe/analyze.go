package probe

import (
	"cmp"
	"slices"
	"time"
)

// Analyze draws the conclusions from a recording. It is a pure function.
func Analyze(rec Recording) Report {
	r := Report{Start: rec.Start, End: rec.End, Prober: rec.Prober, Marks: rec.Marks}
	byAddr := make([][]Event, len(rec.Addrs))
	for _, e := range rec.Events {
		byAddr[e.Addr] = append(byAddr[e.Addr], e)
	}
	for i, addr := range rec.Addrs {
		events := byAddr[i]
		slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.Received, b.Received) })
		a := AddressReport{Addr: addr}
		a.Echo = rec.stream(events, Echo, rec.Sent[i][Echo])
		a.Resolve = rec.stream(events, Resolve, rec.Sent[i][Resolve])
		a.DoubleAnswers = rec.doubles(events)
		for j := range a.DoubleAnswers {
			a.DoubleAnswers[j].Addr = addr
		}
		rec.who(events, &a)
		r.Addresses = append(r.Addresses, a)
	}
	return r
}

// stream counts answers and silences of one stream; events are in order of
// receipt.
func (rec *Recording) stream(events []Event, s Stream, sent int) StreamReport {
	r := StreamReport{Sent: sent}
	var last *Event
	for i := range events {
		e := &events[i]
		if e.Announcement || e.Stream != s || e.Received-e.Sent > int64(rec.Timeout) {
			continue
		}
		if last == nil || e.Sent != last.Sent {
			r.Answered++
		}
		if last != nil {
			r.add(rec, rec.silence(last, e))
		}
		last = e
	}
	if last != nil {
		// The request that would end it may just not have been sent.
		if open := rec.silence(last, nil); open.Duration > rec.Threshold {
			r.add(rec, open)
		}
	}
	r.Lost = max(r.Sent-r.Answered, 0)
	return r
}

func (r *StreamReport) add(rec *Recording, s Silence) {
	longest, listed := s.Duration > r.Longest.Duration, s.Duration > rec.Threshold
	if !longest && !listed {
		return // as nearly all of millions are
	}
	s.Stalled = rec.stalled(s)
	if longest {
		r.Longest = s
	}
	if listed {
		r.Silences = append(r.Silences, s)
	}
}

// silence is the one between two answers, or up to the end.
func (rec *Recording) silence(last, next *Event) Silence {
	s := Silence{Start: time.Unix(0, last.Received), End: rec.End, Before: rec.Hosts[last.Host].Name, Open: next == nil}
	if next != nil {
		s.End, s.After = time.Unix(0, next.Received), rec.Hosts[next.Host].Name
	}
	s.Duration = s.End.Sub(s.Start)
	return s
}

// stalled is for how much of a silence the prober itself stalled.
func (rec *Recording) stalled(s Silence) (d time.Duration) {
	for _, stall := range rec.Prober.Stalls {
		from, to := stall.Start, stall.Start.Add(stall.Duration)
		if from.Before(s.Start) {
			from = s.Start
		}
		if to.After(s.End) {
			to = s.End
		}
		d += max(to.Sub(from), 0)
	}
	return d
}

// who fills in which hosts answered and announced.
func (rec *Recording) who(events []Event, a *AddressReport) {
	// Broadcast requests find a second holder a little before the census proves it.
	lead := 2 * rec.Prober.Interval
	var last *Event
	for i := range events {
		e := &events[i]
		host := rec.Hosts[e.Host]
		at := time.Unix(0, e.Received)
		if e.Announcement {
			a.Announcements = append(a.Announcements, Announcement{At: at, Host: host.Name})
			continue
		}
		if a.First.IsZero() {
			a.First, a.FirstHost = at, host.Name
		}
		if e.Stream == CensusEcho || e.Stream == CensusResolve {
			if a.Census == nil {
				a.Census = map[string]int{}
			}
			a.Census[host.Name]++
		}
		if host.virtual() {
			continue
		}
		if last != nil && last.Host != e.Host && !a.doubleAt(at, lead) {
			a.Changes = append(a.Changes, Change{
				At: at, From: rec.Hosts[last.Host].Name, To: host.Name, Gap: time.Duration(e.Received - last.Received),
			})
		}
		last = e
	}
}

// doubleAt reports whether two hosts answer at a time or begin to within lead.
func (a *AddressReport) doubleAt(at time.Time, lead time.Duration) bool {
	return slices.ContainsFunc(a.DoubleAnswers, func(d DoubleAnswer) bool {
		return !at.Before(d.At.Add(-lead)) && !at.After(d.Until)
	})
}
