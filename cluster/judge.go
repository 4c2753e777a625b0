package cluster

import (
	"vipd/cluster/placement"
	"vipd/cluster/state"
)

// judge puts what a node reports, which is of interfaces and the like and says nothing of groups that it does
// not have to, into what that means for each group.
func (a account) judge(view *state.State) placement.NodeHealth {
	h := placement.NodeHealth{Ineligible: map[string]string{}, Unknown: map[string]string{}, Adjust: map[string]placement.Adjustment{}}
	for name, g := range view.Groups {
		if problem := a.Groups[name]; problem != "" {
			h.Ineligible[name] = problem
		}
		a.judgeInterfaces(g, h)
		a.judgeChecks(view, g, h)
	}
	return h
}

// judgeInterfaces says whether the interfaces of a group's addresses can be used.
func (a account) judgeInterfaces(g *state.Group, h placement.NodeHealth) {
	for _, address := range g.Addresses {
		switch problem, reported := a.Interfaces[address.Interface]; {
		case !reported:
			h.Unknown[g.Name] = "it has not reported on interface " + address.Interface + " yet"
		case problem != "" && h.Ineligible[g.Name] == "":
			h.Ineligible[g.Name] = problem
		}
	}
}
