package state

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func address(s string) Address {
	return Address{Prefix: netip.MustParsePrefix(s), Interface: "eth0"}
}

func group(name string, addresses ...string) Group {
	g := Group{Name: name, Interface: "eth0", Priority: DefaultPriority, Preempt: true}
	for _, a := range addresses {
		g.Addresses = append(g.Addresses, address(a))
	}
	return g
}

// history applies commands one after the other and fails on the first that is refused.
func history(t *testing.T, cmds ...Command) *State {
	t.Helper()
	s := New()
	for i, cmd := range cmds {
		cmd.At = noon
		next, result := s.Apply(uint64(i+1), cmd)
		if result.Err != nil {
			t.Fatalf("command %d (%s): %v", i, cmd.Name(), result.Err)
		}
		s = next
	}
	return s
}

func founded() []Command {
	join := func(name string) Command {
		return Command{Join: &Join{Node: Node{Name: name, Instance: "i-" + name, Gossip: name + ":1", Address: name + ":2"}}}
	}
	register := func(name string) Command {
		return Command{Register: &Register{Node: name, Instance: "i-" + name, Start: "s-" + name}}
	}
	return []Command{
		{Init: &Init{Cluster: "c", Profile: LAN, Node: Node{Name: "a", Instance: "i-a"}}},
		join("b"), register("a"), register("b"),
		{SetGroups: &SetGroups{Groups: []Group{group("web", "10.0.0.1/24", "10.0.0.2/24"), group("db", "10.0.0.3/24")}}},
	}
}

func assign(s *State, name, to string) Command {
	return Command{Assign: &Assign{Moves: []Move{{
		Groups: []Expected{{name, s.Assignments[name].Serial}}, To: to, Epoch: s.Nodes[to].Epoch, Reason: "test",
	}}}}
}

func never(uint64) bool { return false }

func held(s *State, node string) map[string][]string {
	got := map[string][]string{}
	for _, h := range s.TenancyOf(node, s.Nodes[node].Epoch, never).Held {
		for _, a := range h.Addresses {
			got[h.Group] = append(got[h.Group], a.Prefix.Addr().String())
		}
	}
	return got
}

func mustApply(t *testing.T, s *State, cmd Command) *State {
	t.Helper()
	next, result := s.Apply(s.Index+1, cmd)
	if result.Err != nil {
		t.Fatalf("%s: %v", cmd.Name(), result.Err)
	}
	return next
}

func TestMoveWaitsForTheOldHolder(t *testing.T) {
	s := history(t, founded()...)
	s = mustApply(t, s, assign(s, "web", "a"))
	if diff := cmp.Diff(map[string][]string{"web": {"10.0.0.1", "10.0.0.2"}}, held(s, "a")); diff != "" {
		t.Fatalf("held by a (-want +got):\n%s", diff)
	}
	s = mustApply(t, s, assign(s, "web", "b"))
	if got := held(s, "a"); len(got) > 0 {
		t.Errorf("a still holds %v", got)
	}
	if got := held(s, "b"); len(got) > 0 {
		t.Errorf("b holds %v before a let go", got)
	}
	serial := s.Assignments["web"].Serial
	early := s.TenancyOf("b", s.Nodes["b"].Epoch, func(n uint64) bool { return n == serial })
	if len(early.Held) != 1 {
		t.Errorf("after a said that it let go, b holds %v", early.Held)
	}
	s = mustApply(t, s, Command{Settle: &Settle{Tenure: Tenure{"a", s.Nodes["a"].Epoch}, Serials: []uint64{serial}}})
	if got := held(s, "b"); len(got) != 1 {
		t.Errorf("after the settlement b holds %v", got)
	}
}

func TestDeathSettlesDebts(t *testing.T) {
	s := history(t, founded()...)
	s = mustApply(t, s, assign(s, "web", "a"))
	s = mustApply(t, s, assign(s, "web", "b"))
	s = mustApply(t, s, Command{Expire: &Expire{Dead: []Tenure{{"a", s.Nodes["a"].Epoch}}}})
	if got := held(s, "b"); len(got) != 1 {
		t.Errorf("b holds %v after the debtor's death", got)
	}
	if s.Nodes["a"].Live() {
		t.Error("a is alive after its epoch expired")
	}
}

func TestExpireAndAssignAreOneEntry(t *testing.T) {
	s := history(t, founded()...)
	s = mustApply(t, s, assign(s, "web", "a"))
	serial := s.Assignments["web"].Serial
	s = mustApply(t, s, Command{Expire: &Expire{
		Dead:  []Tenure{{"a", s.Nodes["a"].Epoch}},
		Moves: []Move{{Groups: []Expected{{"web", serial}}, To: "b", Epoch: s.Nodes["b"].Epoch, Reason: "a: lease ended"}},
	}})
	if got := held(s, "b"); len(got) != 1 {
		t.Errorf("b holds %v", got)
	}
	if got := s.Assignments["web"].Serial; got <= serial {
		t.Errorf("serial %d after %d: it must grow", got, serial)
	}
}

