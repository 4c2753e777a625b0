package cluster

import (
	"context"
	"errors"
	"testing"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/trust"
)

// specified is what a leader's view has for groups.
func specified(m *member) (names []string) {
	for name := range m.raft.View().Groups {
		names = append(names, name)
	}
	return names
}

// A copy of a command that comes late undoes nothing that was committed since: neither in the term that it was for, nor
// when the same node leads again.
func TestLateCopyIsNotCommitted(t *testing.T) {
	m := &member{raft: raftOfOne(t)}
	term := m.raft.Term()
	first := proposal{Command: groups(group("first", "10.0.0.1/24")), Term: term}.named()
	second := proposal{Command: groups(group("second", "10.0.0.2/24")), Term: term}.named()
	once, err := m.proposed(t.Context(), first)
	check(t, err)
	_, err = m.proposed(t.Context(), second)
	check(t, err)

	again, err := m.proposed(t.Context(), first)
	check(t, err)
	diff(t, "what the copy is told", once, again)
	diff(t, "groups", []string{"second"}, specified(m))

	former := proposal{Command: first.Command, Term: term - 1}.named()
	_, err = m.proposed(t.Context(), former)
	if told := newCallError(err); !errors.Is(told, consensus.ErrNotLeader) || told.Term != term {
		t.Errorf("a command for a former leader: %+v", told)
	}
	diff(t, "groups", []string{"second"}, specified(m))

	_, err = m.proposed(t.Context(), proposal{Command: first.Command}) // by an earlier version
	check(t, err)
	diff(t, "groups", []string{"first"}, specified(m))
}

// Who asks again, since the connection broke, is told what became of the first copy.
func TestSenderThatAsksAgainIsAnswered(t *testing.T) {
	m := &member{raft: raftOfOne(t)}
	p := proposal{Command: groups(group("web", "10.0.0.1/24")), Term: m.raft.Term()}.named()
	gone, end := context.WithCancel(t.Context())
	end()
	if _, err := m.proposed(gone, p); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	out, err := m.proposed(t.Context(), p)
	check(t, err)
	diff(t, "groups", []string{"web"}, specified(m))
	if out.Error != nil || out.Index == 0 {
		t.Errorf("told %+v", out)
	}
}

// A node that does not know the leader's term, since its Raft waits for the disk, learns it from the leader.
func TestSenderLearnsTheTerm(t *testing.T) {
	secret := trust.NewSecret()
	var asked []uint64
	address := callee(t, secret, handle(func(_ context.Context, p proposal) (outcome, error) {
		if asked = append(asked, p.Term); p.Term != 40 {
			return outcome{}, &termError{40}
		}
		return outcome{Index: 7}, nil
	}))
	m := &member{raft: raftOfOne(t), calls: callerOf(t, secret)}
	var out outcome
	check(t, m.proposeTo(t.Context(), address, proposal{}.named(), &out))
	diff(t, "terms asked for", []uint64{m.raft.Term(), 40}, asked)
	diff(t, "index", 7, out.Index)
}

// Receipts are of one term, and for a time.
func TestReceipts(t *testing.T) {
	var r receipts
	now := time.Now()
	for _, tt := range []struct {
		term  uint64
		id    string
		after time.Duration
		first bool
	}{
		{1, "a", 0, true}, {1, "a", 0, false}, {1, "b", onceFor, true}, {1, "a", onceFor, false},
		{1, "a", onceFor + 1, true}, {1, "b", onceFor + 1, false}, {2, "b", onceFor + 2, true},
	} {
		if _, first := r.take(tt.term, tt.id, now.Add(tt.after)); first != tt.first {
			t.Errorf("%+v: first %t", tt, first)
		}
	}
	if len(r.order) != 1 || len(r.byID) != 1 {
		t.Errorf("%d and %d receipts are kept of a former term", len(r.order)-1, len(r.byID)-1)
	}
}

// Each command has a name of its own.
func TestProposalIsNamed(t *testing.T) {
	if a, b := (proposal{}).named(), (proposal{}).named(); a.ID == "" || a.ID == b.ID {
		t.Errorf("names %q and %q", a.ID, b.ID)
	}
}
