package main

import "slices"

// Summary is what a table says of a series.
type Summary struct {
	Median float64 `json:"median_ms"`
	Worst  float64 `json:"worst_ms"`
	// Disturbed counts the trials in which a processor stood still for 5 ms or
	// more, WorstCalm is the worst of all others.
	Disturbed int     `json:"disturbed"`
	WorstCalm float64 `json:"worst_undisturbed_ms"`
	// Doubles counts the trials in which two hosts answered before the repair,
	// DoublesAfter those in which they did afterwards.
	Doubles      int `json:"doubles"`
	DoublesAfter int `json:"doubles_after"`
	// LongestDouble is the longest of both.
	LongestDouble float64 `json:"longest_double_ms"`
}

func summarize(trials []Trial) Summary {
	var s Summary
	var silences []float64
	for _, t := range trials {
		silences = append(silences, t.Silence)
		if t.disturbed() {
			s.Disturbed++
		} else {
			s.WorstCalm = max(s.WorstCalm, t.Silence)
		}
		if t.Double > 0 {
			s.Doubles++
		}
		if t.DoubleAfter > 0 {
			s.DoublesAfter++
		}
		s.LongestDouble = max(s.LongestDouble, t.Double, t.DoubleAfter)
	}
	s.Median = median(silences)
	if len(silences) > 0 {
		s.Worst = slices.Max(silences)
	}
	return s
}

// median is 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
