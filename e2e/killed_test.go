package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// More rounds than the few of each run are for who looks for faults: -killed.rounds=40 -killed.seed=7.
var (
	killedRounds = flag.Int("killed.rounds", 0, "change the members so often, and kill a daemon each time; 0: a few")
	killedSeed   = flag.Uint64("killed.seed", 1, "what is drawn in these rounds")
	killedOnly   = flag.String("killed.only", "", "the changes that are drawn, separated by commas; empty: all")
)

// againLimit is for a command that was cut off, until it has succeeded: a node that lost its epoch votes no sooner than
// after ten seconds.
const againLimit = 60 * time.Second

// tour is a cluster whose members change, over and over, while daemons are killed.
type tour struct {
	*scene
	watch *watch // nil: nobody is
	rand  *rand.Rand
	// wanted are the members that there should be, by what they should be.
	wanted map[string]state.Role
	limit  int             // of voters; 0: as usual
	keeps  int             // that many members are needed for one to go
	moved  map[string]bool // those that listen on their second address
}

// change is one of the ways in which members change.
type change struct {
	name string
	// lasts is about how long it takes: the kill strikes within that.
	lasts time.Duration
	// fewer says that it takes a vote away, so that a further death may cost the majority.
	fewer bool
	// pick chooses the node that changes, and does what comes before the command. Nil: it makes no sense now.
	pick func(*tour) *harness.Node
	// via chooses where the command is given; nil: on the node that changes.
	via func(*tour, *harness.Node) *harness.Node
	// begin makes the command; it is given again after it was cut off.
	begin func(*tour, *harness.Node, *harness.Node) func(context.Context) error
	// after says in wanted what should be so then.
	after func(*tour, *harness.Node)
}

// round draws a change, has it cut off by kill -9, starts what was killed, and gives the command again.
func (u *tour) round(c change) {
	u.Helper()
	holder := ""
	if u.watch != nil {
		holder = u.holder("web").Name
	}
	n := c.pick(u)
	if n == nil {
		return
	}
	via := n
	if c.via != nil {
		via = c.via(u, n)
	}
	do := c.begin(u, n, via)
	whom, victim := u.victim(n, via)
	r := u.rand.Float64()
	moment := time.Duration(r * r * float64(c.lasts)) // more often early, for some machines are fast
	u.step("%s of %s, by a command on %s; %s, %s, is killed after %v", c.name, n, via, victim, whom, moment.Round(time.Millisecond))
	voters, at := u.voters(), time.Now()
	first := make(chan error, 1)
	go func() { first <- do(u.within(againLimit)) }()
	<-time.After(moment)
	u.must(victim.Kill())
	u.must(victim.Start(u.wait()))
	u.again(c, do, <-first)
	c.after(u, n)
	u.settled()
	u.step("%s of %s is done after %.1f s", c.name, n, time.Since(at).Seconds())
	if least := min(voters, u.voters()); u.watch != nil && least > 2 && (voters > 3 || !c.fewer) {
		longest := u.watch.shorter(web4, at, failoverLimit)
		if holder != victim.Name && holder != n.Name && longest > undisturbed {
			u.Logf("NOTE: the holder was none of those, and %s was silent for %v", web4, longest)
		}
	}
}

// victim draws whom the kill is for.
func (u *tour) victim(n, via *harness.Node) (whom string, victim *harness.Node) {
	switch pick := u.rand.IntN(3); {
	case pick == 0 && len(u.wanted) > 0:
		ctx, cancel := context.WithTimeout(u.Context(), 5*time.Second)
		defer cancel()
		if leader, err := u.Leader(ctx); err == nil {
			return "the leader", leader
		}
		fallthrough
	case pick == 1 && n.Running():
		return "which changes", n
	}
	return "where the command is given", via
}

// again gives a command that was cut off once more, as often as it takes.
func (u *tour) again(c change, do func(context.Context) error, err error) {
	u.Helper()
	u.Logf("first: %v", err)
	end, said := time.Now().Add(againLimit), ""
	for err = do(u.within(againLimit)); err != nil; err = do(u.within(againLimit)) {
		if err.Error() != said {
			said = err.Error()
			u.Logf("again: %v", err)
		}
		if time.Now().After(end) {
			u.Fatalf("%s never succeeds: %v", c.name, err)
		}
		<-time.After(300 * time.Millisecond) // as people do
	}
}

func (u *tour) step(format string, args ...any) {
	u.Helper()
	if u.watch != nil {
		u.watch.step(format, args...)
	} else {
		u.Logf(format, args...)
	}
}

