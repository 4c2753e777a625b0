package electorate

import (
	"maps"
	"slices"
)

// Hearing is, of each member that says so, which others it does not hear. A cable, a switch port or a filter may be dead in
// one direction only, or between two members only.
type Hearing map[string][]string

// Deafness counts where a member does not hear another or is not heard by it: with as many a leader could not reach them,
// or would not learn that it does.
func (h Hearing) Deafness(member string) int {
	n := len(h[member])
	for other, unheard := range h {
		if other != member && slices.Contains(unheard, member) {
			n++
		}
	}
	return n
}

// Leader returns the candidate that should lead in a leader's place, since it hears and is heard by more; empty: none
// should. It is one that the leader and it hear of each other, as the leader has to ask it.
func (h Hearing) Leader(leader string, candidates []string) (better string) {
	least := h.Deafness(leader)
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		unheard, known := h[c]
		if c == leader || !known || slices.Contains(unheard, leader) || slices.Contains(h[leader], c) {
			continue
		}
		if n := h.Deafness(c); n < least {
			better, least = c, n
		}
	}
	return better
}

// Gap is a way on which nothing arrives.
type Gap struct{ From, To string }

func (g Gap) String() string { return g.From + " to " + g.To }

// Gaps lists what is not heard, sorted by who does not hear.
func (h Hearing) Gaps() (gaps []Gap) {
	for _, to := range slices.Sorted(maps.Keys(h)) {
		for _, from := range h[to] {
			gaps = append(gaps, Gap{from, to})
		}
	}
	return gaps
}

// Among returns what is said by and of some members.
func (h Hearing) Among(members map[string]uint64) Hearing {
	among := maps.Clone(h)
	maps.DeleteFunc(among, func(member string, _ []string) bool { return members[member] == 0 })
	for member, unheard := range among {
		among[member] = slices.DeleteFunc(slices.Clone(unheard), func(other string) bool { return members[other] == 0 })
	}
	return among
}
