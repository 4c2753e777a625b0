package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// route and rule are written as ip(8) takes them.
type (
	route struct{ state.Route }
	rule  struct{ state.Rule }
)

func (r route) MarshalYAML() (any, error) { return r.String(), nil }
func (r rule) MarshalYAML() (any, error)  { return r.String(), nil }

func (r *route) ParseScalar(text string) (err error) {
	r.Route, err = ParseRoute(strings.Fields(text))
	return err
}

func (r *rule) ParseScalar(text string) (err error) {
	r.Rule, err = ParseRule(strings.Fields(text))
	return err
}

// refusals of routes and rules of which no packet is.
var refusalTypes = []string{"blackhole", "unreachable", "prohibit"}

const (
	routeForm = "write it as `ip route add` takes it: [blackhole|unreachable|prohibit] PREFIX|default [via ADDRESS] [dev INTERFACE] [src ADDRESS] [table N] [metric N] [scope global|site|link|host] [onlink]"
	ruleForm  = "write it as `ip rule add` takes it: [from PREFIX] [to PREFIX] [iif INTERFACE] [fwmark N] [table N|blackhole|unreachable|prohibit] priority N"
)

// words goes through a line of words.
type words struct {
	list []string
	form string
	err  error
}

func (w *words) fail(text string, args ...any) {
	if w.err == nil {
		w.err = conf.Problem{Text: fmt.Sprintf(text, args...), Remedy: w.form}
	}
}

func (w *words) next() string {
	if len(w.list) == 0 {
		return ""
	}
	word := w.list[0]
	w.list = w.list[1:]
	return word
}

// value is the word after one that needs it.
func (w *words) value(of string) string {
	if len(w.list) == 0 {
		w.fail("%s lacks a value", of)
	}
	return w.next()
}

func (w *words) number(of string, bits int) uint32 {
	text := w.value(of)
	if of == "table" && text == "main" {
		return 0
	}
	n, err := strconv.ParseUint(text, 0, bits)
	if err != nil {
		w.fail("%s is not a number for %s", quoted(text), of)
	}
	return uint32(n)
}

func (w *words) address(of string) netip.Addr {
	text := w.value(of)
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" || ip.Is4In6() {
		w.fail("%s is not an address for %s", quoted(text), of)
		return netip.Addr{}
	}
	return ip
}

