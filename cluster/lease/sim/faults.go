package sim

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"vipd/cluster/state"
)

const (
	warmUp   = 600 * time.Millisecond // until the first fault
	patience = 8 * time.Second        // after the last fault, to find a holder for everything
)

// profiles are as tight as can be: no margin is smaller than the first and the last have.
var profiles = []state.Profile{
	{Name: "short", Renew: 20 * time.Millisecond, Lease: 100 * time.Millisecond, Margin: state.MinMargin},
	state.LAN,
	{Name: "long", Renew: 100 * time.Millisecond, Lease: 600 * time.Millisecond, Margin: state.MinMargin},
}

// founding is the log that every node starts with: a founded cluster, its members, groups and voters.
func (w *world) founding(voters int, profile state.Profile) []entry {
	log := []entry{{term: 1, voters: w.names[:voters]}}
	add := func(c state.Command) { log = append(log, entry{term: 1, cmd: &c}) }
	for i, name := range w.names {
		n := state.Node{Name: name, Instance: name}
		if i == 0 {
			add(state.Command{Init: &state.Init{Cluster: "sim", Profile: profile, Node: n}})
			continue
		}
		add(state.Command{Join: &state.Join{Node: n}})
	}
	add(state.Command{SetGroups: &state.SetGroups{Groups: w.spec()}})
	return log
}

// spec deals six addresses to a few groups at random.
func (w *world) spec() []state.Group {
	groups := make([]state.Group, 2+w.rng.IntN(3))
	for i := range groups {
		groups[i] = state.Group{Name: fmt.Sprintf("g%d", i), Priority: state.DefaultPriority, Preempt: w.chance(0.5)}
		groups[i].Priorities = map[string]int{w.names[w.rng.IntN(len(w.names))]: state.DefaultPriority + 1}
	}
	for i := range 6 {
		to := &groups[w.rng.IntN(len(groups))]
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24)
		to.Addresses = append(to.Addresses, state.Address{Prefix: p})
	}
	return slices.DeleteFunc(groups, func(g state.Group) bool { return len(g.Addresses) == 0 })
}

// randomFaults schedules faults of all kinds, often on top of a scene, then their end.
func randomFaults(w *world) time.Duration {
	end := warmUp + w.between(300*time.Millisecond, 2*time.Second)
	start, apart := warmUp, 250*time.Millisecond
	if w.chance(0.3) {
		apart = 50 * time.Millisecond
	}
	if w.chance(0.4) {
		scenes[w.rng.IntN(len(scenes))](w)
		start += w.between(0, 500*time.Millisecond)
	}
	for t := start; t < end; t += w.between(5*time.Millisecond, apart) {
		w.at(t, w.fault)
	}
	w.lag = 0.01
	w.at(end, w.endFaults)
	return end
}

func (w *world) fault() {
	n, d := w.pick(), w.between(time.Millisecond, 700*time.Millisecond)
	switch w.rng.IntN(20) {
	case 0:
		w.logf("%s is isolated", n.name)
		w.net.isolate(n.name)
	case 1:
		m := w.pick()
		w.logf("%s no longer reaches %s", n.name, m.name)
		w.net.cut(n.name, m.name)
	case 2:
		w.split()
	case 3, 4:
		w.net.heal()
		w.logf("the network is whole")
	case 5:
		w.net.loss, w.net.double = w.rng.Float64()*0.3, w.rng.Float64()*0.3
	case 6:
		w.net.slow, w.net.slowest = w.rng.Float64()*0.3, d
	case 7, 8:
		n.pause(d)
	case 9, 10:
		n.crash(w.chance(0.5))
		w.after(d, func() { w.start(n) })
	case 16, 17:
		n.deliver(n.stop)
	case 18, 19:
		n.holdAndRestart(n.state.Profile.Lease + w.between(50*time.Millisecond, 1500*time.Millisecond))
	case 11:
		n.disk.slow = !n.disk.slow
	case 12:
		w.operatorMoves(n)
	case 13:
		w.operator(state.Command{SetGroups: &state.SetGroups{Groups: w.spec()}})
	case 14:
		w.operator(state.Command{SetProfile: &state.SetProfile{Profile: profiles[w.rng.IntN(len(profiles))]}})
	case 15:
		w.wantVoters()
	}
}

func (w *world) start(n *node) {
	if !n.running {
		n.boot()
	}
}

func (w *world) split() {
	side := map[string]bool{}
	for _, name := range w.names {
		side[name] = w.chance(0.5)
	}
	oneWay := w.chance(0.3)
	w.logf("the network splits: %v, one way %v", side, oneWay)
	for _, a := range w.names {
		for _, b := range w.names {
			if side[a] != side[b] && (!oneWay || side[a]) {
				w.net.cut(a, b)
			}
		}
	}
}

// operator proposes a command at a random node.
func (w *world) operator(c state.Command) {
	n := w.pick()
	if w.tracing() {
		w.logf("operator at %s: %s", n.name, c.Name())
	}
	n.deliver(func() { n.propose(c) })
}

// operatorMoves moves a group that n knows to some live node.
func (w *world) operatorMoves(n *node) {
	n.deliver(func() {
		to := w.pick()
		for _, g := range slices.Sorted(maps.Keys(n.state.Groups)) {
			me := n.state.Nodes[to.name]
			if w.chance(0.5) && me.Live() {
				a := n.state.Assignments[g]
				w.logf("operator at %s: move %s to %s", n.name, g, to.name)
				n.propose(state.Command{Assign: &state.Assign{Moves: []state.Move{{
					Groups: []state.Expected{{Group: g, Serial: a.Serial}}, To: to.name, Epoch: me.Epoch, Reason: "asked", Pin: w.chance(0.5),
				}}}})
			}
		}
	})
}

// wantVoters tells every daemon which voters an operator wants: three or more.
func (w *world) wantVoters() {
	wanted := slices.Clone(w.names)
	w.rng.Shuffle(len(wanted), func(i, j int) { wanted[i], wanted[j] = wanted[j], wanted[i] })
	wanted = wanted[:3+w.rng.IntN(len(wanted)-2)]
	slices.Sort(wanted)
	w.logf("operator wants voters %v", wanted)
	w.wanted = wanted
}

// endFaults repairs everything that is broken.
func (w *world) endFaults() {
	w.logf("faults end")
	w.calm, w.lag = true, 0
	w.net.heal()
	for _, n := range w.nodes {
		n.disk.slow = false
		w.start(n)
		if n.paused {
			n.resume()
		}
	}
}
