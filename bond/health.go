package bond

import "fmt"

// Weights say what a degraded bond costs a node's priority.
type Weights struct {
	// PerMissingLink is taken off the priority for each member that cannot be
	// used while others can.
	PerMissingLink int
	// MinLinks makes the node ineligible when fewer members can be used; 0 means
	// the bond's own min_links, and at least one.
	MinLinks int
}

// Health turns the state of a bond, a team or a plain interface into what it
// means for the election: whether the node may hold addresses on it, what to
// add to its priority (never positive), and why, in words; the reason is empty
// when all is well.
func Health(s Status, w Weights) (eligible bool, adjustment int, reason string) {
	switch {
	case !s.Exists:
		return false, 0, fmt.Sprintf("%s does not exist", s.Name)
	case !s.Up:
		return false, 0, fmt.Sprintf("%s is down", s.Name)
	case s.Kind != "bond" && s.Kind != "team":
		if !s.Carrier {
			return false, 0, fmt.Sprintf("%s has no carrier", s.Name)
		}
		return true, 0, ""
	}
	usable := s.Usable()
	need := max(1, w.MinLinks)
	if w.MinLinks == 0 {
		need = max(1, s.MinLinks)
	}
	switch total := len(s.Members); {
	case usable == 0:
		return false, 0, fmt.Sprintf("%s has no usable link of %d", s.Name, total)
	case usable < need:
		return false, 0, fmt.Sprintf("%s has %d of %d links usable, fewer than min_links (%d)", s.Name, usable, total, need)
	case !s.Carrier:
		return false, 0, fmt.Sprintf("%s has no carrier", s.Name)
	case usable < total:
		return true, -w.PerMissingLink * (total - usable), fmt.Sprintf("%s has %d of %d links usable", s.Name, usable, total)
	}
	return true, 0, ""
}

// Usable counts the members that can carry traffic.
func (s Status) Usable() int {
	n := 0
	for _, m := range s.Members {
		if s.usable(m) {
			n++
		}
	}
	return n
}

// usable: a link within its down_delay still is; one that waits for its
// up_delay is not yet. In 802.3ad only the members of the active aggregator
// carry traffic.
func (s Status) usable(m MemberStatus) bool {
	switch {
	case !m.Up:
		return false
	case s.Kind == "team" || s.Monitor == "none":
		return m.Carrier
	case m.LACP != nil && s.LACP != nil && m.LACP.Aggregator != s.LACP.Aggregator:
		return false
	}
	return m.Link == "up" || m.Link == "fail"
}

// Dead reports whether no frame can come or go over a link.
func (s Status) Dead() bool {
	if s.Kind == "bond" || s.Kind == "team" {
		return !s.Exists || !s.Up || !s.Carrier || s.Usable() == 0
	}
	return !s.Exists || !s.Up || !s.Carrier
}
