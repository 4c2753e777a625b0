package consensus

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"vipd/cluster/state"
)

func TestThreeNodesAgree(t *testing.T) {
	a, b, c := three(t)
	diff(t, "voters", state.Voters{Index: a.NewestConfig(), Names: []string{"a", "b", "c"}}, a.View().Voters)
	servers, err := a.Servers()
	check(t, err)
	diff(t, "servers", []Server{
		{"a", a.address, state.Voter}, {"b", b.address, state.Voter}, {"c", c.address, state.Voter},
	}, servers)
	eventually(t, "b knows the leader", func() bool { name, address := b.Leader(); return name == "a" && address == a.address })

	a.propose(registering("a"), registering("b"))
	result, err := a.Propose(t.Context(), registering("b"))
	check(t, err)
	if !errors.Is(result.Err, state.ErrEpochAlive) {
		t.Fatalf("a second epoch of b: %v", result.Err)
	}
	b.follows(a)
	c.follows(a)
	at, index := a.LogEnd()
	eventually(t, "c has the whole log", func() bool { term, last := c.LogEnd(); return term == at && last == index })
}

func TestOnlyTheLeaderCan(t *testing.T) {
	_, b, _ := three(t)
	before := b.View()
	_, err := b.Propose(t.Context(), registering("b"))
	for what, err := range map[string]error{
		"propose":       err,
		"barrier":       b.Barrier(limit),
		"add learner":   b.AddLearner("d", "127.0.0.1:1"),
		"add voter":     b.AddVoter("d", "127.0.0.1:1"),
		"remove server": b.RemoveServer("c"),
	} {
		if !errors.Is(err, ErrNotLeader) {
			t.Errorf("%s: %v", what, err)
		}
	}
	diff(t, "view", before, b.View())
}

func TestStoppedNodeDoesNotLead(t *testing.T) {
	a := founder(t)
	a.stop()
	if _, err := a.Propose(t.Context(), registering("a")); !errors.Is(err, ErrNotLeader) {
		t.Fatalf("propose: %v", err)
	}
}

// Heartbeats would keep the old leader in office.
func TestCampaignReplacesALivingLeader(t *testing.T) {
	a, b, c := three(t)
	term := b.Term()
	b.lead()
	eventually(t, "a follows", func() bool { name, _ := a.Leader(); return !a.Leads() && name == "b" })
	if b.Term() <= term {
		t.Fatalf("term %d after term %d", b.Term(), term)
	}
	b.propose(registering("b"))
	a.follows(b)
	c.follows(b)
}

func TestRemovedServerVotesNoMore(t *testing.T) {
	a, b, c := three(t)
	check(t, a.RemoveServer("c"))
	diff(t, "voters", []string{"a", "b"}, a.View().Voters.Names)
	a.propose(registering("a"))
	b.follows(a)
	if c.View().LastEpoch != 0 {
		t.Fatal("c still gets commands")
	}
}

func TestRestartKeepsTheState(t *testing.T) {
	a, b, c := three(t)
	a.propose(registering("a"), registering("c"))
	want := a.View()
	for _, p := range []*peer{a, b, c} {
		p.stop()
	}
	a.start(false)
	if a.CaughtUp() {
		t.Fatal("caught up with its log before anything was applied")
	}
	b.start(false)
	a.lead()
	diff(t, "view", want, a.View())
	if !a.CaughtUp() {
		t.Fatal("not caught up although everything is applied")
	}
	b.follows(a)
	a.propose(registering("b"))
	c.start(false)
	c.follows(a)
	eventually(t, "c caught up", c.CaughtUp)
}

func TestSnapshotComesBackAndTravels(t *testing.T) {
	a := founder(t)
	check(t, a.keepBehind(100))
	var proposers sync.WaitGroup
	for i := range 20 { // 200 in all, more than the log keeps behind a snapshot
		proposers.Go(func() {
			for j := range 10 {
				if _, err := a.Propose(t.Context(), joining(fmt.Sprintf("n%d-%d", i, j))); err != nil {
					t.Errorf("propose: %v", err)
				}
			}
		})
	}
	proposers.Wait()
	configured := a.NewestConfig()
	check(t, a.raft.Snapshot().Error())
	if first, err := a.log.FirstIndex(); err != nil || first <= configured {
		t.Fatalf("log begins at %d, configuration is at %d: %v", first, configured, err)
	}
	a.propose(joining("after"))
	want := a.View()

	b := newPeer(t, "b", false)
	check(t, a.AddLearner("b", b.address))
	b.follows(a)
	diff(t, "configuration of who got a snapshot", a.NewestConfig(), b.NewestConfig())

	a.restart()
	a.lead()
	diff(t, "nodes after a restart", want.Nodes, a.View().Nodes)
	if !a.CaughtUp() {
		t.Fatal("not caught up")
	}
	diff(t, "configuration", a.View().Voters.Index, a.NewestConfig())
	if n := a.NewestConfig(); n < configured {
		t.Fatalf("configuration at %d; was at %d", n, configured)
	}
}

func TestCommitsTravelEarly(t *testing.T) {
	a, b, _ := three(t)
	a.propose(registering("a"), registering("b"))
	commits, _ := a.told()
	for _, c := range commits {
		b.Learn(c)
	}
	diff(t, "view", a.View(), b.View())
	if b.Learn(commits[len(commits)-1]) {
		t.Fatal("learnt the same commit twice")
	}
	a.propose(registering("c"))
	b.follows(a)
}

func TestUnknownCommandStopsTheNode(t *testing.T) {
	a := founder(t)
	check(t, a.raft.Apply([]byte(`{"v":99,"at":"2026-01-02T03:04:05Z"}`), limit).Error())
	before := a.View()
	if result, err := a.Propose(t.Context(), registering("a")); err == nil && result.Err == nil {
		t.Fatal("a command after one that is not known was taken")
	}
	diff(t, "view", before, a.View())
	_, broken := a.told()
	diff(t, "times told", 1, len(broken))
}

// What a member could not read is not written, whoever proposes it; and a snapshot that is too new says what it takes.
func TestVersionsAreKept(t *testing.T) {
	refused := errors.New("b has to be upgraded")
	f := newFSM(func(Commit) {}, func(error) {})
	n := &Node{fsm: f, options: Options{Permit: func(version int) error {
		if version > 1 {
			return refused
		}
		return nil
	}}}
	if _, err := n.Propose(t.Context(), state.Command{Raise: &state.Raise{Version: 6}}); !errors.Is(err, refused) {
		t.Errorf("proposed: %v", err)
	}

	var broken error
	f = newFSM(func(Commit) {}, func(err error) { broken = err })
	err := f.Restore(io.NopCloser(strings.NewReader(`{"format":1000}`)))
	if old := (*state.TooOldError)(nil); !errors.As(err, &old) || !errors.As(broken, &old) || f.refused == nil {
		t.Errorf("restored: %v; broken: %v", err, broken)
	}
}
