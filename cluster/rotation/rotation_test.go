package rotation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/cluster/state"
)

// world is a cluster that rotates its secret: what was committed, and what each node has of it.
type world struct {
	*testing.T
	random *rand.Rand
	states []*state.State // one for each index
	nodes  map[string]*node
	leader string
	made   int // secrets, called s1, s2, ...
}

type node struct {
	held Held

	index int // of the state it has
	off   bool
	told  Report // as the others heard last
}

func newWorld(t *testing.T, seed uint64, names ...string) *world {
	w := &world{T: t, random: rand.New(rand.NewPCG(seed, 1)), states: []*state.State{state.New()}, nodes: map[string]*node{}}
	first := w.secret()
	w.commit(state.Command{Init: &state.Init{Cluster: "test", Profile: state.LAN, Node: member(names[0])}})
	for _, name := range names[1:] {
		w.commit(state.Command{Join: &state.Join{Node: member(name)}})
	}
	for _, name := range names {
		w.nodes[name] = &node{held: Held{Uses: first}, index: len(w.states) - 1}
	}
	w.leader = names[0]
	return w
}

func member(name string) state.Node { return state.Node{Name: name, Instance: "i-" + name} }

func (w *world) secret() string {
	w.made++
	return fmt.Sprintf("s%d", w.made)
}

func (w *world) now() *state.State { return w.states[len(w.states)-1] }

func (w *world) commit(cmd state.Command) error {
	next, result := w.now().Apply(uint64(len(w.states)), cmd)
	w.states = append(w.states, next)
	return result.Err
}

// step does something that can happen at any moment: a node learns of a state, tells of its secrets, is killed, comes
// back; another leads; the leader does what is due.
func (w *world) step(without []string) {
	names := []string{"a", "b", "c"}
	name := names[w.random.IntN(len(names))]
	n := w.nodes[name]
	switch w.random.IntN(8) {
	case 0:
		for many := w.random.IntN(10); many > 0 && !n.off && n.index < len(w.states)-1; many-- {
			n.index++
			n.held = Follow(w.states[n.index], n.held)
		}
	case 1:
		if !n.off {
			n.told = Report{Uses: n.held.Uses, Next: n.held.Next}
		}
	case 2:
		if w.random.IntN(20) == 0 { // killed, and the state after the start is an old one
			n.off = true
			n.index = w.random.IntN(n.index + 1)
		}
	case 3:
		n.off = n.off && slices.Contains(without, name) && w.random.IntN(4) > 0
	case 4:
		if !n.off && n.index == len(w.states)-1 {
			w.leader = name
		}
	default:
		w.lead(without)
	}
}

func (w *world) lead(without []string) {
	l := w.nodes[w.leader]
	if l.off || l.index < len(w.states)-1 {
		return
	}
	view := w.now()
	offer := func(instead string) {
		next := w.secret()
		if w.commit(state.Command{Rotate: &state.Rotate{To: state.Offer, Next: next, Instead: instead, Key: make([]byte, 32), Link: []byte{1}, Without: without}}) == nil && w.random.IntN(3) > 0 {
			l.index = len(w.states) - 1
			l.held.Next, l.held.Since = next, w.now().Index
		}
	}
	r := view.Trust.Rotation
	if r == nil {
		if view.Trust.Current == "" {
			offer("")
		}
		return
	}
	if w.random.IntN(200) == 0 {
		w.abort(r.Next)
		return
	}
	due := Next(view, func(name string) Report { return w.nodes[name].told })
	switch {
	case due.To != "":
		w.commit(state.Command{Rotate: &state.Rotate{To: due.To, Next: r.Next, Ready: due.Ready}})
	case l.held.Next != r.Next && l.held.Uses != r.Next && r.Phase == state.Offer:
		offer(r.Next)
	case len(due.Push) > 0:
		n := w.nodes[due.Push[w.random.IntN(len(due.Push))]]
		if !n.off && n.index == len(w.states)-1 && n.held.Uses != r.Next {
			n.held.Next, n.held.Since = r.Next, view.Index
		}
	}
}

// abort gives up a rotation, which is too late once anybody may use the next secret.
func (w *world) abort(next string) {
	was := w.now().Trust.Rotation.Phase
	if err := w.commit(state.Command{Rotate: &state.Rotate{Next: next, Abort: true}}); (err == nil) != (was == state.Offer) {
		w.Fatalf("given up in the phase %s: %v", was, err)
	}
}

func accepts(h Held) []string { return []string{h.Uses, h.Next, h.Former} }

