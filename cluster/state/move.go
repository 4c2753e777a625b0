package state

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// move gives groups to new holders. What the old ones may still hold becomes their debt.
func (c *change) move(moves []Move) {
	for _, m := range moves {
		if m.To != "" && !c.lives(m.To, m.Epoch) {
			continue // the node died while this was being decided; the leader decides anew
		}
		for _, e := range m.Groups {
			old := c.Assignments[e.Group]
			if old == nil || old.Serial != e.Serial {
				continue
			}
			if old.Holder == m.To && old.Epoch == m.Epoch {
				continue
			}
			serial := c.nextSerial()
			c.owe(serial, old, c.Groups[e.Group].IPs())
			if m.Fault {
				c.fault(e.Group)
			}
			next := Assignment{Group: e.Group, Holder: m.To, Epoch: m.Epoch, Serial: serial, Since: c.at, Reason: m.Reason, Pinned: m.Pin}
			if m.To == "" {
				next.Last = cmp.Or(old.Holder, old.Last)
			}
			c.setAssignment(next)
			c.result.Moved++
		}
	}
}

func (c *change) lives(node string, epoch uint64) bool {
	n := c.Nodes[node]
	return n.Live() && n.Epoch == epoch
}

// owe records that the holder of an assignment has to let go of addresses, if it is alive to hold them.
func (c *change) owe(serial uint64, a *Assignment, ips []netip.Addr) {
	if a == nil || len(ips) == 0 || !c.lives(a.Holder, a.Epoch) {
		return
	}
	c.writableDebts()[serial] = &Debt{Serial: serial, Group: a.Group, Node: a.Holder, Epoch: a.Epoch, Addresses: ips}
}

func (c *change) settle(s Settle) {
	for _, serial := range s.Serials {
		if d := c.Debts[serial]; d != nil && d.Node == s.Node && d.Epoch == s.Epoch {
			delete(c.writableDebts(), serial)
		}
	}
}

// setGroups replaces the groups and checks. An address that leaves a group is a debt of the group's holder, so that
// another group's holder cannot answer for it before the first has let go.
func (c *change) setGroups(s SetGroups) error {
	checks, err := checksOf(s)
	if err != nil {
		return err
	}
	groups := make(map[string]*Group, len(s.Groups))
	owner := map[netip.Addr]string{}
	for _, g := range s.Groups {
		if groups[g.Name] != nil {
			return fmt.Errorf("%w: group %s is there twice", ErrInvalid, g.Name)
		}
		for _, ip := range g.IPs() {
			if other, taken := owner[ip]; taken {
				return fmt.Errorf("%w: address %s is in group %s and in group %s", ErrInvalid, ip, other, g.Name)
			}
			owner[ip] = g.Name
		}
		groups[g.Name] = &g
	}
	for _, name := range slices.Sorted(maps.Keys(c.Groups)) {
		c.dropAddresses(name, groups[name])
	}
	for _, g := range s.Groups {
		if c.Assignments[g.Name] == nil {
			c.setAssignment(Assignment{Group: g.Name, Serial: c.nextSerial(), Since: c.at, Reason: NewGroup})
		}
	}
	c.record(Event{Kind: Applied, Reason: difference(&c.State, groups, checks)})
	c.Groups, c.Checks = groups, checks
	return nil
}

// checksOf returns the checks by name, if each is there once and all that groups name are there.
func checksOf(s SetGroups) (map[string]*Check, error) {
	var checks map[string]*Check // nil for none, as a snapshot without any is read
	if len(s.Checks) > 0 {
		checks = make(map[string]*Check, len(s.Checks))
	}
	for _, c := range s.Checks {
		if checks[c.Name] != nil {
			return nil, fmt.Errorf("%w: check %s is there twice", ErrInvalid, c.Name)
		}
		checks[c.Name] = &c
	}
	for _, g := range s.Groups {
		for _, u := range g.Checks {
			if checks[u.Name] == nil {
				return nil, fmt.Errorf("%w: group %s names check %s, which is not there", ErrInvalid, g.Name, u.Name)
			}
		}
	}
	return checks, nil
}

// dropAddresses makes debts of what group name loses by becoming next; nil removes the group.
func (c *change) dropAddresses(name string, next *Group) {
	var kept []netip.Addr
	if next != nil {
		kept = next.IPs()
	}
	gone := slices.DeleteFunc(c.Groups[name].IPs(), func(ip netip.Addr) bool { return slices.Contains(kept, ip) })
	if len(gone) > 0 {
		c.owe(c.nextSerial(), c.Assignments[name], gone)
	}
	if next == nil {
		delete(c.writableAssignments(), name)
	}
}
