package cluster

import (
	"slices"

	"vipd/cluster/state"
	"vipd/vip"
)

// reachable leaves out the addresses that no frame can come to, since the link below their interface has nothing
// left that works. The node lets go of them by itself: it may be cut off from the leader by the same cable, and what
// others take over when its lease has ended should be gone here before.
func (t *tenant) reachable(held []state.Holding) []state.Holding {
	dead := func(a state.Address) bool { return t.standing(a.Interface).Dead }
	var kept []state.Holding
	for _, h := range held {
		if slices.ContainsFunc(h.Addresses, dead) {
			h.Addresses = slices.DeleteFunc(slices.Clone(h.Addresses), dead)
		}
		if len(h.Addresses) > 0 {
			kept = append(kept, h)
		}
	}
	return kept
}

// linksChanged notes that the neighbours on some links have to learn anew where addresses are.
func (t *tenant) linksChanged(moved []string) {
	t.mu.Lock()
	for _, link := range moved {
		t.moved[link] = true
	}
	t.mu.Unlock()
	kick(t.wake)
}

// reannounce announces what is held on those links, and on VLANs and macvlans above them.
func (t *tenant) reannounce() {
	t.mu.Lock()
	moved := t.moved
	t.moved = map[string]bool{}
	t.mu.Unlock()
	if len(moved) == 0 {
		return
	}
	t.announceTo(slices.DeleteFunc(slices.Clone(t.held), func(a vip.Address) bool {
		return !moved[a.Interface] && !moved[t.standing(a.Interface).Link]
	}))
}

// linksChanged is called for each change of this host's links.
func (m *member) linksChanged(moved []string) {
	m.tenant.linksChanged(moved)
	kick(m.reporter.wake)
	m.changes.raise()
}
