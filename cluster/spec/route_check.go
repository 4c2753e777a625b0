package spec

import (
	"fmt"
	"net/netip"
	"slices"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// Bounds of a rule's priority: 0 is the kernel's table of its own addresses, 32766 the main table.
const (
	minRulePriority = 1
	maxRulePriority = 32765
	maxPaths        = 1024 // of all groups
)

// Bounds of what the kernel takes for a route.
const (
	maxHops   = 8
	maxWeight = 256
	minMTU    = 68
	maxMTU    = 65520
	maxMSS    = 65495
)

// maxPort is the last that a rule can name (fib_rule_port_range_valid).
const maxPort = 65534

// paths applies the rules of a group's routes and rules.
func (c *checker) paths(path string, g *state.Group) {
	if c.pathCount += len(g.Routes) + len(g.Rules); c.pathCount > maxPaths {
		c.doc.Add(path, fmt.Sprintf("here the number of routes and rules exceeds %d", maxPaths), "use fewer")
		c.pathCount = -1 << 30 // said once
	}
	for i, r := range g.Routes {
		key := fmt.Sprintf("%s.routes[%d]", path, i)
		c.route(key, r)
		c.metrics(key, r)
		for _, h := range r.Hops {
			c.hop(key, r, h)
		}
		c.single(key, g.Name, fmt.Sprintf("a route to %s in table %s with metric %d", r.To, tableText(r.Table, r.TableName), r.Metric))
	}
	for i, r := range g.Rules {
		key := fmt.Sprintf("%s.rules[%d]", path, i)
		c.rule(key, r)
		c.selector(key, r)
		c.single(key, g.Name, "the rule "+r.String())
	}
}

// single wants a route or rule once: two groups that are on one host would take it from each other.
func (c *checker) single(key, group, what string) {
	if first, again := c.pathPlaces[what]; again {
		c.doc.Add(key, fmt.Sprintf("%s is also %s", what, c.doc.Where(first)), "keep one, or give one another metric or table")
		return
	}
	c.pathPlaces[what] = key
}

func (c *checker) route(key string, r state.Route) {
	ipv6 := r.To.Addr().Is6()
	other := func(ip netip.Addr) bool { return ip.IsValid() && ip.Is6() != ipv6 }
	leads := r.Via.IsValid() || r.Interface != "" || len(r.Hops) > 0
	switch {
	case !r.To.IsValid(): // said already
	case other(r.Via) || other(r.Source) || slices.ContainsFunc(r.Hops, func(h state.Hop) bool { return other(h.Via) }):
		c.doc.Add(key, "it has addresses of both families", "use one family in a route")
	case r.Type == "" && !leads:
		c.doc.Add(key, "it leads nowhere", "add `via ADDRESS` or `dev INTERFACE`, or begin with blackhole, unreachable, prohibit or throw")
	case r.Type != "" && (leads || r.OnLink):
		c.doc.Add(key, fmt.Sprintf("a %s route leads nowhere", r.Type), "remove `via`, `dev`, `nexthop` and `onlink`")
	case r.Type != "" && r.Type != "throw" && !slices.Contains(refusalTypes, r.Type):
		c.doc.Add(key, fmt.Sprintf("%s is not a type of route", quoted(r.Type)), routeForm)
	case len(r.Hops) > 0 && (r.Via.IsValid() || r.Interface != "" || r.OnLink):
		c.doc.Add(key, "it has one way and several", "move `via`, `dev` and `onlink` behind a `nexthop`")
	case len(r.Hops) > maxHops:
		c.doc.Add(key, fmt.Sprintf("it has %d ways", len(r.Hops)), fmt.Sprintf("use %d at most", maxHops))
	case r.OnLink && (!r.Via.IsValid() || r.Interface == ""):
		c.doc.Add(key, "onlink needs both `via` and `dev`", "add them, or remove it")
	case r.Scope != "" && ipv6:
		c.doc.Add(key, "IPv6 has no scopes of routes", "remove `scope`")
	case r.Scope != "" && !slices.Contains([]string{"global", "site", "link", "host"}, r.Scope):
		c.doc.Add(key, fmt.Sprintf("%s is not a scope", quoted(r.Scope)), "use global, site, link or host")
	case r.Table == kernelTable:
		c.doc.Add(key, fmt.Sprintf("table %d is the kernel's own", kernelTable), "use another table")
	}
	if r.Interface != "" {
		c.addError(key, conf.CheckInterface(r.Interface))
	}
}

func (c *checker) hop(key string, r state.Route, h state.Hop) {
	switch {
	case !h.Via.IsValid() && h.Interface == "":
		c.doc.Add(key, "a way of it leads nowhere", "add `via ADDRESS` or `dev INTERFACE` after `nexthop`")
	case !h.Via.IsValid() && r.To.Addr().Is6():
		c.doc.Add(key, "a way of it has no router", "add `via ADDRESS` after `nexthop`: IPv6 shares only between routers")
	case h.OnLink && (!h.Via.IsValid() || h.Interface == ""):
		c.doc.Add(key, "onlink needs both `via` and `dev`", "add them, or remove it")
	case h.Weight > maxWeight:
		c.doc.Add(key, fmt.Sprintf("weight %d is out of range", h.Weight), fmt.Sprintf("use 1 to %d", maxWeight))
	}
	if h.Interface != "" {
		c.addError(key, conf.CheckInterface(h.Interface))
	}
}

func (c *checker) metrics(key string, r state.Route) {
	least := uint32(minMTU)
	if r.To.Addr().Is6() {
		least = 1280
	}
	for _, m := range []struct {
		word               string
		value, least, most uint32
	}{
		{"mtu", r.MTU, least, maxMTU}, {"advmss", r.AdvMSS, 1, maxMSS}, {"hoplimit", r.HopLimit, 1, 255},
		{"initcwnd", r.InitCwnd, 1, 1024}, {"initrwnd", r.InitRwnd, 1, 1024},
	} {
		if m.value != 0 && (m.value < m.least || m.value > m.most) {
			c.doc.Add(key, fmt.Sprintf("%s %d is out of range", m.word, m.value), fmt.Sprintf("use %d to %d", m.least, m.most))
		}
	}
	if r.Type != "" && r.MTU|r.AdvMSS|r.HopLimit|r.InitCwnd|r.InitRwnd != 0 {
		c.doc.Add(key, fmt.Sprintf("no connection goes by a %s route", r.Type), "remove `mtu`, `advmss`, `hoplimit`, `initcwnd` and `initrwnd`")
	}
}

// rule checks what becomes of a packet.
func (c *checker) rule(key string, r state.Rule) {
	ways := 0
	for _, is := range []bool{r.Table != 0 || r.TableName != "", r.Type != "", r.Goto != 0} {
		if is {
			ways++
		}
	}
	switch {
	case r.From.IsValid() && r.To.IsValid() && r.From.Addr().Is6() != r.To.Addr().Is6():
		c.doc.Add(key, "it has addresses of both families", "use one family in a rule")
	case ways != 1:
		c.doc.Add(key, "it does not say, in one way, what becomes of a packet", "add one of `table N`, `goto N`, nop, blackhole, unreachable and prohibit")
	case r.Type != "" && r.Type != "nop" && !slices.Contains(refusalTypes, r.Type):
		c.doc.Add(key, fmt.Sprintf("%s is not a type of rule", quoted(r.Type)), ruleForm)
	case r.Priority < minRulePriority || r.Priority > maxRulePriority:
		c.doc.Add(key, fmt.Sprintf("priority %d is out of range", r.Priority), fmt.Sprintf("add `priority N`, %d to %d; lower ones are looked at first", minRulePriority, maxRulePriority))
	case r.Goto != 0 && r.Goto <= r.Priority:
		c.doc.Add(key, fmt.Sprintf("goto %d leads back: its own priority is %d", r.Goto, r.Priority), "go on at a higher number")
	case r.SuppressPrefixLength != "" && r.Table == 0 && r.TableName == "":
		c.doc.Add(key, "suppress_prefixlength is for routes of a table, and there is none", "add `table N`, or remove it")
	}
}

// selector checks which packets a rule is for.
func (c *checker) selector(key string, r state.Rule) {
	for _, name := range []string{r.Interface, r.Out} {
		if name != "" {
			c.addError(key, conf.CheckInterface(name))
		}
	}
	for _, ports := range []struct{ word, span string }{{"sport", r.SourcePorts}, {"dport", r.Ports}} {
		if first, last := state.ParseSpan(ports.span); ports.span != "" && (first == 0 || last > maxPort) {
			c.doc.Add(key, fmt.Sprintf("%s %s is out of range", ports.word, ports.span), fmt.Sprintf("use 1 to %d", maxPort))
		}
	}
	if r.Mask != 0 && r.Mark&^r.Mask != 0 {
		c.doc.Add(key, fmt.Sprintf("fwmark %d/%d is never met", r.Mark, r.Mask), "use no bits that are not in the mask")
	}
}
