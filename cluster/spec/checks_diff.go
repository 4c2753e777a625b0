package spec

import (
	"fmt"
	"strings"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// CheckDiff is what becomes of one check.
type CheckDiff struct {
	Name    string   `json:"name"`
	Action  Action   `json:"action"`
	What    string   `json:"what"` // it looks at afterwards; before, for one that is removed
	Changes []string `json:"changes,omitempty"`
}

// String is a line as "+ check nginx (process nginx)".
func (d CheckDiff) String() string {
	switch d.Action {
	case Add:
		return fmt.Sprintf("+ check %s (%s)", d.Name, d.What)
	case Remove:
		return fmt.Sprintf("- check %s (%s)", d.Name, d.What)
	}
	return fmt.Sprintf("~ check %s: %s", d.Name, strings.Join(d.Changes, ", "))
}

// What says in a few words what a check looks at.
func What(c *state.Check) string {
	switch {
	case c.Script != nil:
		return strings.Join(append([]string{"script", c.Script.Path}, c.Script.Args...), " ")
	case c.TCP != "":
		return "tcp " + c.TCP
	case c.HTTP != nil:
		return "http " + c.HTTP.URL
	case c.Process != nil:
		return "process " + c.Process.Name
	case c.File != "":
		return "file " + c.File
	case c.Ping != nil:
		return "ping " + c.Ping.Address
	case c.ARP != nil:
		return fmt.Sprintf("arp %s on %s", c.ARP.Address, c.ARP.Interface)
	case c.Bond != nil && c.Bond.Links > 0:
		return fmt.Sprintf("bond %s with %d links", c.Bond.Name, c.Bond.Links)
	case c.Bond != nil:
		return "bond " + c.Bond.Name
	}
	return "interface " + c.Interface
}

// compareChecks returns how new differs from old, both sorted by name.
func compareChecks(old, new []state.Check) []CheckDiff {
	var diffs []CheckDiff
	for len(old) > 0 || len(new) > 0 {
		switch {
		case len(new) == 0 || len(old) > 0 && old[0].Name < new[0].Name:
			diffs = append(diffs, CheckDiff{Name: old[0].Name, Action: Remove, What: What(&old[0])})
			old = old[1:]
		case len(old) == 0 || new[0].Name < old[0].Name:
			diffs = append(diffs, CheckDiff{Name: new[0].Name, Action: Add, What: What(&new[0])})
			new = new[1:]
		default:
			if changes := checkChanges(old[0], new[0]); len(changes) > 0 {
				diffs = append(diffs, CheckDiff{Name: new[0].Name, Action: Change, What: What(&new[0]), Changes: changes})
			}
			old, new = old[1:], new[1:]
		}
	}
	return diffs
}

func checkChanges(old, new state.Check) []string {
	var changes []string
	field := func(name string, before, after any) {
		if a, b := fmt.Sprint(before), fmt.Sprint(after); a != b {
			changes = append(changes, strings.TrimSpace(fmt.Sprintf("%s %s → %s", name, a, b)))
		}
	}
	field("", What(&old), What(&new))
	if a, b := old.Script, new.Script; a != nil && b != nil && What(&old) == What(&new) {
		field("args", fmt.Sprintf("%q", a.Args), fmt.Sprintf("%q", b.Args))
	}
	if a, b := old.HTTP, new.HTTP; a != nil && b != nil {
		field("status", a.Status, b.Status)
		field("insecure", a.Insecure, b.Insecure)
		field("follow", a.Follow, b.Follow)
	}
	if a, b := old.Process, new.Process; a != nil && b != nil {
		field("full_command", a.FullCommand, b.FullCommand)
		field("quorum", a.Quorum, b.Quorum)
		field("quorum_max", unsetZero(a.QuorumMax), unsetZero(b.QuorumMax))
	}
	if a, b := old.Ping, new.Ping; a != nil && b != nil {
		field("interface", orNone(a.Interface), orNone(b.Interface))
		field("count", a.Count, b.Count)
		field("answers", a.Answers, b.Answers)
	}
	field("interval", conf.Duration(old.Interval), conf.Duration(new.Interval))
	field("timeout", conf.Duration(old.Timeout), conf.Duration(new.Timeout))
	field("rise", old.Rise, new.Rise)
	field("fall", old.Fall, new.Fall)
	field("weight", old.Weight, new.Weight)
	field("init_fail", old.InitFail, new.InitFail)
	field("reverse", old.Reverse, new.Reverse)
	return changes
}

// useChanges compares what two versions of a group depend on, both sorted by name.
func useChanges(old, new []state.CheckUse) []string {
	var changes []string
	before := map[string]state.CheckUse{}
	for _, u := range old {
		before[u.Name] = u
	}
	for _, u := range new {
		was, had := before[u.Name]
		switch {
		case !had && u.Reverse:
			changes = append(changes, fmt.Sprintf("+ check %s (weight %d, reversed)", u.Name, u.Weight))
		case !had:
			changes = append(changes, fmt.Sprintf("+ check %s (weight %d)", u.Name, u.Weight))
		default:
			changes = append(changes, useChange(was, u)...)
		}
		delete(before, u.Name)
	}
	for _, u := range old {
		if _, gone := before[u.Name]; gone {
			changes = append(changes, "- check "+u.Name)
		}
	}
	return changes
}

func useChange(old, new state.CheckUse) (changes []string) {
	if old.Weight != new.Weight {
		changes = append(changes, fmt.Sprintf("weight of check %s %d → %d", new.Name, old.Weight, new.Weight))
	}
	if old.Reverse != new.Reverse {
		changes = append(changes, fmt.Sprintf("reverse of check %s %v → %v", new.Name, old.Reverse, new.Reverse))
	}
	return changes
}
