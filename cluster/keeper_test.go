package cluster

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/cluster/wire"
)

// fakeLog is a Raft whose state a test sets.
type fakeLog struct {
	mu       sync.Mutex
	view     *state.State
	newest   uint64
	caughtUp bool
}

func (l *fakeLog) View() *state.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view
}

func (l *fakeLog) NewestConfig() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.newest, l.view.Voters.Index)
}

func (l *fakeLog) LogEnd() (term, index uint64) { return 3, 99 }

func (l *fakeLog) CaughtUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.caughtUp
}

// fakeBallot is a disk that a test may hold up or break.
type fakeBallot struct {
	mu        sync.Mutex
	withdrawn []string
	err       error
	hung      chan struct{} // nil: it does not hang
}

func (b *fakeBallot) Withdraw(member string, _ uint64) error {
	if b.hung != nil {
		<-b.hung
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.withdrawn = append(b.withdrawn, member)
	}
	return b.err
}

func (b *fakeBallot) LowerCeiling(time.Duration) error { return nil }

func (b *fakeBallot) RaiseCeiling(time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *fakeBallot) has(member string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.withdrawn, member)
}

// office is a keeper of node a and what comes out of it.
type office struct {
	*keeper
	t         testing.TB
	raft      *fakeLog
	disk      *fakeBallot
	sent      chan sending
	withdrawn chan lease.Withdrawal
	gaveUp    chan uint64
	broken    chan error
}

type sending struct {
	to      string
	message wire.Message
}

func newOffice(t testing.TB, view *state.State) *office {
	o := &office{
		t: t, raft: &fakeLog{view: view, caughtUp: true}, disk: &fakeBallot{},
		sent: make(chan sending, 10_000), withdrawn: make(chan lease.Withdrawal, 10_000),
		gaveUp: make(chan uint64, 100), broken: make(chan error, 100),
	}
	s := newScene(t)
	s.door.opened = func() {}
	o.keeper = newKeeper(keeperOptions{
		self: wireName{node: "a", instance: "i-a", start: "s-a"}, log: quiet(), raft: o.raft, votes: o.disk, door: s.door,
		send: func(to string, m wire.Message) {
			select {
			case o.sent <- sending{to, m}:
			default:
			}
		},
		withdrawn: func(w lease.Withdrawal) {
			select {
			case o.withdrawn <- w:
			default:
			}
		},
		lapsed: func() {},
		gaveUp: func(epoch uint64) { o.gaveUp <- epoch },
		broken: func(err error) {
			select {
			case o.broken <- err:
			default:
			}
		},
	}, lease.Memory{Ceiling: state.LAN.Lease})
	return o
}

// now makes the replicated state another one.
func (o *office) now(view *state.State) {
	o.raft.mu.Lock()
	o.raft.view = view
	o.raft.mu.Unlock()
	kick(o.refresh)
}

// runs runs the keeper until the test ends, and returns when it listens.
func (o *office) runs(t *testing.T) {
	t.Helper()
	runs(t, o.Run)
	eventually(t, "the keeper runs", func() bool {
		o.steps.Lock()
		defer o.steps.Unlock()
		return o.running
	})
}

func (o *office) holds() bool {
	valid, _ := o.door.valid()
	return valid
}

// until waits for a message to a node of a kind.
func until[M wire.Message](o *office, to string) M {
	o.t.Helper()
	late := time.After(limit)
	for {
		select {
		case s := <-o.sent:
			if m, ok := s.message.(M); ok && s.to == to {
				return m
			}
		case <-late:
			var m M
			o.t.Fatalf("no %T to %s", m, to)
		}
	}
}

func TestOnlyVoterGrantsItselfALease(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a"))
	o.runs(t)
	eventually(t, "there is a lease", o.holds)
	diff(t, "epoch", 1, o.currentEpoch())
	diff(t, "datagrams", 0, len(o.sent))
}

