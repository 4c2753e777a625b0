package main

import (
	"slices"
	"strings"
)

// filter leaves out systems and faults that were not asked for. Empty lists ask for all.
type filter struct{ systems, faults []string }

func newFilter(systems, faults string) filter {
	return filter{list(systems), list(faults)}
}

// list splits at commas.
func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// variants returns those whose name begins with one that was asked for.
func (f filter) variants(all []variant) []variant {
	if len(f.systems) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(v variant) bool {
		return !slices.ContainsFunc(f.systems, func(s string) bool { return strings.HasPrefix(v.name, s) })
	})
}

// wanted returns the faults that were asked for.
func (f filter) wanted(all []fault) []fault {
	if len(f.faults) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(x fault) bool { return !slices.Contains(f.faults, string(x)) })
}