func TestAddressChangesGroup(t *testing.T) {
	s := history(t, founded()...)
	s = mustApply(t, s, assign(s, "web", "a"))
	s = mustApply(t, s, assign(s, "db", "b"))
	s = mustApply(t, s, Command{SetGroups: &SetGroups{Groups: []Group{group("web", "10.0.0.1/24"), group("db", "10.0.0.3/24", "10.0.0.2/24")}}})
	if diff := cmp.Diff(map[string][]string{"db": {"10.0.0.3"}}, held(s, "b")); diff != "" {
		t.Errorf("held by b while a may still answer for 10.0.0.2 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]string{"web": {"10.0.0.1"}}, held(s, "a")); diff != "" {
		t.Errorf("held by a (-want +got):\n%s", diff)
	}
	owed := s.TenancyOf("a", s.Nodes["a"].Epoch, never).Owed
	if len(owed) != 1 || owed[0].Addresses[0] != netip.MustParseAddr("10.0.0.2") {
		t.Errorf("a owes %v", owed)
	}
}

func TestRemovedGroupIsOwed(t *testing.T) {
	s := history(t, founded()...)
	s = mustApply(t, s, assign(s, "web", "a"))
	s = mustApply(t, s, Command{SetGroups: &SetGroups{Groups: []Group{group("db", "10.0.0.1/24")}}})
	s = mustApply(t, s, assign(s, "db", "b"))
	if got := held(s, "b"); len(got) > 0 {
		t.Errorf("b holds %v, which a had in a group that is gone", got)
	}
}

func TestRefusals(t *testing.T) {
	s := history(t, founded()...)
	tests := []struct {
		name string
		cmd  Command
		want error
	}{
		{"init twice", Command{Init: &Init{Cluster: "d", Profile: LAN, Node: Node{Name: "z", Instance: "i"}}}, ErrExists},
		{"another host of the same name", Command{Join: &Join{Node: Node{Name: "a", Instance: "other"}}}, ErrWrongInstance},
		{"register a stranger", Command{Register: &Register{Node: "z"}}, ErrUnknownNode},
		{"register another host", Command{Register: &Register{Node: "a", Instance: "other"}}, ErrWrongInstance},
		{"register while the last start lives", Command{Register: &Register{Node: "a", Instance: "i-a"}}, ErrEpochAlive},
		{"retire an older start", Command{Retire: &Retire{Tenure: Tenure{"a", 99}}}, ErrEpochDead},
		{"remove a node that lives", Command{Remove: &Remove{Node: "a"}}, ErrEpochAlive},
		{"address in two groups", Command{SetGroups: &SetGroups{Groups: []Group{group("x", "10.0.0.9/24"), group("y", "10.0.0.9/32")}}}, ErrInvalid},
		{"group twice", Command{SetGroups: &SetGroups{Groups: []Group{group("x"), group("x")}}}, ErrInvalid},
		{"profile without sense", Command{SetProfile: &SetProfile{Profile: Profile{Renew: time.Second, Lease: time.Second, Margin: time.Second}}}, ErrInvalid},
		{"drain a stranger", Command{Drain: &Drain{Node: "z"}}, ErrUnknownNode},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			next, result := s.Apply(s.Index+1, tt.cmd)
			if !errors.Is(result.Err, tt.want) {
				t.Errorf("got error %v, want %v", result.Err, tt.want)
			}
			if diff := cmp.Diff(s, next, cmpopts.IgnoreFields(State{}, "Index"), comparers); diff != "" {
				t.Errorf("a refused command changed the state (-before +after):\n%s", diff)
			}
		})
	}
}

var comparers = cmp.Options{
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

func TestStaleMoveIsLeftOut(t *testing.T) {
	s := history(t, founded()...)
	stale := assign(s, "web", "b")
	s = mustApply(t, s, assign(s, "web", "a"))
	next, result := s.Apply(s.Index+1, stale)
	if result.Err != nil || result.Moved != 0 || next.Assignments["web"].Holder != "a" {
		t.Errorf("a move decided before another one was carried out: %+v, holder %s", result, next.Assignments["web"].Holder)
	}
}

func TestSnapshotRoundTrip(t *testing.T) {
	s := history(t, founded()...)
	s = mustApply(t, s, assign(s, "web", "a"))
	s = mustApply(t, s, assign(s, "web", "b")).WithVoters(9, []string{"b", "a"})
	var buf bytes.Buffer
	if err := s.Encode(&buf); err != nil {
		t.Fatal(err)
	}
	got, err := Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got, comparers); diff != "" {
		t.Errorf("after a snapshot (-want +got):\n%s", diff)
	}
}

func TestDecodeRefusesWhatItCannotKnow(t *testing.T) {
	for _, text := range []string{`{"v":1,"settle":{},"later":{}}`, `{"v":99}`, `{}`, `not json`} {
		if _, err := DecodeCommand([]byte(text)); err == nil {
			t.Errorf("decoded %s", text)
		}
	}
	if _, err := Decode(bytes.NewReader([]byte(`{"format":99}`))); err == nil {
		t.Error("decoded a snapshot of a later format")
	}
}