// members are the nodes that are members, in order; others those that are none.
func (u *tour) members() (members, others []*harness.Node) {
	for _, n := range u.Nodes {
		if _, is := u.wanted[n.Name]; is {
			members = append(members, n)
		} else {
			others = append(others, n)
		}
	}
	return members, others
}

// any draws one of some nodes; nil if there is none.
func (u *tour) any(nodes []*harness.Node) *harness.Node {
	if len(nodes) == 0 {
		return nil
	}
	return nodes[u.rand.IntN(len(nodes))]
}

// another draws a member other than a node.
func (u *tour) another(n *harness.Node) *harness.Node {
	members, _ := u.members()
	return u.any(slices.DeleteFunc(members, func(m *harness.Node) bool { return m == n }))
}

// voters is how many vote, by the model.
func (u *tour) voters() int {
	able := 0
	for _, role := range u.wanted {
		if role != state.Learner {
			able++
		}
	}
	return wantedVoters(able, u.limit)
}

// draw chooses one of the changes, or one that is asked for.
func (u *tour) draw(all []change) change {
	if only := strings.Split(*killedOnly, ","); *killedOnly != "" {
		some := slices.DeleteFunc(slices.Clone(all), func(c change) bool { return !slices.Contains(only, c.name) })
		if len(some) > 0 && u.rand.IntN(3) > 0 {
			return some[u.rand.IntN(len(some))]
		}
	}
	return all[u.rand.IntN(len(all))]
}

// A cluster of one is founded, gets what another one served, and is dissolved; a daemon is killed within each.
func TestKilledWhileFounded(t *testing.T) {
	u := &tour{scene: &scene{t, harness.New(t, harness.Options{Nodes: 1, Apart: true})}, wanted: map[string]state.Role{}}
	u.rand = rand.New(rand.NewPCG(*killedSeed, 1))
	rounds := *killedRounds
	if rounds == 0 {
		rounds = 1
	}
	for range rounds {
		for _, c := range alone {
			u.round(c)
		}
	}
}

// A cluster grows from one node to three, and shrinks, while a death may cost the majority until the next start.
func TestKilledWhileFew(t *testing.T) {
	if *killedRounds == 0 {
		t.Skip("-killed.rounds says how many")
	}
	u := &tour{scene: &scene{t, harness.New(t, harness.Options{Nodes: 3, Apart: true})}, wanted: map[string]state.Role{}, keeps: 2}
	u.rand = rand.New(rand.NewPCG(*killedSeed, 2))
	_, err := u.Nodes[0].Client.Init(u.wait(), api.InitRequest{})
	u.must(err)
	u.apply(web)
	u.wanted["node1"] = state.Auto
	for range *killedRounds {
		u.round(changeNamed("join"))
		u.round(changeNamed("join"))
		u.round(changeNamed([]string{"leave", "remove", "secret rotate", "restore", "recover", "rejoin of one that was wiped"}[u.rand.IntN(6)]))
		for len(u.wanted) > 1 {
			u.round(changeNamed("leave"))
		}
	}
}

func changeNamed(name string) change {
	return together[slices.IndexFunc(together, func(c change) bool { return c.name == name })]
}

// Members come, go and become something else; a daemon is killed within each change.
func TestKilledWhileMembersChange(t *testing.T) {
	rounds := *killedRounds
	if rounds == 0 {
		t.Skip("-killed.rounds says how many")
	}
	u := &tour{scene: &scene{t, harness.New(t, harness.Options{Nodes: 5})}, wanted: map[string]state.Role{}, moved: map[string]bool{}, keeps: 4}
	u.rand = rand.New(rand.NewPCG(*killedSeed, 0))
	for _, n := range u.Nodes {
		u.wanted[n.Name] = state.Auto
		u.ip(n, "addr", "add", second(n)+"/24", "dev", "eth0")
	}
	u.apply(web, harness.Group("db", "10.9.0.60"))
	u.watch = u.scene.watch(web4)
	u.settled()
	for range rounds {
		u.round(u.draw(together))
	}
	t.Logf("at the end: %v", slices.Sorted(maps.Keys(u.wanted)))
}

// settled waits until status tells the truth on every node, and the truth is as it should be.
func (u *tour) settled() {
	u.Helper()
	ctx := u.within(againLimit)
	u.must(harness.Await(ctx, fmt.Sprintf("status tells what is wanted, %v (limit %d)", u.wanted, u.limit), func(ctx context.Context) error {
		return u.truth(ctx)
	}))
}
