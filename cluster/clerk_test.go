package cluster

import (
	"context"
	"errors"
	"testing"

	"vipd/cluster/state"
)

// registry is a clerk of node a whose proposals are applied to the view at once.
type registry struct {
	*clerk
	state  *state.State
	full   bool // the host carries something
	err    error
	asked  []string
	copies int // how often each command arrives
}

func newRegistry(t testing.TB, s *state.State) *registry {
	r := &registry{state: s, copies: 1}
	r.clerk = &clerk{
		self: wireName{node: "a", instance: "i-a", start: "s-a"}, log: quiet(),
		view: func() *state.State { return r.state }, vacant: func() bool { return !r.full },
		wake: make(chan struct{}, 1), letGo: map[uint64]state.Tenure{},
		propose: func(_ context.Context, cmd state.Command) (result state.Result, err error) {
			r.asked = append(r.asked, cmd.Name())
			if r.err != nil {
				return result, r.err
			}
			for range r.copies {
				r.state, result = r.state.Apply(r.state.Index+1, cmd)
			}
			return result, nil
		},
	}
	return r
}

// steps returns whether a step was all there is to do, and what it asked for.
func (r *registry) steps(t testing.TB) (bool, []string) {
	r.asked = nil
	done := r.step(t.Context())
	return done, r.asked
}

func TestClerkRegistersAVacantHost(t *testing.T) {
	r := newRegistry(t, grow(t, state.New(), founding("a")))
	r.full = true
	done, asked := r.steps(t)
	diff(t, "asked while something is carried", nil, asked)
	diff(t, "done", false, done)
	r.full = false
	_, asked = r.steps(t)
	diff(t, "asked", []string{"register"}, asked)
	diff(t, "start", "s-a", r.state.Nodes["a"].Start)
	done, asked = r.steps(t)
	diff(t, "asked again", nil, asked)
	diff(t, "done", true, done)
}

func TestClerkAsksAgain(t *testing.T) {
	r := newRegistry(t, grow(t, state.New(), founding("a")))
	r.err = errors.New("no leader")
	done, _ := r.steps(t)
	diff(t, "done without a leader", false, done)
	r.err = nil
	done, asked := r.steps(t)
	diff(t, "asked", []string{"register"}, asked)
	diff(t, "done", true, done)
}

// A refusal is an entry of the log, and so wakes the clerk who asked.
func TestClerkRestsAfterARefusal(t *testing.T) {
	r := newRegistry(t, grow(t, state.New(), founding("a")))
	r.self.instance = "i-other"
	wait := r.turn(t.Context())
	diff(t, "asked", []string{"register"}, r.asked)
	diff(t, "waits", clerkRetry, wait)
	diff(t, "rests when it is woken", true, r.turn(t.Context()) <= clerkRetry && len(r.asked) == 1)
	for range 10 {
		r.rests = 0
		wait = r.turn(t.Context())
	}
	diff(t, "waits after many", clerkRest, wait)
	r.self.instance, r.rests = "i-a", 0
	diff(t, "goes on", true, r.turn(t.Context()) > 0 && r.pause == 0 && r.state.Nodes["a"].Live())
}

// A debt of another start of the node is none of this one's.
func TestClerkSettlesNothingOfOthers(t *testing.T) {
	r := newRegistry(t, grow(t, state.New(), founding("a")))
	r.steps(t)
	r.state.Debts[3] = &state.Debt{Serial: 3, Node: "a", Epoch: 9}
	r.settle(state.Tenure{Node: "a", Epoch: 1}, []uint64{3})
	_, asked := r.steps(t)
	diff(t, "asked", nil, asked)
}

func TestClerkOfAStrangerOrOneThatStops(t *testing.T) {
	r := newRegistry(t, grow(t, state.New(), founding("b")))
	_, asked := r.steps(t)
	diff(t, "asked by no member", nil, asked)
	r = newRegistry(t, grow(t, state.New(), founding("a")))
	r.stop()
	_, asked = r.steps(t)
	diff(t, "asked while stopping", nil, asked)
	r.resume()
	_, asked = r.steps(t)
	diff(t, "asked after that", []string{"register"}, asked)
}

func TestClerkWaitsForTheDeathOfAnEarlierStart(t *testing.T) {
	r := newRegistry(t, clusterOf(t, "a"))
	r.self.start = "later"
	done, asked := r.steps(t)
	diff(t, "asked", nil, asked)
	diff(t, "done", false, done)
}

func TestClerkReplacesASpentEpoch(t *testing.T) {
	r := newRegistry(t, clusterOf(t, "a"))
	r.retire(state.Tenure{Node: "a", Epoch: 1})
	r.full = true
	_, asked := r.steps(t)
	diff(t, "asked while something is carried", nil, asked)
	r.full = false
	_, asked = r.steps(t)
	diff(t, "asked", []string{"retire"}, asked)
	_, asked = r.steps(t)
	diff(t, "asked then", []string{"register"}, asked)
	diff(t, "epoch", 2, r.state.Nodes["a"].Epoch)
	done, asked := r.steps(t)
	diff(t, "asked at last", nil, asked)
	diff(t, "done", true, done)
}

func TestClerkSettlesUntilTheStateShowsIt(t *testing.T) {
	s := clusterOf(t, "a", "b")
	s = grow(t, s, groups(group("web", "10.0.0.1/24")))
	s = grow(t, s, give(s, "a", "web"))
	s = grow(t, s, give(s, "b", "web"))
	r := newRegistry(t, s)
	r.settle(state.Tenure{Node: "a", Epoch: 1}, []uint64{s.LastSerial})
	r.err = errors.New("no leader")
	done, _ := r.steps(t)
	diff(t, "done without a leader", false, done)
	r.err, r.copies = nil, 2
	done, asked := r.steps(t)
	diff(t, "asked", []string{"settle"}, asked)
	diff(t, "done", true, done)
	diff(t, "debts", 0, len(r.state.Debts))
	_, asked = r.steps(t)
	diff(t, "asked once it is written", nil, asked)
	diff(t, "remembered", 0, len(r.letGo))
}