// check fails when a node would not listen to what another uses, unless one of them was left out.
func (w *world) check(without []string) {
	for a, x := range w.nodes {
		for b, y := range w.nodes {
			if !slices.Contains(without, a) && !slices.Contains(without, b) && !slices.Contains(accepts(y.held), x.held.Uses) {
				w.Fatalf("%s uses %s, and %s accepts %+v", a, x.held.Uses, b, y.held)
			}
		}
	}
}

// At every moment all nodes accept what any of them uses, whoever is killed and leads; and the rotation comes to its end.
func TestNobodyIsCutOff(t *testing.T) {
	for seed := range uint64(500) {
		w := newWorld(t, seed, "a", "b", "c")
		for range 3000 {
			w.step(nil)
			w.check(nil)
		}
		for _, n := range w.nodes {
			n.off = false
		}
		for range 3000 {
			w.step(nil)
		}
		for _, n := range w.nodes {
			for n.off = false; n.index < len(w.states)-1; {
				n.index++
				n.held = Follow(w.states[n.index], n.held)
			}
		}
		view := w.now()
		if view.Trust.Rotation != nil || view.Trust.Current == "s1" || view.Trust.Current == "" {
			t.Fatalf("seed %d: the rotation did not end: %+v", seed, view.Trust)
		}
		for name, n := range w.nodes {
			if diff := cmp.Diff(Held{Uses: view.Trust.Current}, n.held); diff != "" {
				t.Fatalf("seed %d: %s has in the end (-want +got)\n%s", seed, name, diff)
			}
		}
	}
}

// A node that is left out does not hold the others up, and they hear each other all the time.
func TestWithoutOne(t *testing.T) {
	for seed := range uint64(100) {
		w := newWorld(t, seed, "a", "b", "c")
		w.nodes["c"].off = true
		for i := 0; i < 10000 && w.now().Trust.Current == ""; i++ {
			w.step([]string{"c"})
			w.check([]string{"c"})
		}
		if w.now().Trust.Current == "" {
			t.Fatalf("seed %d: the rotation waits: %+v", seed, w.now().Trust.Rotation)
		}
	}
}

func TestFollow(t *testing.T) {
	view := func(index uint64, trust state.Trust) *state.State { return &state.State{Index: index, Trust: trust} }
	offered := state.Trust{Rotation: &state.Rotation{Phase: state.Offer, Next: "new"}}
	used := state.Trust{Rotation: &state.Rotation{Phase: state.Use, Next: "new"}}
	ended := state.Trust{Current: "new"}
	has := Held{Uses: "old", Next: "new", Since: 10}
	for _, tt := range []struct {
		name string
		view *state.State
		held Held
		want Held
	}{
		{"nothing", view(5, state.Trust{}), Held{Uses: "old"}, Held{Uses: "old"}},
		{"offered", view(11, offered), has, has},
		{"a view of before the offer", view(9, state.Trust{}), has, has},
		{"another offered in its place", view(12, state.Trust{Rotation: &state.Rotation{Phase: state.Offer, Next: "newer"}}), has, Held{Uses: "old"}},
		{"used", view(12, used), has, Held{Uses: "new", Since: 10, Former: "old"}},
		{"used, of the phase before", view(11, offered), Held{Uses: "new", Since: 10, Former: "old"}, Held{Uses: "new", Since: 10, Former: "old"}},
		{"used by the others", view(12, used), Held{Uses: "old"}, Held{Uses: "old"}},
		{"ended", view(13, ended), Held{Uses: "new", Since: 10, Former: "old"}, Held{Uses: "new"}},
		{"ended, and this node missed the phase before", view(13, ended), has, Held{Uses: "new"}},
		{"ended, and this node missed all", view(13, ended), Held{Uses: "old"}, Held{Uses: "old"}},
	} {
		if diff := cmp.Diff(tt.want, Follow(tt.view, tt.held)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

// A node that is alive is waited for, whatever was said.
func TestTheLivingAreWaitedFor(t *testing.T) {
	s := &state.State{
		Nodes: map[string]*state.Node{"a": {Name: "a", Epoch: 1}, "b": {Name: "b", Epoch: 2}, "c": {Name: "c"}, "d": {Name: "d"}},
		Trust: state.Trust{Rotation: &state.Rotation{Phase: state.Offer, Next: "new", Without: []string{"b", "c"}}},
	}
	told := map[string]Report{"a": {Uses: "old", Next: "new"}}
	got := Next(s, func(name string) Report { return told[name] })
	want := Due{Push: []string{"b", "c", "d"}, Waiting: []string{"b", "d"}, Ready: []string{"a", "c"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
