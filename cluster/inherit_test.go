package cluster

import (
	"testing"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
	"vipd/cluster/wire"
	"vipd/storage"
)

// knownLog is a log whose state the test says.
type knownLog struct{ *scene }

func (l knownLog) View() *state.State             { return l.view }
func (l knownLog) NewestConfig() uint64           { return l.view.Voters.Index }
func (l knownLog) LogEnd() (_, _ uint64)          { return 0, l.view.Index }
func (l knownLog) CaughtUp() bool                 { return true }
func (knownLog) Withdraw(string, uint64) error    { return nil }
func (knownLog) RaiseCeiling(time.Duration) error { return nil }
func (knownLog) LowerCeiling(time.Duration) error { return nil }

// heir is a scene in which a new process of node a finds what the one before left, at the scene's state and
// with a lease for a while.
func heir(t *testing.T, s *scene, left time.Duration) *keeper {
	t.Helper()
	i := &inheritance{
		Hold:    storage.Hold{Epoch: 1, Start: "s-a", Index: s.view.Index, Until: int64(bootNow().Add(left))},
		carried: s.tenant.carried, held: s.tenant.held,
	}
	s.door.until = i.until()
	k := newKeeper(keeperOptions{
		self: wireName{"a", "i-a", "s-a"}, log: quiet(), raft: knownLog{s}, votes: knownLog{s}, door: s.door, inherited: i,
		send: func(string, wire.Message) {}, lapsed: func() {}, gaveUp: func(uint64) {},
	}, lease.Memory{})
	t.Cleanup(k.writers.Wait)
	s.tenant.inherited, s.tenant.epoch = i, k.currentEpoch
	return k
}

func (s *scene) expect(what string, wantDone bool, want ...string) {
	s.t.Helper()
	done, actions := s.step()
	diff(s.t, what, want, actions)
	if done != wantDone {
		s.t.Errorf("%s: done is %v", what, done)
	}
}

// While the log is replayed, the epoch that goes on holds in the view what it let go of later, and somebody
// else has by now; and what it holds now is not there yet.
func TestHeirPassesOverOlderStates(t *testing.T) {
	s := newScene(t)
	s.commit(groups(group("web", "10.0.0.1/24"), group("db", "10.0.0.2/24")))
	s.commit(give(s.view, "a", "db"))
	old := s.view
	s.commit(give(s.view, "b", "db"), give(s.view, "a", "web"))
	s.commit(settlement(s.view, "a"))
	s.lease()
	if done, actions := s.step(); !done {
		t.Fatalf("does not carry web: %v", actions)
	}
	now := s.view

	k := heir(t, s, time.Hour)
	for _, view := range []*state.State{state.New(), clusterOf(t, "a"), old} {
		s.view = view
		k.observe()
		s.expect("in an older state", false)
		if k.currentEpoch() != 0 {
			t.Fatalf("took up epoch %d in an older state", k.currentEpoch())
		}
	}
	s.view = now
	k.observe()
	s.expect("in the state that was left", true)
	if !s.door.open || k.currentEpoch() != 1 {
		t.Errorf("open %v, epoch %d", s.door.open, k.currentEpoch())
	}
	s.commit(give(s.view, "b", "web"))
	k.observe()
	s.expect("moved away", true, "bar 10.0.0.1", "stop 10.0.0.1", "set", "let go", "release 10.0.0.1")
}

// settlement settles all that a node owes.
func settlement(s *state.State, node string) state.Command {
	settle := state.Settle{Tenure: state.Tenure{Node: node, Epoch: s.Nodes[node].Epoch}}
	for serial, d := range s.Debts {
		if d.Node == node {
			settle.Serials = append(settle.Serials, serial)
		}
	}
	return state.Command{Settle: &settle}
}

func TestHeirOfADeadEpochLetsGo(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	k := heir(t, s, time.Hour)
	s.commit(state.Command{Expire: &state.Expire{Dead: []state.Tenure{{Node: "a", Epoch: 1}}}})
	k.observe()
	if s.door.open || s.gate.open {
		t.Error("the gate is open for an epoch that is dead")
	}
	s.expect("in a state where the epoch is dead", true, "bar 10.0.0.1", "stop 10.0.0.1", "set", "release 10.0.0.1")
}

func TestHeirThatIsTooLateLetsGo(t *testing.T) {
	s := carrying(t, "10.0.0.1/24")
	now := s.view
	k := heir(t, s, 0)
	s.view = state.New()
	k.tick()
	if s.door.open || s.gate.open {
		t.Error("the gate is open after the end of the lease")
	}
	s.expect("after the end of the lease", true, "bar 10.0.0.1", "stop 10.0.0.1", "set", "release 10.0.0.1")
	// The epoch may live on, and renews; its lease is not the old one.
	s.view = now
	k.observe()
	if valid, _ := s.door.valid(); valid || k.currentEpoch() != 1 {
		t.Errorf("lease valid: %v, epoch %d", valid, k.currentEpoch())
	}
}

func TestHoldIsGoneOnWithOnlyIfItLasts(t *testing.T) {
	boot, err := bootID()
	check(t, err)
	future := int64(bootNow().Add(time.Hour))
	for name, tt := range map[string]struct {
		boot  string
		until int64
		fence bool
		want  bool
	}{
		"in time":          {boot, future, true, true},
		"after a reboot":   {"another boot", future, true, false},
		"too late":         {boot, int64(bootNow().Add(inheritLeast / 2)), true, false},
		"without a fence":  {boot, future, false, false},
		"long in the past": {boot, 1, true, false},
	} {
		dir, err := storage.Open(t.TempDir())
		check(t, err)
		check(t, dir.SaveHold(storage.Hold{Epoch: 7, Start: "s", Index: 3, Until: tt.until, Boot: tt.boot}))
		m := &member{options: Options{Dir: dir, Fence: tt.fence}, log: quiet()}
		i, err := m.takeHold()
		check(t, err)
		if (i != nil) != tt.want || m.left == nil || m.left.Epoch != 7 {
			t.Errorf("%s: goes on with %v, left %v", name, i, m.left)
		}
		if again, err := m.takeHold(); again != nil || err != nil {
			t.Errorf("%s: took it twice: %v, %v", name, again, err)
		}
		check(t, dir.Close())
	}
}

func TestHoldRefused(t *testing.T) {
	s := newScene(t)
	s.lease()
	s.step()
	fit := func() *member {
		return &member{options: Options{Fence: true}, log: quiet(), door: s.door, keeper: &keeper{}, speaker: newSpeaker(speakerOptions{log: quiet()})}
	}
	check(t, fit().mayHold(10*time.Second))
	none := fit()
	none.options.Fence = false
	pending := fit()
	pending.keeper.inherited = &inheritance{}
	shut := fit()
	shut.door = &door{}
	speaking := fit()
	speaking.speaker.routers["web"] = &virtualRouter{}
	for name, tt := range map[string]struct {
		m *member
		d time.Duration
	}{
		"too short":      {fit(), time.Second - 1},
		"too long":       {fit(), time.Minute + 1},
		"no fence":       {none, 10 * time.Second},
		"no lease":       {shut, 10 * time.Second},
		"just restarted": {pending, 10 * time.Second},
		"speaks VRRP":    {speaking, 10 * time.Second},
	} {
		if tt.m.mayHold(tt.d) == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}