func (w *words) prefix(text string) netip.Prefix {
	p, err := netip.ParsePrefix(text)
	if ip, alone := netip.ParseAddr(text); alone == nil {
		p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	switch {
	case err != nil || p.Addr().Zone() != "" || p.Addr().Is4In6():
		w.fail("%s is not a prefix", quoted(text))
		return netip.Prefix{}
	case p != p.Masked():
		w.fail("%s has bits beyond its length; %s is the network", p, p.Masked())
	}
	return p
}

// ParseRoute reads a route in the words of `ip route add`.
func ParseRoute(list []string) (state.Route, error) {
	w := words{list: list, form: routeForm}
	var r state.Route
	to := ""
	for len(w.list) > 0 && w.err == nil {
		switch word := w.next(); word {
		case "blackhole", "unreachable", "prohibit":
			r.Type = word
		case "unicast", "to":
		case "via", "gw":
			if len(w.list) > 0 && (w.list[0] == "inet" || w.list[0] == "inet6") {
				w.next()
			}
			r.Via = w.address(word)
		case "dev", "oif":
			r.Interface = w.value(word)
		case "src":
			r.Source = w.address(word)
		case "table":
			r.Table = w.number(word, 32)
		case "metric", "priority", "preference":
			r.Metric = w.number(word, 32)
		case "scope":
			r.Scope = w.value(word)
		case "onlink":
			r.OnLink = true
		default:
			if to != "" {
				w.fail("%s is not a word of a route", quoted(word))
			}
			to = word
		}
	}
	if to == "default" {
		if to = "0.0.0.0/0"; r.Via.Is6() || r.Source.Is6() {
			to = "::/0"
		}
	}
	if r.To = w.prefix(to); r.To.Addr().Is4() && (r.Scope == "global" && r.Via.IsValid()) {
		r.Scope = ""
	}
	return r, w.err
}

// ParseRule reads a rule in the words of `ip rule add`.
func ParseRule(list []string) (state.Rule, error) {
	w := words{list: list, form: ruleForm}
	var r state.Rule
	for len(w.list) > 0 && w.err == nil {
		switch word := w.next(); word {
		case "from", "to":
			text := w.value(word)
			if text == "all" || text == "any" || text == "default" {
				continue
			}
			p := w.prefix(text)
			if r.IPv6 = r.IPv6 || p.Addr().Is6(); p.Bits() == 0 {
				continue
			}
			if word == "from" {
				r.From = p
			} else {
				r.To = p
			}
		case "iif", "dev":
			r.Interface = w.value(word)
		case "fwmark":
			r.Mark = w.number(word, 32)
		case "table", "lookup":
			if len(w.list) > 0 && w.list[0] == "main" {
				w.list[0] = "254"
			}
			r.Table = w.number("table of a rule", 32)
		case "blackhole", "unreachable", "prohibit":
			r.Type = word
		case "priority", "preference", "pref", "order":
			r.Priority = w.number(word, 32)
		default:
			w.fail("%s is not a word of a rule", quoted(word))
		}
	}
	return r, w.err
}

// Bounds of a rule's priority: 0 is the kernel's table of its own addresses, 32766 the main table.
const (
	minRulePriority = 1
	maxRulePriority = 32765
	maxPaths        = 1024 // of all groups
)

// paths applies the rules of a group's routes and rules.
func (c *checker) paths(path string, g *state.Group) {
	if c.pathCount += len(g.Routes) + len(g.Rules); c.pathCount > maxPaths {
		c.doc.Add(path, fmt.Sprintf("here the number of routes and rules exceeds %d", maxPaths), "use fewer")
		c.pathCount = -1 << 30 // said once
	}
	for i, r := range g.Routes {
		key := fmt.Sprintf("%s.routes[%d]", path, i)
		c.route(key, r)
		c.single(key, g.Name, fmt.Sprintf("a route to %s in table %d with metric %d", r.To, r.Table, r.Metric))
	}
	for i, r := range g.Rules {
		key := fmt.Sprintf("%s.rules[%d]", path, i)
		c.rule(key, r)
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
	switch {
	case !r.To.IsValid(): // said already
	case other(r.Via) || other(r.Source):
		c.doc.Add(key, "it has addresses of both families", "use one family in a route")
	case r.Type == "" && !r.Via.IsValid() && r.Interface == "":
		c.doc.Add(key, "it leads nowhere", "add `via ADDRESS` or `dev INTERFACE`, or begin with blackhole, unreachable or prohibit")
	case r.Type != "" && (r.Via.IsValid() || r.Interface != "" || r.OnLink):
		c.doc.Add(key, fmt.Sprintf("a %s route leads nowhere", r.Type), "remove `via`, `dev` and `onlink`")
	case r.Type != "" && !slices.Contains(refusalTypes, r.Type):
		c.doc.Add(key, fmt.Sprintf("%s is not a type of route", quoted(r.Type)), routeForm)
	case r.OnLink && (!r.Via.IsValid() || r.Interface == ""):
		c.doc.Add(key, "onlink needs both `via` and `dev`", "add them, or remove it")
	case r.Scope != "" && ipv6:
		c.doc.Add(key, "IPv6 has no scopes of routes", "remove `scope`")
	case r.Scope != "" && !slices.Contains([]string{"global", "site", "link", "host"}, r.Scope):
		c.doc.Add(key, fmt.Sprintf("%s is not a scope", quoted(r.Scope)), "use global, site, link or host")
	case r.Table == 255:
		c.doc.Add(key, "table 255 is the kernel's own", "use another table")
	}
	if r.Interface != "" {
		c.addError(key, conf.CheckInterface(r.Interface))
	}
}

func (c *checker) rule(key string, r state.Rule) {
	from, to := r.From, r.To
	switch {
	case from.IsValid() && to.IsValid() && from.Addr().Is6() != to.Addr().Is6():
		c.doc.Add(key, "it has addresses of both families", "use one family in a rule")
	case (r.Table == 0) == (r.Type == ""):
		c.doc.Add(key, "it does not say, in one way, what becomes of a packet", "add one of `table N`, blackhole, unreachable and prohibit")
	case r.Type != "" && !slices.Contains(refusalTypes, r.Type):
		c.doc.Add(key, fmt.Sprintf("%s is not a type of rule", quoted(r.Type)), ruleForm)
	case r.Priority < minRulePriority || r.Priority > maxRulePriority:
		c.doc.Add(key, fmt.Sprintf("priority %d is out of range", r.Priority), fmt.Sprintf("add `priority N`, %d to %d; lower ones are looked at first", minRulePriority, maxRulePriority))
	}
	if r.Interface != "" {
		c.addError(key, conf.CheckInterface(r.Interface))
	}
}

// lineChanges compares two lists whose elements have a text.
func lineChanges[T interface {
	comparable
	String() string
}](what string, old, new []T) []string {
	var changes []string
	for _, r := range new {
		if !slices.Contains(old, r) {
			changes = append(changes, "+ "+what+" "+r.String())
		}
	}
	for _, r := range old {
		if !slices.Contains(new, r) {
			changes = append(changes, "- "+what+" "+r.String())
		}
	}
	if len(changes) == 0 && !slices.Equal(old, new) {
		changes = append(changes, what+"s in another order")
	}
	return changes
}
