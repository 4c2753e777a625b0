package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/lease"
	"vipd/cluster/placement"
	"vipd/cluster/state"
)

func TestDeadTakesAMajorityOfTheNewestVoters(t *testing.T) {
	a := raftOfOne(t)
	c := &conductor{log: quiet(), raft: a, wake: make(chan struct{}, 1)}
	diff(t, "dead at first", nil, c.dead(a.View()))
	c.withdraw(lease.Withdrawal{Member: "a", Epoch: 1, Voter: "stranger"})
	diff(t, "dead by the word of a stranger", nil, c.dead(a.View()))
	c.withdraw(lease.Withdrawal{Member: "a", Epoch: 1, Voter: "a"})
	diff(t, "dead by the only voter's word", []state.Tenure{{Node: "a", Epoch: 1}}, c.dead(a.View()))

	// From when a second voter is in the log, committed or not, one is no majority.
	changed := make(chan error, 1)
	go func() { changed <- a.AddVoter("b", "127.0.0.1:1") }()
	eventually(t, "b is in the configuration", func() bool {
		voters, err := voterNames(a)
		return err == nil && slices.Equal(voters, []string{"a", "b"})
	})
	diff(t, "dead by one of two", nil, c.dead(a.View()))
	c.withdraw(lease.Withdrawal{Member: "a", Epoch: 1, Voter: "b"})
	diff(t, "dead by both", []state.Tenure{{Node: "a", Epoch: 1}}, c.dead(a.View()))
	_ = await(t, "the end of the change", changed) // Raft may commit it by the word of the voters before it
}

func TestDeadGroupsGoInTheSameCommand(t *testing.T) {
	a, _ := raftOfTwo(t)
	view := clusterOf(t, "a", "b")
	view = grow(t, view, groups(group("web", "10.0.0.1/24")))
	view = grow(t, view, give(view, "b", "web"))
	c := &conductor{log: quiet(), raft: a, wake: make(chan struct{}, 1), health: func(*state.State) placement.Health {
		return placement.Health{"a": {Epoch: 1}, "b": {Epoch: 2}}
	}}
	for _, voter := range []string{"a", "b"} {
		c.withdraw(lease.Withdrawal{Member: "b", Epoch: 2, Voter: voter})
	}
	cmd, _ := c.decide(view)
	if cmd == nil || cmd.Expire == nil {
		t.Fatalf("decided %v", cmd)
	}
	after := grow(t, view, *cmd)
	diff(t, "live", map[string]uint64{"a": 1}, after.LiveEpochs())
	diff(t, "holder", "a", after.Assignments["web"].Holder)
	diff(t, "debts of the dead", 0, len(after.Debts))
}

func TestFollowerConductsNothing(t *testing.T) {
	_, b := raftOfTwo(t)
	c := &conductor{log: quiet(), raft: b, wake: make(chan struct{}, 1)}
	before := b.View().Index
	if again := c.step(t.Context()); again < beatEach/4 || again > 2*beatEach {
		t.Errorf("looks again after %v", again)
	}
	diff(t, "index", before, b.View().Index)
}

func TestLeaderFoundsTheCluster(t *testing.T) {
	a, _ := raftNode(t, "a", true)
	check(t, a.Campaign(t.Context()))
	c := &conductor{
		log: quiet(), raft: a, wake: make(chan struct{}, 1),
		found:  func() state.Command { return founding("a") },
		health: func(*state.State) placement.Health { return nil },
	}
	runs(t, c.Run)
	eventually(t, "there is a cluster", func() bool { return a.View().Cluster == "test" })
}

func TestSuccessor(t *testing.T) {
	c := &conductor{log: quiet(), wake: make(chan struct{}, 1)}
	voters := []string{"a", "b", "c"}
	c.withdraw(lease.Withdrawal{Member: "a", Epoch: 1, Voter: "b", LastTerm: 2, LastIndex: 10})
	successor := func(epoch uint64) string {
		name, certain := c.successor(voters, "a", epoch)
		return fmt.Sprint(name, " ", certain)
	}
	diff(t, "by one of three", " false", successor(1))
	c.withdraw(lease.Withdrawal{Member: "a", Epoch: 1, Voter: "c", LastTerm: 2, LastIndex: 11})
	diff(t, "the newest log", "c true", successor(1))
	diff(t, "another epoch", " false", successor(2))
	diff(t, "no epoch", " false", successor(0))
}

