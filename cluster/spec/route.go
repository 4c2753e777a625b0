package spec

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

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

// refusalTypes are those of routes and rules with which a packet is not sent.
var refusalTypes = []string{"blackhole", "unreachable", "prohibit"}

const (
	routeForm = "write it as `ip route add` takes it: [blackhole|unreachable|prohibit|throw] PREFIX|default [via ADDRESS] [dev INTERFACE] [src ADDRESS] [table N|NAME] [metric N] [scope global|site|link|host] [onlink] [mtu [lock] N] [advmss N] [hoplimit N] [initcwnd N] [initrwnd N] [nexthop [via ADDRESS] [dev INTERFACE] [weight N] [onlink]]..."
	ruleForm  = "write it as `ip rule add` takes it: [not] [from PREFIX] [to PREFIX] [iif INTERFACE] [oif INTERFACE] [fwmark N[/MASK]] [ipproto NAME|N] [sport N[-M]] [dport N[-M]] [uidrange N-M] [table N|NAME [suppress_prefixlength N]|goto N|nop|blackhole|unreachable|prohibit] priority N"
)

// tableName is what a line of /etc/iproute2/rt_tables can name.
var tableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.-]{0,31}$`)

// reserved are the tables that every host has by the same names.
var reserved = map[string]uint32{"default": 253, "main": 254, "local": kernelTable}

// kernelTable is that of the kernel's own addresses.
const kernelTable = 255

// table is a number, or a name that the node which has the group knows.
func (w *words) table(of string) (uint32, string) {
	text := w.value(of)
	if n, ok := reserved[text]; ok {
		return n, ""
	}
	n, err := strconv.ParseUint(text, 0, 32)
	if err != nil && tableName.MatchString(text) {
		return 0, text
	}
	if err != nil {
		w.fail("%s is not a number or a name for %s", quoted(text), of)
	}
	return uint32(n), ""
}

// ParseRoute reads a route in the words of `ip route add`.
func ParseRoute(list []string) (state.Route, error) {
	w := words{list: list, form: routeForm}
	var r state.Route
	to := ""
	for len(w.list) > 0 && w.err == nil {
		switch word := w.next(); word {
		case "blackhole", "unreachable", "prohibit", "throw":
			r.Type = word
		case "unicast", "to":
		case "via", "gw":
			r.Via = w.gateway(word)
		case "dev", "oif":
			r.Interface = w.value(word)
		case "src":
			r.Source = w.address(word)
		case "table":
			if r.Table, r.TableName = w.table(word); r.Table == reserved["main"] {
				r.Table = 0
			}
		case "metric", "priority", "preference":
			r.Metric = w.number(word, 32)
		case "scope":
			r.Scope = w.value(word)
		case "onlink":
			r.OnLink = true
		case "nexthop":
			r.Hops = append(r.Hops, w.hop())
		default:
			switch {
			case w.routeMetric(word, &r):
			case to != "":
				w.fail("%s is not a word of a route", quoted(word))
			default:
				to = word
			}
		}
	}
	if len(r.Hops) == 1 && !r.Via.IsValid() && r.Interface == "" { // as the kernel has it
		r.Via, r.Interface, r.OnLink, r.Hops = r.Hops[0].Via, r.Hops[0].Interface, r.Hops[0].OnLink, nil
	}
	ipv6 := r.Via.Is6() || r.Source.Is6() || len(r.Hops) > 0 && r.Hops[0].Via.Is6()
	if to == "default" {
		if to = "0.0.0.0/0"; ipv6 {
			to = "::/0"
		}
	}
	if r.To = w.prefix(to); r.To.Addr().Is4() && (r.Scope == "global" && (r.Via.IsValid() || len(r.Hops) > 0)) {
		r.Scope = ""
	}
	return r, w.err
}

// gateway is an address, which may say its family first.
func (w *words) gateway(of string) netip.Addr {
	if len(w.list) > 0 && (w.list[0] == "inet" || w.list[0] == "inet6") {
		w.next()
	}
	return w.address(of)
}

// hop is one of several ways: the words until something else comes.
func (w *words) hop() (h state.Hop) {
	for len(w.list) > 0 && w.err == nil {
		switch w.list[0] {
		case "via", "gw":
			h.Via = w.gateway(w.next())
		case "dev", "oif":
			h.Interface = w.value(w.next())
		case "weight":
			h.Weight = w.number(w.next(), 32)
			if h.Weight == 0 {
				w.fail("weight 0 is out of range 1 to 256")
			}
			if h.Weight == 1 {
				h.Weight = 0
			}
		case "onlink":
			w.next()
			h.OnLink = true
		default:
			return h
		}
	}
	return h
}

// routeMetric reads what a route tells connections of itself, if the word says so.
func (w *words) routeMetric(word string, r *state.Route) bool {
	to := map[string]*uint32{"mtu": &r.MTU, "advmss": &r.AdvMSS, "hoplimit": &r.HopLimit, "initcwnd": &r.InitCwnd, "initrwnd": &r.InitRwnd}[word]
	if to == nil {
		return false
	}
	if word == "mtu" && len(w.list) > 0 && w.list[0] == "lock" {
		w.next()
		r.MTULock = true
	}
	if *to = w.number(word, 32); *to == 0 {
		w.fail("%s 0 says nothing", word)
	}
	return true
}

// ParseRule reads a rule in the words of `ip rule add`.
func ParseRule(list []string) (state.Rule, error) {
	w := words{list: list, form: ruleForm}
	var r state.Rule
	for len(w.list) > 0 && w.err == nil {
		switch word := w.next(); word {
		case "not":
			r.Not = true
		case "from", "to":
			w.end(word, &r)
		case "iif", "dev":
			r.Interface = w.value(word)
		case "oif":
			r.Out = w.value(word)
		case "fwmark":
			r.Mark, r.Mask = w.mark(word)
		case "ipproto":
			r.Protocol = w.protocol(word)
		case "sport":
			r.SourcePorts = w.span(word, 16)
		case "dport":
			r.Ports = w.span(word, 16)
		case "uidrange":
			r.UIDs = w.span(word, 32)
		case "table", "lookup":
			r.Table, r.TableName = w.table("table of a rule")
		case "suppress_prefixlength", "sup_pl":
			r.SuppressPrefixLength = strconv.FormatUint(uint64(w.number(word, 8)), 10)
		case "goto":
			r.Goto = w.number(word, 32)
		case "blackhole", "unreachable", "prohibit", "nop":
			r.Type = word
		case "priority", "preference", "pref", "order":
			r.Priority = w.number(word, 32)
		default:
			w.fail("%s is not a word of a rule", quoted(word))
		}
	}
	return r, w.err
}

// end is the source or the destination of a rule's packets.
func (w *words) end(word string, r *state.Rule) {
	text := w.value(word)
	if text == "all" || text == "any" || text == "default" {
		return
	}
	p := w.prefix(text)
	r.IPv6 = r.IPv6 || p.Addr().Is6()
	switch {
	case p.Bits() == 0:
	case word == "from":
		r.From = p
	default:
		r.To = p
	}
}

// lineChanges compares two lists of what is written on a line.
func lineChanges[T interface{ String() string }](what string, old, new []T) []string {
	texts := func(list []T) (all []string) {
		for _, r := range list {
			all = append(all, r.String())
		}
		return all
	}
	before, after := texts(old), texts(new)
	var changes []string
	for _, r := range after {
		if !slices.Contains(before, r) {
			changes = append(changes, "+ "+what+" "+r)
		}
	}
	for _, r := range before {
		if !slices.Contains(after, r) {
			changes = append(changes, "- "+what+" "+r)
		}
	}
	if len(changes) == 0 && slices.Compare(before, after) != 0 {
		changes = append(changes, what+"s in another order")
	}
	return changes
}

// tableText is a table as it is written.
func tableText(number uint32, name string) string {
	return cmp.Or(name, strconv.FormatUint(uint64(number), 10))
}
