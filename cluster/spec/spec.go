// Package spec reads, writes and compares the cluster specification: the YAML of `vipctl apply` and
// `vipctl get`, which lists the groups of addresses that the cluster serves.
package spec

import (
	"cmp"
	"slices"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// Spec is what the cluster should serve. Parse and Of return it normalised: groups sorted by name, all
// defaults filled in, each address with its interface.
type Spec struct {
	Groups []state.Group
}

// Of returns the specification of groups that are in force.
func Of(groups map[string]*state.Group) Spec {
	var s Spec
	for _, g := range groups {
		s.Groups = append(s.Groups, *g)
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
	for _, g := range root.Groups {
		s.Groups = append(s.Groups, g.state())
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
	check(s, func(i int) string { return "groups[" + conf.Short(s.Groups[i].Name) + "]" }, &doc)
	return doc.Err()
}

// Normal returns an equal specification in the one form that equal ones share.
func (s Spec) Normal() Spec {
	groups := slices.Clone(s.Groups)
	slices.SortStableFunc(groups, func(a, b state.Group) int { return cmp.Compare(a.Name, b.Name) })
	for i := range groups {
		if len(groups[i].Priorities) == 0 {
			groups[i].Priorities = nil
		}
	}
	if len(groups) == 0 {
		groups = nil
	}
	return Spec{Groups: groups}
}