func TestElectorChallengesOnlyASilentLeaderOfOld(t *testing.T) {
	a, b := raftOfTwo(t)
	silent := false
	electorOf := func(name string, raft *consensus.Node) *elector {
		return &elector{node: name, log: quiet(), raft: raft, successor: func(_ []string, leader string, _ uint64) (string, bool) {
			if silent && leader == "a" {
				return "b", false
			}
			return "", false
		}}
	}
	due := func(e *elector) string {
		leader, first, _ := e.due()
		return leader + " by " + first
	}
	e := electorOf("b", b)
	diff(t, "due while nobody is silent", " by ", due(e))
	silent = true
	diff(t, "due", "a by b", due(e))
	diff(t, "due on the leader itself", " by ", due(electorOf("a", a)))
	diff(t, "due on who does not vote", " by ", due(electorOf("c", b)))

	// A leader elected after the majority was known reaches a majority, and is about to end its old epoch.
	check(t, b.Campaign(t.Context()))
	eventually(t, "b leads", b.Leads)
	e.note(b.View())
	eventually(t, "a has the whole log", func() bool {
		term, last := a.LogEnd()
		newest, end := b.LogEnd()
		return term == newest && last == end && term == b.Term()
	})
	check(t, a.Campaign(t.Context()))
	eventually(t, "a leads again", func() bool { leader, _ := b.Leader(); return leader == "a" })
	diff(t, "due after another election", " by ", due(e))
}

// The first to stand may lack an entry: then it has ended the leader's term, and nobody leads until another stands.
func TestElectorGoesOnWhileNobodyLeads(t *testing.T) {
	a, b := raftOfTwo(t)
	silent := true
	e := &elector{node: "b", log: quiet(), raft: b, successor: func(_ []string, leader string, _ uint64) (string, bool) {
		if silent && leader == "a" {
			return "b", false
		}
		return "", false
	}}
	e.against, _, _ = e.due()
	diff(t, "due", "a", e.against)
	e.term = b.Term()
	diff(t, "others stand while it leads", false, e.othersStand())
	check(t, a.Close())
	eventually(t, "nobody leads", func() bool { leader, _ := b.Leader(); return leader == "" })
	leader, first, _ := e.due()
	diff(t, "due while nobody leads", "a by b", leader+" by "+first)
	e.term = b.Term() - 1
	diff(t, "others stand", true, e.othersStand())
	diff(t, "others stand, as it has known for a while", false, e.othersStand())
	silent = false // its epoch is over, or its withdrawals count no more
	leader, _, _ = e.due()
	diff(t, "due without a majority", "", leader)
}

func TestElectorStandsWhenItIsAlone(t *testing.T) {
	a, _ := raftNode(t, "a", true)
	e := &elector{node: "a", log: quiet(), raft: a, wake: make(chan struct{}, 1), asked: make(chan string, 1)}
	runs(t, e.Run)
	eventually(t, "a leads", a.Leads)
}

func TestElectorReplacesTheSilentLeader(t *testing.T) {
	a, b := raftOfTwo(t)
	e := &elector{
		node: "b", log: quiet(), raft: b, wake: make(chan struct{}, 1), asked: make(chan string, 1),
		successor: func(_ []string, leader string, _ uint64) (string, bool) {
			if leader == "a" {
				return "b", true
			}
			return "", false
		},
	}
	runs(t, e.Run)
	kick(e.wake)
	eventually(t, "b leads", func() bool { return b.Leads() && !a.Leads() })
}

func TestElectorStandsWhenAsked(t *testing.T) {
	_, b := raftOfTwo(t)
	e := &elector{
		node: "b", log: quiet(), raft: b, wake: make(chan struct{}, 1), asked: make(chan string, 1),
		successor: func([]string, string, uint64) (string, bool) { return "", false },
	}
	runs(t, e.Run)
	e.asked <- "a"
	eventually(t, "b leads", b.Leads)
}

// said is a logger that remembers what it was told: the steward says what it is about to change.
type said struct {
	slog.Handler
	lines *[]string
}

func (s said) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "node" {
			line += " " + a.Value.String()
		}
		return true
	})
	*s.lines = append(*s.lines, line)
	return nil
}

func (said) Enabled(context.Context, slog.Level) bool { return true }

