// Package spec reads, writes and compares the cluster specification: the YAML of `vipctl apply` and
// `vipctl get`, which lists the groups of addresses that the cluster serves, and the checks they depend on.
package spec

import (
	"cmp"
	"slices"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// Spec is what the cluster should serve. Parse and Of return it normalised: groups and checks sorted by name, all
// defaults filled in, each address with its interface.
type Spec struct {
	Groups []state.Group
	Checks []state.Check
}

// Of returns the specification that is in force.
func Of(view *state.State) Spec {
	var s Spec
	for _, g := range view.Groups {
		s.Groups = append(s.Groups, *g)
	}
	for _, c := range view.Checks {
		s.Checks = append(s.Checks, *c)
	}
	return s.Normal()
}

// Parse reads a specification. All that is wrong with it is one error of type conf.Errors, with the lines in
// the file, whose name is only shown.
func Parse(file string, data []byte) (Spec, error) {
	var root document
	doc := conf.Decode(file, data, &root)
	if root.Groups == nil {
		doc.Add("groups", "there are no groups", "list them under `groups:`, or write `groups: []` to serve nothing")
	}
	var s Spec
	for _, c := range root.Checks {
		s.Checks = append(s.Checks, c.state())
	}
	for _, g := range root.Groups {
		s.Groups = append(s.Groups, g.state(s.Checks))
	}
	check(s, indexPath, doc)
	if err := doc.Err(); err != nil {
		return Spec{}, err
	}
	return s.Normal(), nil
}

// Validate applies the rules of Parse to a specification that comes from no file. Its conf.Errors name the
// values as groups[web].priority.
func Validate(s Spec) error {
	var doc conf.Document
	check(s, func(list string, i int) string {
		name := ""
		if list == "checks" {
			name = s.Checks[i].Name
		} else {
			name = s.Groups[i].Name
		}
		return list + "[" + conf.Short(name) + "]"
	}, &doc)
	return doc.Err()
}

// Normal returns an equal specification in the one form that equal ones share.
func (s Spec) Normal() Spec {
	groups := slices.Clone(s.Groups)
	for i := range groups {
		if len(groups[i].Priorities) == 0 {
			groups[i].Priorities = nil
		}
		if len(groups[i].Selector) == 0 {
			groups[i].Selector = nil
		}
		groups[i].Nodes = sorted(groups[i].Nodes, cmp.Compare)
		groups[i].Checks = sorted(groups[i].Checks, byUse)
	}
	return Spec{Groups: sorted(groups, byGroup), Checks: sorted(s.Checks, byCheck)}
}

// sorted returns a sorted copy of a list, nil if it is empty.
func sorted[T any](list []T, compare func(a, b T) int) []T {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, compare)
	return list
}

func byGroup(a, b state.Group) int  { return cmp.Compare(a.Name, b.Name) }
func byCheck(a, b state.Check) int  { return cmp.Compare(a.Name, b.Name) }
func byUse(a, b state.CheckUse) int { return cmp.Compare(a.Name, b.Name) }
