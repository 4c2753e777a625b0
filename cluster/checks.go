package cluster

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/health"
	"vipd/cluster/placement"
	"vipd/cluster/spec"
	"vipd/cluster/state"
)

// checked is what a node says of one check that it runs.
type checked struct {
	State health.State `json:"state"`
	Since time.Time    `json:"since"`           // by its own clock, for people
	Value int          `json:"value,omitempty"` // the number in the file of a file check
	Text  string       `json:"text,omitempty"`
}

// checked returns what this node's checks say, in a form that a report brings back unchanged.
func (m *member) checked() map[string]checked {
	all := m.monitor.Status()
	said := make(map[string]checked, len(all))
	for name, s := range all {
		said[name] = checked{State: s.State, Since: s.Since.Round(0).UTC(), Value: s.Value, Text: s.Text}
	}
	return said
}

// followChecks has this node run the checks of the groups that it may hold, each once.
func (m *member) followChecks(ctx context.Context) error {
	for seen := uint64(0); ; {
		changed := m.changes.wait()
		if view := m.View(); view.Index != seen {
			seen = view.Index
			m.monitor.Set(checksFor(view, m.self.node))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// virtual returns the addresses of all groups.
func (m *member) virtual() map[netip.Addr]bool {
	all := map[netip.Addr]bool{}
	for _, g := range m.View().Groups {
		for _, a := range g.Addresses {
			all[a.Prefix.Addr()] = true
		}
	}
	return all
}

func checksFor(view *state.State, node string) map[string]state.Check {
	checks := map[string]state.Check{}
	for name, c := range view.Checks {
		if view.UsedOn(node, name) {
			checks[name] = *c
		}
	}
	return checks
}

// judgeChecks says what a node's checks mean for a group.
func (a account) judgeChecks(view *state.State, g *state.Group, h placement.NodeHealth) {
	for _, u := range g.Checks {
		c, said := view.Checks[u.Name], a.Checks[u.Name]
		switch {
		case c == nil:
		case said.State != health.OK && said.State != health.Failing:
			h.Unknown[g.Name] = fmt.Sprintf("it has not run check %s yet", u.Name)
		case c.File != "" && said.State == health.OK:
			judgeNumber(u, said.Value, g.Name, h)
		default:
			judgeResult(u, said, g.Name, h)
		}
	}
}

// judgeResult weighs a check that fails, or does not.
func judgeResult(u state.CheckUse, said checked, group string, h placement.NodeHealth) {
	fails := said.State == health.Failing
	what := fmt.Sprintf("check %s is ok", u.Name)
	if fails {
		what = fmt.Sprintf("check %s fails", u.Name)
	}
	if u.Reverse {
		what += ", which is reversed"
	}
	if u.Excludes(fails) {
		exclude(h, group, what+because(said.Text))
		return
	}
	by, most := u.Adds(fails)
	adjust(h, group, by, most-by, what)
}

// excluding is the number from which on a file keeps the node from holding the group, keepalived's.
const excluding = -254

// judgeNumber weighs the number in a file, as keepalived does: without a weight any number but 0 is a failure.
func judgeNumber(u state.CheckUse, number int, group string, h placement.NodeHealth) {
	by := number * u.Weight
	what := fmt.Sprintf("the file of check %s says %d", u.Name, number)
	if u.Reverse {
		by, what = -by, what+", which is reversed"
	}
	switch {
	case u.Excludes(number != 0), by <= excluding:
		exclude(h, group, what)
	default:
		adjust(h, group, by, max(-by, 0), what)
	}
}

// exclude makes the node ineligible for a group; the first reason counts.
func exclude(h placement.NodeHealth, group, why string) {
	if h.Ineligible[group] == "" {
		h.Ineligible[group] = why
	}
}

// adjust adds to what the node's health already does to its priority, and to what it lacks of being well.
func adjust(h placement.NodeHealth, group string, by, lacks int, what string) {
	a := h.Adjust[group]
	if by != 0 {
		why := fmt.Sprintf("%s: %+d", what, by)
		if a.Why != "" {
			why = a.Why + "; " + why
		}
		a.Why = why
	}
	a.By, a.Lacks = a.By+by, a.Lacks+lacks
	a.Terms = append(a.Terms, placement.Term{By: by, What: what})
	h.Adjust[group] = a
}

func because(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// Checks implements api.Backend.
func (n *Node) Checks(context.Context, api.None, api.Progress) (api.CheckList, error) {
	m, err := n.joined()
	if err != nil {
		return api.CheckList{}, err
	}
	view := m.View()
	list := api.CheckList{Checks: []api.CheckStatus{}}
	for _, name := range slices.Sorted(maps.Keys(view.Checks)) {
		list.Checks = append(list.Checks, m.checkStatus(view, view.Checks[name]))
	}
	return list, nil
}

func (m *member) checkStatus(view *state.State, c *state.Check) api.CheckStatus {
	status := api.CheckStatus{Name: c.Name, What: spec.What(c), Interval: c.Interval, Groups: []api.CheckUse{}, Nodes: []api.CheckResult{}}
	for _, name := range slices.Sorted(maps.Keys(view.Groups)) {
		for _, u := range view.Groups[name].Checks {
			if u.Name == c.Name {
				status.Groups = append(status.Groups, api.CheckUse{Group: name, Weight: u.Weight, Reverse: u.Reverse})
			}
		}
	}
	for _, node := range slices.Sorted(maps.Keys(view.Nodes)) {
		if !view.UsedOn(node, c.Name) {
			continue
		}
		account, _ := m.reporter.of(node)
		said, ran := account.Checks[c.Name]
		if !ran {
			said.State = health.Waiting
		}
		status.Nodes = append(status.Nodes, api.CheckResult{Node: node, State: string(said.State), Since: said.Since, Value: said.Value, Text: said.Text})
	}
	return status
}

// failing names the checks that fail on a node, with what they say.
func (a account) failing() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(a.Checks)) {
		if said := a.Checks[name]; said.State == health.Failing {
			list = append(list, strings.TrimSpace(name+because(said.Text)))
		}
	}
	return list
}
