package vip

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// path is a route or a rule as the kernel describes it. It is comparable.
type path struct {
	isRule, ipv6 bool
	from, to     netip.Prefix // zero: all
	via, source  netip.Addr
	index        uint32 // of a route's interface; 0: not said
	in           string // a rule's interface
	table        uint32
	metric       uint32 // a rule's priority
	mark         uint32
	kind         uint8 // RTN_* or FR_ACT_*, whose numbers for what a Route and a Rule have in common are the same
	scope        uint8
	onlink       bool
}

func (p path) String() string {
	to := "all"
	if p.to.IsValid() {
		to = p.to.String()
	}
	if p.isRule {
		return fmt.Sprintf("rule %d to %s", p.metric, to)
	}
	return fmt.Sprintf("route to %s in table %d", to, p.table)
}

// wantedPath is a path with what it was wanted as.
type wantedPath struct {
	path
	route Route
	rule  Rule
	err   error // why it is not there
}

// pathPlan is what to do so that the marked paths are the wanted ones: everything in remove goes before anything in add.
type pathPlan struct {
	remove []path
	add    []wantedPath
	failed []wantedPath
}

func (p *pathPlan) fail(w wantedPath, err error) {
	w.err = err
	p.failed = append(p.failed, w)
}

// planPaths compares the wanted routes and rules with the marked ones that are there. It is a pure function.
func planPaths(routes []Route, rules []Rule, links map[string]Interface, have []path) pathPlan {
	var p pathPlan
	var wanted []wantedPath
	for _, r := range routes {
		w := wantedPath{path: pathOfRoute(r), route: r}
		link, ok := links[r.Interface]
		if w.index = uint32(link.Index); r.Interface != "" && !ok {
			p.fail(w, ErrNoInterface)
			continue
		}
		wanted = append(wanted, w)
	}
	for _, r := range rules {
		wanted = append(wanted, wantedPath{path: pathOfRule(r), rule: r})
	}
	for _, h := range have {
		if !slices.ContainsFunc(wanted, func(w wantedPath) bool { return w.is(h) }) {
			p.remove = append(p.remove, h)
		}
	}
	slices.SortStableFunc(p.remove, func(a, b path) int { // rules first: nothing looks in a table that is half there
		return boolean(b.isRule) - boolean(a.isRule)
	})
	for _, w := range wanted {
		if !among(have, w.path) {
			p.add = append(p.add, w)
		}
	}
	return p
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// is reports whether a path that is there is the wanted one, which may leave the interface to the kernel.
func (p path) is(there path) bool {
	if p.index == 0 {
		there.index = 0
	}
	return p == there
}

func among(have []path, wanted path) bool { return slices.ContainsFunc(have, wanted.is) }

func (p pathPlan) requests() []*nl.NetlinkRequest {
	var requests []*nl.NetlinkRequest
	for _, gone := range p.remove {
		requests = append(requests, gone.request(unix.RTM_DELROUTE, unix.RTM_DELRULE, 0))
	}
	for _, w := range p.add {
		requests = append(requests, w.request(unix.RTM_NEWROUTE, unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL))
	}
	return requests
}

// kinds are the types of a Route and a Rule; both may be without.
var kinds = map[string]uint8{"": unix.RTN_UNICAST, "blackhole": unix.RTN_BLACKHOLE, "unreachable": unix.RTN_UNREACHABLE, "prohibit": unix.RTN_PROHIBIT}

// ipv6Metric is what the kernel makes of no metric (IP6_RT_PRIO_USER).
const ipv6Metric = 1024

func pathOfRoute(r Route) path {
	p := path{
		ipv6: r.To.Addr().Is6(), to: r.To.Masked(), via: r.Via, source: r.Source, table: r.Table, metric: r.Metric,
		kind: kinds[r.Type], onlink: r.OnLink,
	}
	if p.table == 0 {
		p.table = unix.RT_TABLE_MAIN
	}
	switch {
	case p.ipv6 && p.metric == 0:
		p.metric = ipv6Metric
	case p.ipv6:
	case r.Scope != "":
		p.scope = scopes[r.Scope]
	case r.Type == "" && !r.Via.IsValid():
		p.scope = unix.RT_SCOPE_LINK
	}
	return p
}

func pathOfRule(r Rule) path {
	p := path{isRule: true, ipv6: r.IPv6, in: r.Interface, table: r.Table, metric: r.Priority, mark: r.Mark, kind: kinds[r.Type]}
	if r.From.IsValid() && r.From.Bits() > 0 {
		p.from = r.From.Masked()
	}
	if r.To.IsValid() && r.To.Bits() > 0 {
		p.to = r.To.Masked()
	}
	return p
}
