package keepalived

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Translate merges the configurations of several nodes, keyed by the node's name. The nodes must agree on
// what the segment sees of a group: its number, version, addresses, interval and password. The error is
// Refused when they do not, or when something cannot be translated safely. The report covers every
// directive of every file, also beside an error.
func Translate(nodes map[string]*Config) (Result, Report, error) {
	if len(nodes) == 0 {
		return Result{}, nil, errors.New("translate: there are no nodes")
	}
	t := &translator{nodes: nodes, reports: map[string]Report{}, groups: map[string]*Group{}, origin: map[string]origin{}, joined: map[member]*Group{}}
	t.result.Nodes = slices.Sorted(maps.Keys(nodes))
	for _, node := range t.result.Nodes {
		t.reports[node] = slices.Clone(nodes[node].Directives)
	}
	for _, node := range t.result.Nodes {
		for _, in := range nodes[node].Instances {
			t.instance(node, in)
		}
	}
	for _, node := range t.result.Nodes {
		t.checks(node, nodes[node])
		for _, g := range nodes[node].SyncGroups {
			t.syncGroup(node, g)
		}
	}
	t.outsidePeers()
	t.absences()
	for _, name := range t.order {
		t.result.Groups = append(t.result.Groups, *t.groups[name])
	}
	report := t.report()
	if len(t.refused) > 0 {
		return Result{}, report, t.refused
	}
	return t.result, report, nil
}

// translator is the state of one translation.
type translator struct {
	problems
	nodes   map[string]*Config
	result  Result
	reports map[string]Report
	groups  map[string]*Group // by name
	order   []string          // of groups
	origin  map[string]origin // of each group
	joined  map[member]*Group // where each instance went
}

// origin is the instance that a group was made from.
type origin struct {
	node string
	*Instance
}

// member is an instance of a node.
type member struct{ node, instance string }

// report joins the nodes' reports. What several nodes read from one file alike appears once.
func (t *translator) report() Report {
	var out Report
	seen := map[Entry]bool{}
	for _, node := range t.result.Nodes {
		for _, e := range t.reports[node] {
			if !seen[e] {
				seen[e] = true
				out = append(out, e)
			}
		}
	}
	return out
}

// note changes what a node's report says about a keyword of an instance.
func (t *translator) note(node string, in *Instance, keyword string, v Verdict, format string, args ...any) {
	if at, ok := in.at[keyword]; ok {
		e := &t.reports[node][at]
		e.Verdict, e.Text = v, fmt.Sprintf(format, args...)
	}
}

// instance adds a node's instance to its group, which is a new one or that of another node.
func (t *translator) instance(node string, in *Instance) {
	if in.AuthType == "AH" {
		t.refuse(in.Pos, "vrrp_instance %s: %s", in.Name, ahText)
		return
	}
	if g, ok := t.groups[in.Name]; ok && !t.sameNumber(g, in) {
		first := t.origin[in.Name]
		t.refuse(in.Pos, "vrrp_instance %s is virtual router %d here and %d at %v", in.Name, in.VRID, first.VRID, first.Pos)
		return
	}
	g := t.find(node, in)
	if g == nil {
		g = t.newGroup(node, in)
	} else {
		t.merge(node, g, in)
	}
	t.joined[member{node, in.Name}] = g
	g.Priorities[node] = int(in.Priority)
	if in.Interface != g.Interface {
		g.Interfaces[node] = in.Interface
		t.note(node, in, "interface", Translated, "%s on this node", in.Interface)
	}
	switch {
	case in.UnicastSource.IsValid():
		g.Sources[node] = in.UnicastSource
	case in.MulticastSource.IsValid():
		g.Sources[node] = in.MulticastSource
	}
}

func (t *translator) sameNumber(g *Group, in *Instance) bool {
	return g.VRID == in.VRID && t.origin[g.Name].IPv6 == in.IPv6
}

// find is the group an instance belongs to: that of the same number and name, or else of the same number
// and interface, which names aside are one virtual router to keepalived.
func (t *translator) find(node string, in *Instance) *Group {
	if g, ok := t.groups[in.Name]; ok {
		return g
	}
	for _, name := range t.order {
		g := t.groups[name]
		if _, taken := g.Priorities[node]; !taken && t.sameNumber(g, in) && g.Interface == in.Interface {
			t.note(node, in, "vrrp_instance", Translated, "joins the group %s, which has the same number and interface", g.Name)
			return g
		}
	}
	return nil
}

// absences tells of groups that not every node has.
func (t *translator) absences() {
	for m, g := range t.joined {
		if len(g.Priorities) == len(t.result.Nodes) {
			continue
		}
		absent := slices.DeleteFunc(slices.Clone(t.result.Nodes), func(n string) bool { _, has := g.Priorities[n]; return has })
		in := t.nodes[m.node].instance(m.instance)
		e := &t.reports[m.node][in.at["vrrp_instance"]]
		e.Text += "; not on " + strings.Join(absent, ", ")
	}
}

// outsidePeers removes the nodes' own addresses from the groups' peers.
func (t *translator) outsidePeers() {
	for _, name := range t.order {
		g := t.groups[name]
		inside := slices.Collect(maps.Values(g.Sources))
		for i := range g.Peers {
			if slices.Contains(inside, g.Peers[i]) {
				t.noteInside(g, g.Peers[i].String())
			}
		}
		g.Peers = slices.DeleteFunc(g.Peers, func(p netip.Addr) bool { return slices.Contains(inside, p) })
	}
}

func (t *translator) noteInside(g *Group, peer string) {
	for node := range g.Priorities {
		for i := range t.reports[node] {
			e := &t.reports[node][i]
			if containsAll(e.Directive, "/ unicast_peer / "+peer) && e.Verdict == Kept {
				e.Verdict, e.Text = NotNeeded, "a node of this cluster, which is no peer any more"
			}
		}
	}
}
