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
		a.judgeLinks(g, h)
	}
	return h
}

// degraded is a link that works with fewer members than it has.
type degraded struct {
	Link    string `json:"link"`
	Missing int    `json:"missing"`
	Why     string `json:"why"`
}

// judgeLinks takes off a group's priority what its link_weight says for each link that is missing of the bonds that
// its addresses are on, directly or by a VLAN; a bond counts once, however many addresses are on it.
func (a account) judgeLinks(g *state.Group, h placement.NodeHealth) {
	counted := map[string]bool{}
	for _, address := range g.Addresses {
		d := a.Degraded[address.Interface]
		by := -d.Missing * g.WeightOfLink()
		if by == 0 || counted[d.Link] {
			continue
		}
		counted[d.Link] = true
		adjust(h, g.Name, by, -by, d.Why)
		if g.LinkWeight == nil {
			mild := h.Adjust[g.Name]
			mild.Mild, mild.Lacks = mild.Mild+by, mild.Lacks+by // a bond is there so that a lost cable moves nothing
			h.Adjust[g.Name] = mild
		}
	}
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