func TestLeaseTakesAMajority(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a", "b", "c"))
	o.runs(t)
	r := until[lease.Renewal](o, "b")
	diff(t, "renewal", lease.Renewal{Member: "a", Epoch: 1, Seq: r.Seq, Lease: state.LAN.Lease, Voters: o.raft.view.Voters.Index}, r)
	if o.holds() {
		t.Fatal("a lease of one voter in three")
	}
	late := time.After(limit)
	for !o.holds() {
		select {
		case s := <-o.sent:
			if r, ok := s.message.(lease.Renewal); ok && s.to == "c" {
				o.deliver(lease.Grant{Member: "a", Epoch: 1, Seq: r.Seq, Voter: "c"})
			}
		case <-late:
			t.Fatal("no lease with the grants of two voters in three")
		}
	}
}

func TestEpochOfAnotherStart(t *testing.T) {
	for name, change := range map[string]func(*state.Node){
		"start":          func(n *state.Node) { n.Start = "earlier" },
		"data directory": func(n *state.Node) { n.Instance = "other" },
		"epoch is dead":  func(n *state.Node) { n.Epoch = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			view := *clusterOf(t, "a")
			me := *view.Nodes["a"]
			change(&me)
			view.Nodes = map[string]*state.Node{"a": &me}
			o := newOffice(t, &view)
			o.observe()
			diff(t, "epoch", 0, o.currentEpoch())
		})
	}
}

func TestDeathAndRebirth(t *testing.T) {
	view := clusterOf(t, "a")
	o := newOffice(t, view)
	o.runs(t)
	eventually(t, "there is a lease", o.holds)
	dead := grow(t, view, state.Command{Retire: &state.Retire{Tenure: state.Tenure{Node: "a", Epoch: 1}}})
	o.now(dead)
	eventually(t, "the epoch is gone", func() bool { return o.currentEpoch() == 0 && !o.holds() })
	o.now(grow(t, dead, registering("a")))
	eventually(t, "there is another lease", func() bool { return o.currentEpoch() == 2 && o.holds() })
}

// awake is a machine that is not suspended.
func awake() time.Duration { return 0 }

// A machine that was suspended has no lease when it resumes, however little of the time the clock has counted.
func TestSuspensionEndsTheLease(t *testing.T) {
	for name, resume := range map[string]func(*office){
		"the kernel tells":      (*office).resumed,
		"a datagram comes":      func(o *office) { o.deliver(lease.Renewal{Member: "b", Epoch: 1, Seq: 1}) },
		"the clock fires":       (*office).fired,
		"the state has changed": func(o *office) { o.do(o.observe) },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, clusterOf(t, "a"))
			var suspended atomic.Bool
			o.slept = func() time.Duration {
				if suspended.CompareAndSwap(true, false) {
					return time.Millisecond
				}
				return 0
			}
			o.runs(t)
			eventually(t, "there is a lease", o.holds)
			suspended.Store(true)
			resume(o)
			if o.holds() {
				t.Fatal("the lease goes on")
			}
			diff(t, "epoch given up", 1, await(t, "the epoch to be given up", o.gaveUp))
		})
	}
}

func TestEpochWithoutALeaseIsGivenUp(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a", "b", "c"))
	o.runs(t)
	diff(t, "epoch given up", 1, await(t, "the epoch to be given up", o.gaveUp))
}

func TestRunShutsTheDoor(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a"))
	t.Run("run", func(t *testing.T) {
		o.runs(t)
		eventually(t, "there is a lease", o.holds)
	})
	if o.holds() {
		t.Fatal("the lease outlives its keeper")
	}
}

// Before it runs and after it ended, a keeper promises nothing.
func TestDatagramsOutsideOfRun(t *testing.T) {
	o := newOffice(t, clusterOf(t, "a", "b", "c"))
	renewal := lease.Renewal{Member: "b", Epoch: 2, Seq: 1, Lease: state.LAN.Lease, Voters: o.raft.view.Voters.Index}
	o.deliver(renewal)
	t.Run("run", func(t *testing.T) { o.runs(t) })
	for len(o.sent) > 0 {
		<-o.sent
	}
	renewal.Seq++
	o.deliver(renewal)
	diff(t, "answers", 0, len(o.sent))
}
