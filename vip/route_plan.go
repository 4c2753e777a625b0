package vip

import (
	"cmp"
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
	in, out      string // a rule's interfaces
	table        uint32
	metric       uint32 // a rule's priority
	mark         uint32
	kind         uint8 // RTN_* or FR_ACT_*, whose numbers for what a Route and a Rule have in common are the same
	scope        uint8
	onlink       bool

	hops    [MaxHops]hop // in the order of compare; zero beyond the last
	metrics [unix.RTAX_MAX + 1]uint32

	mask, target  uint32 // of mark; of a goto
	not           bool
	protocol      uint8
	sports, ports Span // 0: any
	uids          Span // anyone: any
	suppress      uint32
}

// hop is one of several ways of a route.
type hop struct {
	via    netip.Addr
	index  uint32
	more   uint8 // weight beyond 1
	onlink bool
}

func (h hop) compare(o hop) int {
	return cmp.Or(o.via.Compare(h.via), cmp.Compare(o.more, h.more), cmp.Compare(o.index, h.index)) // zero hops come last
}

// What the kernel says of a rule that is for every user, and that suppresses no route.
var anyone = Span{0, 1<<32 - 1}

const suppressNone = 1<<32 - 1

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
	position int   // in what was wanted
	err      error // why it is not there
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
	for i, r := range routes {
		w := wantedPath{path: pathOfRoute(r), position: i}
		if err := w.resolve(r, links); err != nil {
			p.fail(w, err)
			continue
		}
		wanted = append(wanted, w)
	}
	for i, r := range rules {
		wanted = append(wanted, wantedPath{path: pathOfRule(r), position: i})
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
	for i := range p.hops {
		if p.hops[i].index == 0 {
			there.hops[i].index = 0
		}
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
var kinds = map[string]uint8{"": unix.RTN_UNICAST, "blackhole": unix.RTN_BLACKHOLE, "unreachable": unix.RTN_UNREACHABLE, "prohibit": unix.RTN_PROHIBIT, "throw": unix.RTN_THROW, "nop": unix.FR_ACT_NOP}

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
	p.metrics = [unix.RTAX_MAX + 1]uint32{
		unix.RTAX_MTU: r.MTU, unix.RTAX_ADVMSS: r.AdvMSS, unix.RTAX_HOPLIMIT: r.HopLimit,
		unix.RTAX_INITCWND: r.InitCwnd, unix.RTAX_INITRWND: r.InitRwnd,
	}
	if r.MTULock {
		p.metrics[unix.RTAX_LOCK] = 1 << unix.RTAX_MTU
	}
	switch {
	case p.ipv6 && p.metric == 0:
		p.metric = ipv6Metric
	case p.ipv6:
	case r.Scope != "":
		p.scope = scopes[r.Scope]
	case r.Type == "" && !r.Via.IsValid() && len(r.Hops) == 0:
		p.scope = unix.RT_SCOPE_LINK
	}
	return p
}

// resolve fills in the interfaces.
func (p *path) resolve(r Route, links map[string]Interface) error {
	index := func(name string) (uint32, error) {
		link, ok := links[name]
		if name != "" && !ok {
			return 0, ErrNoInterface
		}
		return uint32(link.Index), nil
	}
	var err error
	if p.index, err = index(r.Interface); err != nil {
		return err
	}
	if len(r.Hops) > MaxHops {
		return fmt.Errorf("%w: it has %d ways", ErrInvalid, len(r.Hops))
	}
	for i, h := range r.Hops {
		p.hops[i] = hop{via: h.Via, more: uint8(max(h.Weight, 1) - 1), onlink: h.OnLink}
		if p.hops[i].index, err = index(h.Interface); err != nil {
			return err
		}
	}
	slices.SortFunc(p.hops[:], hop.compare)
	return nil
}

func pathOfRule(r Rule) path {
	p := path{
		isRule: true, ipv6: r.IPv6, not: r.Not, in: r.Interface, out: r.Out, mark: r.Mark, mask: r.Mask, protocol: r.Protocol,
		table: r.Table, metric: r.Priority, kind: kinds[r.Type], target: r.Goto, uids: anyone, suppress: suppressNone,
	}
	if p.mark != 0 && p.mask == 0 {
		p.mask = 1<<32 - 1 // what the kernel makes of none
	}
	if r.Goto != 0 {
		p.kind = unix.FR_ACT_GOTO
	}
	for to, span := range map[*Span]*Span{&p.sports: r.SourcePorts, &p.ports: r.Ports, &p.uids: r.UIDs} {
		if span != nil {
			*to = *span
		}
	}
	if r.SuppressPrefix != nil {
		p.suppress = *r.SuppressPrefix
	}
	if r.From.IsValid() && r.From.Bits() > 0 {
		p.from = r.From.Masked()
	}
	if r.To.IsValid() && r.To.Bits() > 0 {
		p.to = r.To.Masked()
	}
	return p
}
