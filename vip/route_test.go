package vip

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"vipd/vip/internal/nstest"
)

// openRouter returns a Router in a fresh namespace where eth0 has 10.0.0.1/24 and fd00::1/64.
func openRouter(t *testing.T) *Router {
	t.Helper()
	nstest.Enter(t)
	nstest.Veth(t, "eth0", "eth1")
	nstest.IP(t, "address add 10.0.0.1/24 dev eth0")
	nstest.IP(t, "address add fd00::1/64 dev eth0 nodad")
	return anotherRouter(t)
}

func anotherRouter(t *testing.T) *Router {
	t.Helper()
	r, err := OpenRouter()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return r
}

func setPaths(t *testing.T, r *Router, routes []Route, rules []Rule) Routing {
	t.Helper()
	out, err := r.Set(routes, rules)
	if err != nil {
		t.Fatalf("set: %v", err)
	}
	return out
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }
func addr(text string) netip.Addr     { return netip.MustParseAddr(text) }

// ourRoutes and ourRules are what ip(8) says of those with the mark.
func ourRoutes(t *testing.T, family string) string {
	t.Helper()
	return words(nstest.IP(t, family+" route show table all proto 118"))
}

func ourRules(t *testing.T, family string) string {
	t.Helper()
	var ours []string // its own filter by protocol is without effect in some versions
	for line := range strings.Lines(words(nstest.IP(t, family+" rule show"))) {
		if line = strings.TrimSpace(line); strings.Contains(line, " proto 118") {
			ours = append(ours, line)
		}
	}
	return strings.Join(ours, "\n")
}

