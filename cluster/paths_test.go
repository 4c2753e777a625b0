package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"vipd/cluster/state"
	"vipd/vip"
)

// fakeRouter writes down what it is told, and refuses some of it.
type fakeRouter struct {
	mu      sync.Mutex
	refuses map[string]bool // routes
	told    []string
}

func (f *fakeRouter) Set(routes []vip.Route, rules []vip.Rule) (vip.Routing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := vip.Routing{Routes: map[int]error{}}
	var list []string
	for i, r := range routes {
		text := state.Route{Type: r.Type, To: r.To, Interface: r.Interface}.String()
		if list = append(list, text); f.refuses[text] {
			out.Routes[i] = errors.New("in the way")
		}
	}
	for _, r := range rules {
		list = append(list, state.Rule{From: r.From, Table: r.Table, Priority: r.Priority}.String())
	}
	f.told = append(f.told, strings.Join(list, ", "))
	return out, nil
}

func (f *fakeRouter) last() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.told) == 0 {
		return "nothing was said"
	}
	return f.told[len(f.told)-1]
}

// Routes follow what is carried: nothing before that is known, those of the groups that are, none in the end; one that is
// refused is a problem of its group alone.
func TestRoutesFollowTheAddresses(t *testing.T) {
	view := clusterOf(t, "a")
	web := group("web", "10.0.0.1/24")
	web.Routes = []state.Route{{To: netip.MustParsePrefix("10.9.0.0/16"), Interface: "eth0"}}
	web.Rules = []state.Rule{{From: netip.MustParsePrefix("10.0.0.1/32"), Table: 100, Priority: 5}}
	db := group("db", "10.0.0.2/24")
	db.Routes = []state.Route{{To: netip.MustParsePrefix("10.8.0.0/16"), Type: "blackhole"}}
	view = grow(t, view, groups(web, db))

	var mu sync.Mutex
	var now serving
	router := &fakeRouter{refuses: map[string]bool{"10.9.0.0/16 dev eth0": true}}
	var changes signal
	p := &paths{
		log: quiet(), view: func() *state.State { return view }, changes: &changes, carrying: &changes, router: router, wake: make(chan struct{}, 1),
		serving: func() serving { mu.Lock(); defer mu.Unlock(); return now }, staying: func() bool { return false }, reported: func() {},
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	carry := func(want string, names ...string) {
		t.Helper()
		mu.Lock()
		now = serving{groups: map[string]uint64{}}
		for _, name := range names {
			now.groups[name] = 1
		}
		mu.Unlock()
		changes.raise()
		eventually(t, fmt.Sprintf("%q is said", want), func() bool { return router.last() == want })
	}
	carry("")
	carry("blackhole 10.8.0.0/16", "db")
	carry("blackhole 10.8.0.0/16, 10.9.0.0/16 dev eth0, from 10.0.0.1 table 100 priority 5", "web", "db")
	eventually(t, "a problem is told", func() bool { return len(p.lacking()) == 1 })
	diff(t, "problems", map[string]string{"web": "route 10.9.0.0/16 dev eth0: in the way"}, p.lacking())
	router.mu.Lock()
	router.refuses = nil
	router.mu.Unlock()
	eventually(t, "it was tried again", func() bool { return p.lacking() == nil })
	carry("10.9.0.0/16 dev eth0, from 10.0.0.1 table 100 priority 5", "web")
	end()
	check(t, await(t, "the end", done))
	diff(t, "at the end", "", router.last())
}
