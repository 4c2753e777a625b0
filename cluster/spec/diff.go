package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// Action is what becomes of a group.
type Action string

// The actions, in JSON as in String's signs +, ~ and -.
const (
	Add    Action = "add"
	Change Action = "change"
	Remove Action = "remove"
)

// Diff is what applying a specification would do.
type Diff struct {
	Changed bool        `json:"changed"`
	Checks  []CheckDiff `json:"checks,omitempty"` // that are not equal, by name
	Groups  []GroupDiff `json:"groups,omitempty"` // that are not equal, by name
}

// GroupDiff is what becomes of one group.
type GroupDiff struct {
	Name      string `json:"name"`
	Action    Action `json:"action"`
	Addresses int    `json:"addresses"` // that the group has afterwards; before, for one that is removed
	// Changes says for people what changes, as "priority 100 → 120" and "+ 10.0.0.7/24".
	Changes []string `json:"changes,omitempty"`
}

// Compare returns how new differs from old. Both must be normalised.
func Compare(old, new Spec) Diff {
	d := Diff{Checks: compareChecks(old.Checks, new.Checks)}
	olds, news := old.Groups, new.Groups
	for len(olds) > 0 || len(news) > 0 {
		switch {
		case len(news) == 0 || len(olds) > 0 && olds[0].Name < news[0].Name:
			d.Groups = append(d.Groups, GroupDiff{Name: olds[0].Name, Action: Remove, Addresses: len(olds[0].Addresses)})
			olds = olds[1:]
		case len(olds) == 0 || news[0].Name < olds[0].Name:
			d.Groups = append(d.Groups, GroupDiff{Name: news[0].Name, Action: Add, Addresses: len(news[0].Addresses)})
			news = news[1:]
		default:
			if changes := changesOf(olds[0], news[0]); len(changes) > 0 {
				d.Groups = append(d.Groups, GroupDiff{Name: news[0].Name, Action: Change, Addresses: len(news[0].Addresses), Changes: changes})
			}
			olds, news = olds[1:], news[1:]
		}
	}
	d.Changed = len(d.Groups)+len(d.Checks) > 0
	return d
}

// String has a line for each check and group, as "+ group web (2 addresses)"; it is empty when nothing changes.
func (d Diff) String() string {
	var b strings.Builder
	for _, c := range d.Checks {
		b.WriteString(c.String() + "\n")
	}
	for _, g := range d.Groups {
		switch g.Action {
		case Add:
			fmt.Fprintf(&b, "+ group %s (%s)\n", g.Name, count(g.Addresses))
		case Remove:
			fmt.Fprintf(&b, "- group %s (%s)\n", g.Name, count(g.Addresses))
		case Change:
			fmt.Fprintf(&b, "~ group %s: %s\n", g.Name, strings.Join(g.Changes, ", "))
		}
	}
	return b.String()
}

func count(addresses int) string {
	if addresses == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", addresses)
}

// changesOf compares two versions of a group.
func changesOf(old, new state.Group) []string {
	changes := addressChanges(old, new)
	field := func(name, before, after string) {
		if before != after {
			changes = append(changes, fmt.Sprintf("%s %s → %s", name, before, after))
		}
	}
	field("interface", orNone(old.Interface), orNone(new.Interface))
	field("priority", fmt.Sprint(old.Priority), fmt.Sprint(new.Priority))
	for _, node := range nodesOf(old, new) {
		field("priority on "+node, priorityOn(old, node), priorityOn(new, node))
	}
	field("preempt", fmt.Sprint(old.Preempt), fmt.Sprint(new.Preempt))
	field("preempt_delay", conf.Duration(old.PreemptDelay).String(), conf.Duration(new.PreemptDelay).String())
	field("together", orNone(old.Together), orNone(new.Together))
	changes = append(changes, placeChanges(old, new)...)
	changes = append(changes, useChanges(old.Checks, new.Checks)...)
	field("link_weight", weightText(old), weightText(new))
	field("on_quorum_loss", quorumLoss(old.OnQuorumLoss), quorumLoss(new.OnQuorumLoss))
	changes = append(changes, vrrpChanges(old.VRRP, new.VRRP)...)
	changes = append(changes, lineChanges("route", old.Routes, new.Routes)...)
	changes = append(changes, lineChanges("rule", old.Rules, new.Rules)...)
	return append(changes, notifyChanges(old.Notify, new.Notify)...)
}

func addressChanges(old, new state.Group) []string {
	var changes []string
	before, after := byPrefix(old), byPrefix(new)
	for _, b := range new.Addresses {
		a, ok := before[b.Prefix]
		if !ok {
			changes = append(changes, "+ "+b.Prefix.String())
			continue
		}
		followsGroup := a.Interface == old.Interface && b.Interface == new.Interface
		if a.Interface != b.Interface && !followsGroup {
			changes = append(changes, fmt.Sprintf("%s interface %s → %s", b.Prefix, a.Interface, b.Interface))
		}
		if a.Label != b.Label {
			changes = append(changes, fmt.Sprintf("%s label %s → %s", b.Prefix, orNone(a.Label), orNone(b.Label)))
		}
		if was, is := a.Options(), b.Options(); was != is {
			changes = append(changes, fmt.Sprintf("%s options %s → %s", b.Prefix, orNone(was), orNone(is)))
		}
	}
	for _, a := range old.Addresses {
		if _, ok := after[a.Prefix]; !ok {
			changes = append(changes, "- "+a.Prefix.String())
		}
	}
	if !slices.Equal(shared(old, after), shared(new, before)) {
		changes = append(changes, "addresses in another order")
	}
	return changes
}

func byPrefix(g state.Group) map[netip.Prefix]state.Address {
	m := make(map[netip.Prefix]state.Address, len(g.Addresses))
	for _, a := range g.Addresses {
		m[a.Prefix] = a
	}
	return m
}

// shared returns the prefixes of a group that another version of it has too, in the group's order.
func shared(g state.Group, other map[netip.Prefix]state.Address) []netip.Prefix {
	var prefixes []netip.Prefix
	for _, a := range g.Addresses {
		if _, ok := other[a.Prefix]; ok {
			prefixes = append(prefixes, a.Prefix)
		}
	}
	return prefixes
}

func nodesOf(old, new state.Group) []string {
	var nodes []string
	for _, g := range []state.Group{old, new} {
		for node := range g.Priorities {
			nodes = append(nodes, node)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

func priorityOn(g state.Group, node string) string {
	if p, ok := g.Priorities[node]; ok {
		return fmt.Sprint(p)
	}
	return "unset"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func weightText(g state.Group) string {
	if g.LinkWeight == nil {
		return "unset"
	}
	return fmt.Sprint(*g.LinkWeight)
}