// words is text with single blanks, and lines that end in one.
func words(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// sortedLines is for the ways of a route, whose order is the kernel's.
func sortedLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Each shape is added as ip(8) describes it, found again so that nothing is to do, and removed.
func TestRouteShapes(t *testing.T) {
	r := openRouter(t)
	for _, tt := range []struct {
		route        Route
		family, want string
	}{
		{Route{To: prefix("0.0.0.0/0"), Via: addr("10.0.0.254")}, "-4", "default via 10.0.0.254 dev eth0"},
		{Route{To: prefix("10.9.0.0/16"), Via: addr("10.0.0.254"), Interface: "eth0", Source: addr("10.0.0.1"), Table: 100, Metric: 50}, "-4", "10.9.0.0/16 via 10.0.0.254 dev eth0 table 100 src 10.0.0.1 metric 50"},
		{Route{To: prefix("10.9.0.0/16"), Interface: "eth0", Table: 70000}, "-4", "10.9.0.0/16 dev eth0 table 70000 scope link"},
		{Route{To: prefix("10.9.0.0/16"), Interface: "eth0", Scope: "global"}, "-4", "10.9.0.0/16 dev eth0"},
		{Route{To: prefix("10.9.0.0/16"), Via: addr("192.0.2.1"), Interface: "eth0", OnLink: true}, "-4", "10.9.0.0/16 via 192.0.2.1 dev eth0 onlink"},
		{Route{To: prefix("10.9.0.0/16"), Type: "blackhole"}, "-4", "blackhole 10.9.0.0/16"},
		{Route{To: prefix("10.9.0.1/32"), Type: "prohibit", Metric: 7}, "-4", "prohibit 10.9.0.1 metric 7"},
		{Route{To: prefix("::/0"), Via: addr("fd00::fe")}, "-6", "default via fd00::fe dev eth0 metric 1024 pref medium"},
		{Route{To: prefix("fd01::/64"), Interface: "eth0", Source: addr("fd00::1"), Metric: 9, Table: 100}, "-6", "fd01::/64 dev eth0 table 100 src fd00::1 metric 9 pref medium"},
		{Route{To: prefix("10.9.0.0/16"), Type: "throw", Table: 100}, "-4", "throw 10.9.0.0/16 table 100"},
		{Route{To: prefix("10.9.0.0/16"), Via: addr("10.0.0.254"), MTU: 1400, AdvMSS: 1300, InitCwnd: 20, InitRwnd: 30, HopLimit: 9}, "-4", "10.9.0.0/16 via 10.0.0.254 dev eth0 mtu 1400 advmss 1300 hoplimit 9 initcwnd 20 initrwnd 30"},
		{Route{To: prefix("10.9.0.0/16"), Interface: "eth0", MTU: 1400, MTULock: true}, "-4", "10.9.0.0/16 dev eth0 scope link mtu lock 1400"},
		{Route{To: prefix("fd01::/64"), Via: addr("fd00::fe"), MTU: 1400, AdvMSS: 1300}, "-6", "fd01::/64 via fd00::fe dev eth0 metric 1024 mtu 1400 advmss 1300 pref medium"},
		{Route{To: prefix("0.0.0.0/0"), Table: 100, Hops: []Hop{{Via: addr("10.0.0.254"), Weight: 2}, {Via: addr("10.0.0.253"), Interface: "eth0"}, {Interface: "eth1", Weight: 256}}}, "-4", "default table 100\nnexthop via 10.0.0.254 dev eth0 weight 2\nnexthop dev eth1 weight 256\nnexthop via 10.0.0.253 dev eth0 weight 1"},
		{Route{To: prefix("fd01::/64"), Hops: []Hop{{Via: addr("fd00::fe"), Weight: 3}, {Via: addr("fd00::fd")}}}, "-6", "fd01::/64 metric 1024 pref medium\nnexthop via fd00::fe dev eth0 weight 3\nnexthop via fd00::fd dev eth0 weight 1"},
		{Route{To: prefix("fd01::/64"), Type: "unreachable"}, "-6", "unreachable fd01::/64 dev lo metric 1024 pref medium"},
	} {
		// No subtest: its goroutine would be in another namespace.
		nstest.IP(t, "link set eth1 up")
		if out := setPaths(t, r, []Route{tt.route}, nil); out.Added != 1 || len(out.Routes) > 0 || out.Stuck != nil {
			t.Fatalf("%s: added: %+v", tt.want, out)
		}
		got := strings.ReplaceAll(strings.ReplaceAll(ourRoutes(t, tt.family), "proto 118 ", ""), " proto 118", "")
		if sortedLines(got) != sortedLines(tt.want) {
			t.Errorf("ip says %q, want %q", got, tt.want)
		}
		if out := setPaths(t, r, []Route{tt.route}, nil); out.Added+out.Removed != 0 || len(out.Routes) > 0 {
			t.Errorf("%s: again: %+v", tt.want, out)
		}
		if out := setPaths(t, r, nil, nil); out.Removed != 1 || out.Stuck != nil {
			t.Errorf("%s: removed: %+v", tt.want, out)
		}
		if got := ourRoutes(t, tt.family); got != "" {
			t.Errorf("left: %s", got)
		}
	}
}

func TestRuleShapes(t *testing.T) {
	r := openRouter(t)
	for _, tt := range []struct {
		rule         Rule
		family, want string
	}{
		{Rule{From: prefix("10.0.0.5/32"), Table: 100, Priority: 500}, "-4", "500: from 10.0.0.5 lookup 100"},
		{Rule{From: prefix("10.0.0.0/24"), To: prefix("10.9.0.0/16"), Interface: "eth0", Mark: 7, Table: 70000, Priority: 501}, "-4", "501: from 10.0.0.0/24 to 10.9.0.0/16 fwmark 0x7 iif eth0 lookup 70000"},
		{Rule{To: prefix("10.9.0.0/16"), Type: "prohibit", Priority: 502}, "-4", "502: from all to 10.9.0.0/16 prohibit"},
		{Rule{IPv6: true, From: prefix("fd00::5/128"), Table: 100, Priority: 500}, "-6", "500: from fd00::5 lookup 100"},
		{Rule{Not: true, From: prefix("10.0.0.0/24"), Out: "eth1", Mark: 16, Mask: 0xf0, Table: 100, Priority: 503}, "-4", "503: not from 10.0.0.0/24 fwmark 0x10/0xf0 oif eth1 lookup 100"},
		{Rule{Protocol: 6, SourcePorts: &Span{1024, 2048}, Ports: &Span{443, 443}, UIDs: &Span{0, 99}, Table: 100, Priority: 504}, "-4", "504: from all uidrange 0-99 ipproto tcp sport 1024-2048 dport 443 lookup 100"},
		{Rule{Table: 254, SuppressPrefix: new(uint32), Priority: 505}, "-4", "505: from all lookup main suppress_prefixlength 0"},
		{Rule{From: prefix("10.0.0.5/32"), Goto: 600, Priority: 506}, "-4", "506: from 10.0.0.5 goto 600 [unresolved]"},
		{Rule{Type: "nop", Priority: 600}, "-4", "600: from all nop"},
		{Rule{IPv6: true, Protocol: 17, Ports: &Span{53, 53}, UIDs: &Span{0, 0}, Table: 100, Priority: 504}, "-6", "504: from all uidrange 0-0 ipproto udp dport 53 lookup 100"},
	} {
		// No subtest: its goroutine would be in another namespace.
		if out := setPaths(t, r, nil, []Rule{tt.rule}); out.Added != 1 || len(out.Rules) > 0 || out.Stuck != nil {
			t.Fatalf("%s: added: %+v", tt.want, out)
		}
		if got := strings.ReplaceAll(ourRules(t, tt.family), " proto 118", ""); got != tt.want {
			t.Errorf("ip says %q, want %q", got, tt.want)
		}
		if out := setPaths(t, r, nil, []Rule{tt.rule}); out.Added+out.Removed != 0 {
			t.Errorf("%s: again: %+v", tt.want, out)
		}
		if out := setPaths(t, r, nil, nil); out.Removed != 1 || out.Stuck != nil {
			t.Errorf("%s: removed: %+v", tt.want, out)
		}
		if got := ourRules(t, tt.family); got != "" {
			t.Errorf("left: %s", got)
		}
	}
}

// What others added stays as it is, also where it stands in the way, and the rest is added all the same.
func TestForeignRoutesStay(t *testing.T) {
	r := openRouter(t)
	nstest.IP(t, "route add 10.9.0.0/16 via 10.0.0.253 proto static")
	nstest.IP(t, "rule add from 10.0.0.9 table 100 priority 900")
	inTheWay, free := Route{To: prefix("10.9.0.0/16"), Via: addr("10.0.0.254")}, Route{To: prefix("10.8.0.0/16"), Via: addr("10.0.0.254")}
	absent := Route{To: prefix("10.7.0.0/16"), Interface: "eth7"}
	nowhere := Route{To: prefix("10.6.0.0/16"), Via: addr("192.0.2.1")}
	out := setPaths(t, r, []Route{inTheWay, absent, nowhere, free}, nil)
	if !errors.Is(out.Routes[0], ErrForeign) || !errors.Is(out.Routes[1], ErrNoInterface) || out.Routes[2] == nil || len(out.Routes) != 3 || out.Added != 1 {
		t.Errorf("%+v", out)
	}
	setPaths(t, r, nil, nil)
	for _, want := range []string{"10.9.0.0/16 via 10.0.0.253"} {
		if got := nstest.IP(t, "route show"); !strings.Contains(got, want) || strings.Contains(got, "10.8.0.0") {
			t.Errorf("no %q alone in\n%s", want, got)
		}
	}
	if got := nstest.IP(t, "rule show"); !strings.Contains(got, "from 10.0.0.9") {
		t.Errorf("the rule of others is gone:\n%s", got)
	}
}

// A daemon that was killed leaves what its successor finds, keeps as far as it is wanted, and removes as far as not.
func TestLeftoverRoutes(t *testing.T) {
	stays, goes := Route{To: prefix("10.9.0.0/16"), Via: addr("10.0.0.254")}, Route{To: prefix("10.8.0.0/16"), Via: addr("10.0.0.254")}
	rule := Rule{From: prefix("10.0.0.5/32"), Table: 100, Priority: 500}
	setPaths(t, openRouter(t), []Route{stays, goes}, []Rule{rule})
	if out := setPaths(t, anotherRouter(t), []Route{stays}, nil); out.Removed != 2 || out.Added != 0 {
		t.Errorf("%+v", out)
	}
	if got := ourRoutes(t, "-4") + ourRules(t, "-4"); !strings.HasPrefix(got, "10.9.0.0/16 via 10.0.0.254") || strings.Contains(got, "\n") {
		t.Errorf("there is\n%s", got)
	}
}

// A route that changes is another one: the old one goes first.
func TestRouteChanges(t *testing.T) {
	r := openRouter(t)
	old, changed := Route{To: prefix("10.9.0.0/16"), Via: addr("10.0.0.254")}, Route{To: prefix("10.9.0.0/16"), Via: addr("10.0.0.253")}
	setPaths(t, r, []Route{old}, nil)
	if out := setPaths(t, r, []Route{changed}, nil); out.Removed != 1 || out.Added != 1 || len(out.Routes) > 0 {
		t.Errorf("%+v", out)
	}
}