func TestSteward(t *testing.T) {
	server := func(name string, role state.Role) consensus.Server {
		return consensus.Server{Name: name, Address: name + ":2", Role: role}
	}
	v := func(name string) consensus.Server { return server(name, state.Voter) }
	l := func(name string) consensus.Server { return server(name, state.Learner) }
	moved := consensus.Server{Name: "b", Address: "elsewhere:2", Role: state.Voter}
	type servers []consensus.Server
	for _, c := range []struct {
		name    string
		members []string
		servers servers
		shut    bool   // the gate
		lags    string // who has not caught up
		dead    string // who has no lease
		want    string // what it says; empty: nothing is done
		acts    bool
	}{
		{"one is enough for one", []string{"a"}, servers{v("a")}, false, "", "", "", false},
		{"a new member becomes a learner", []string{"a", "b"}, servers{v("a")}, false, "", "", "adding a learner b", true},
		{"even while the voters may not change", []string{"a", "b"}, servers{v("a")}, true, "", "", "adding a learner b", true},
		{"two vote of two", []string{"a", "b"}, servers{v("a"), l("b")}, false, "", "", "promoting a learner to voter b", true},
		{"not while the voters may not change", []string{"a", "b"}, servers{v("a"), l("b")}, true, "", "", "", false},
		{"not before it caught up", []string{"a", "b"}, servers{v("a"), l("b")}, false, "b", "", "", false},
		{"not without a lease", []string{"a", "b"}, servers{v("a"), l("b")}, false, "", "b", "", false},
		{"the other one, then", []string{"a", "b", "c"}, servers{v("a"), l("b"), l("c")}, false, "b", "", "promoting a learner to voter c", true},
		{"three vote of three", []string{"a", "b", "c"}, servers{v("a"), v("b"), l("c")}, false, "", "", "promoting a learner to voter c", true},
		{"three vote of four", []string{"a", "b", "c", "d"}, servers{v("a"), v("b"), v("c"), l("d")}, false, "", "", "", false},
		{"five vote of five", []string{"a", "b", "c", "d", "e"}, servers{v("a"), v("b"), v("c"), l("d"), l("e")}, false, "", "", "promoting a learner to voter d", true},
		{"five vote of six", []string{"a", "b", "c", "d", "e", "f"}, servers{v("a"), v("b"), v("c"), v("d"), v("e"), l("f")}, false, "", "", "", false},
		{"who is removed goes", []string{"a"}, servers{v("a"), v("b")}, false, "", "", "removing a member from the configuration b", true},
		{"a voter not while the voters may not change", []string{"a"}, servers{v("a"), v("b")}, true, "", "", "", false},
		{"a learner at any time", []string{"a"}, servers{v("a"), l("b")}, true, "", "", "removing a member from the configuration b", true},
		{"who moved is found without", []string{"a", "b"}, servers{v("a"), moved}, false, "", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			view := clusterOf(t, c.members...)
			if c.dead != "" {
				view = grow(t, view, state.Command{Retire: &state.Retire{Tenure: state.Tenure{Node: c.dead, Epoch: view.Nodes[c.dead].Epoch}}})
			}
			var lines []string
			s := &steward{
				self: "a",
				log:  slog.New(said{slog.DiscardHandler, &lines}),
				applied: func(node string) uint64 {
					if node == c.lags {
						return view.Voters.Index - 1
					}
					return view.Voters.Index
				},
				ceiling: func() time.Duration { return 0 },
				slept:   awake,
				current: true,
			}
			if !c.shut {
				s.gate.Elected(0) // long ago
			}
			change, _ := s.next(t.Context(), view, c.servers)
			diff(t, "acts", c.acts, change != nil)
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			diff(t, "said", want, lines)
		})
	}
}

// The longest lease that anybody may still count by is what the pause between changes is for.
func TestStewardWaitsForTheLongestLease(t *testing.T) {
	s := &steward{log: quiet(), ceiling: func() time.Duration { return time.Hour }, slept: awake, current: true}
	s.gate.Elected(bootNow().Add(-time.Minute))
	view := clusterOf(t, "a")
	diff(t, "open with a ceiling of an hour", false, s.open(view))
	s.ceiling = func() time.Duration { return 0 }
	diff(t, "open with the profile's lease", true, s.open(view))
	s.slept = func() time.Duration { return time.Millisecond }
	diff(t, "open after a suspension", false, s.open(view))
}

// Whoever lacks an entry is not elected, and has ended the term of the leader who asked it: that one leads on.
func TestElectorLeadsOnIfNobodyElseIsElected(t *testing.T) {
	a, _ := raftNode(t, "a", true)
	e := &elector{node: "b", log: quiet(), raft: a, wake: make(chan struct{}, 1), asked: make(chan string, 1), gaveUp: make(chan struct{}, 1)}
	runs(t, e.Run)
	kick(e.gaveUp)
	eventually(t, "it leads on", a.Leads)
}
