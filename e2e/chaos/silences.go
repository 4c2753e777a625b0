package main

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// always are the addresses that somebody is to answer for all the time; the others are shared with the peers, or served
// now and then.
var always = []netip.Addr{web4, web6, db4}

// Cost is what faults of a kind cost the addresses that are always served: faults overlap, so it is what a client saw
// while one was in force, and not by it alone.
type Cost struct {
	Kind string
	// Faults are those that worked, Silent those in which a silence began.
	Faults, Silent  int
	Median, Longest time.Duration
	Worst           Deed // that has the longest
}

// Silence is the longest silence, of an address that is always served, that began while a fault was in force or just after.
func (r *Report) Silence(d Deed) (longest time.Duration) {
	for _, a := range r.Addresses {
		if !slices.Contains(always, a.Address) {
			continue
		}
		for _, s := range a.Silences {
			if d.Struck <= s.From && s.From < d.Mended+afterwards {
				longest = max(longest, s.To-s.From)
			}
		}
	}
	return longest
}

// Costs are those of all kinds that were played, the most expensive first.
func (r *Report) Costs() (costs []Cost) {
	for _, k := range kinds {
		c := Cost{Kind: k.name}
		var silences []time.Duration
		for _, d := range r.Faults {
			if d.Kind != k.name || d.Error != "" {
				continue
			}
			c.Faults++
			if s := r.Silence(d); s > 0 {
				silences = append(silences, s)
				if s > c.Longest {
					c.Longest, c.Worst = s, d
				}
			}
		}
		if c.Silent = len(silences); c.Silent > 0 {
			slices.Sort(silences)
			c.Median = silences[len(silences)/2]
		}
		if c.Faults > 0 {
			costs = append(costs, c)
		}
	}
	slices.SortStableFunc(costs, func(a, b Cost) int { return cmp.Compare(b.Longest, a.Longest) })
	return costs
}

// quiet is a silence of an address.
type quiet struct {
	Address netip.Addr
	Span
}

// Long is how long the silence was.
func (q quiet) Long() time.Duration { return q.To - q.From }

// Longest are the longest silences of the addresses that are always served.
func (r *Report) Longest() (all []quiet) {
	for _, a := range r.Addresses {
		if slices.Contains(always, a.Address) {
			for _, s := range a.Silences {
				all = append(all, quiet{a.Address, s})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b quiet) int { return cmp.Compare(b.Long(), a.Long()) })
	return all[:min(len(all), 12)]
}
