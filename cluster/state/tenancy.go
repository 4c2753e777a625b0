package state

import (
	"maps"
	"net/netip"
	"slices"
)

// Tenancy is what one start of a node may hold and still owes, as far as this state says. Whether its
// lease is valid is not the state's to know.
type Tenancy struct {
	Held    []Holding // what the node may carry now, sorted by group
	Waiting []Holding // assigned to it, but not let go of by others yet; sorted by group
	Owed    []*Debt   // the node's own debts, oldest first
}

// Holding is a group, or the part of one, and the serial of its assignment.
type Holding struct {
	Group     string
	Serial    uint64
	Addresses []Address
}

// TenancyOf returns what a node may hold in its epoch. released reports whether the debtor itself said
// that it has let go of a debt: that may arrive before the Settle that says so in the log.
//
// Addresses are judged one by one: one that joins a group while its former holder still has it does not
// cost the group's other addresses a pause.
func (s *State) TenancyOf(node string, epoch uint64, released func(serial uint64) bool) Tenancy {
	if !s.Nodes[node].Live() || s.Nodes[node].Epoch != epoch {
		return Tenancy{}
	}
	owed, blocked := s.debtsSeenBy(Tenure{node, epoch}, released)
	t := Tenancy{Owed: owed}
	for _, name := range slices.Sorted(maps.Keys(s.Assignments)) {
		a := s.Assignments[name]
		if a.Holder != node || a.Epoch != epoch {
			continue
		}
		held := Holding{Group: name, Serial: a.Serial}
		waiting := held
		for _, address := range s.Groups[name].Addresses {
			if blocked[address.Prefix.Addr()] {
				waiting.Addresses = append(waiting.Addresses, address)
			} else {
				held.Addresses = append(held.Addresses, address)
			}
		}
		if len(held.Addresses) > 0 {
			t.Held = append(t.Held, held)
		}
		if len(waiting.Addresses) > 0 {
			t.Waiting = append(t.Waiting, waiting)
		}
	}
	return t
}

// debtsSeenBy returns a tenure's own debts, oldest first, and the addresses that others owe.
func (s *State) debtsSeenBy(who Tenure, released func(uint64) bool) (owed []*Debt, blocked map[netip.Addr]bool) {
	blocked = map[netip.Addr]bool{}
	for _, serial := range slices.Sorted(maps.Keys(s.Debts)) {
		d := s.Debts[serial]
		switch {
		case d.Node == who.Node && d.Epoch == who.Epoch:
			owed = append(owed, d)
		case !released(serial):
			for _, ip := range d.Addresses {
				blocked[ip] = true
			}
		}
	}
	return owed, blocked
}

// LiveEpochs returns the epoch of each member that has one.
func (s *State) LiveEpochs() map[string]uint64 {
	live := make(map[string]uint64, len(s.Nodes))
	for name, n := range s.Nodes {
		if n.Live() {
			live[name] = n.Epoch
		}
	}
	return live
}

// HeldBy returns the names of the groups assigned to a node, sorted.
func (s *State) HeldBy(node string) []string {
	var names []string
	for name, a := range s.Assignments {
		if a.Holder == node {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
