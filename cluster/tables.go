package cluster

import (
	"fmt"

	"vipd/cluster/state"
	"vipd/vip"
)

// tables finds the numbers of routing tables that a specification names, which each host does for itself. The host's
// files are read once, and only if there is a name.
type tables struct {
	read  func() map[string]uint32
	known map[string]uint32
}

func hostTables() tables { return tables{read: func() map[string]uint32 { return vip.Tables("/") }} }

// find returns a table's number: the one that is said, or that of the name.
func (t *tables) find(number uint32, name string) (uint32, error) {
	if name == "" {
		return number, nil
	}
	if t.known == nil {
		t.known = t.read()
	}
	n, ok := t.known[name]
	switch {
	case !ok:
		return 0, fmt.Errorf("no table is called %s here: name it in /etc/iproute2/rt_tables.d/vipd.conf, as `100 %s`", name, name)
	case n == 255 || n == 0:
		return 0, fmt.Errorf("table %s is %d here, which is the kernel's own", name, n)
	}
	return n, nil
}

// unknown returns why a group's tables cannot be found here; "" if they can.
func (t *tables) unknown(g *state.Group) string {
	for _, r := range g.Routes {
		if _, err := t.find(r.Table, r.TableName); err != nil {
			return err.Error()
		}
	}
	for _, r := range g.Rules {
		if _, err := t.find(r.Table, r.TableName); err != nil {
			return err.Error()
		}
	}
	return ""
}

// route is how a route of the specification looks on this host.
func (t *tables) route(r state.Route) (vip.Route, error) {
	table, err := t.find(r.Table, r.TableName)
	out := vip.Route{
		Type: r.Type, To: r.To, Via: r.Via, Interface: r.Interface, Source: r.Source, Table: table, Metric: r.Metric,
		Scope: r.Scope, OnLink: r.OnLink,
		MTU: r.MTU, MTULock: r.MTULock, AdvMSS: r.AdvMSS, HopLimit: r.HopLimit, InitCwnd: r.InitCwnd, InitRwnd: r.InitRwnd,
	}
	for _, h := range r.Hops {
		out.Hops = append(out.Hops, vip.Hop(h))
	}
	return out, err
}

// rule is how a rule of the specification looks on this host.
func (t *tables) rule(r state.Rule) (vip.Rule, error) {
	table, err := t.find(r.Table, r.TableName)
	out := vip.Rule{
		IPv6: r.IPv6, From: r.From, To: r.To, Interface: r.Interface, Mark: r.Mark, Table: table, Type: r.Type, Priority: r.Priority,
		Not: r.Not, Out: r.Out, Mask: r.Mask, Protocol: r.Protocol, Goto: r.Goto,
		SourcePorts: span(r.SourcePorts), Ports: span(r.Ports), UIDs: span(r.UIDs),
	}
	if r.SuppressPrefixLength != "" {
		n, _ := state.ParseSpan(r.SuppressPrefixLength)
		out.SuppressPrefix = &n
	}
	return out, err
}

func span(text string) *vip.Span {
	if text == "" {
		return nil
	}
	first, last := state.ParseSpan(text)
	return &vip.Span{First: first, Last: last}
}
