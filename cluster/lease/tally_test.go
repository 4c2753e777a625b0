package lease

import (
	"testing"
	"time"
)

func TestTallyQuorum(t *testing.T) {
	abc, abcd := []string{"a", "b", "c"}, []string{"a", "b", "c", "d"}
	for name, c := range map[string]struct {
		from   []string
		voters []string
		want   bool
	}{
		"nobody":               {nil, abc, false},
		"one of three":         {[]string{"a"}, abc, false},
		"two of three":         {[]string{"a", "c"}, abc, true},
		"the same twice":       {[]string{"a", "a"}, abc, false},
		"two of four":          {[]string{"a", "c"}, abcd, false},
		"three of four":        {[]string{"a", "c", "d"}, abcd, true},
		"a learner counts not": {[]string{"a", "d"}, abc, false},
		"no voters":            {[]string{"a"}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			var tally Tally
			for _, v := range c.from {
				tally.Add(Withdrawal{Member: "m", Epoch: 7, Voter: v})
			}
			if got := tally.Quorum(c.voters, "m", 7); got != c.want {
				t.Fatalf("quorum = %v, want %v", got, c.want)
			}
			if tally.Quorum(c.voters, "m", 6) || tally.Quorum(c.voters, "n", 7) {
				t.Fatal("withdrawals of m/7 count for something else")
			}
		})
	}
}

func TestTallyCandidate(t *testing.T) {
	var tally Tally
	add := func(voter string, term, index uint64) {
		tally.Add(Withdrawal{Member: "a", Epoch: 7, Voter: voter, LastTerm: term, LastIndex: index})
	}
	voters := []string{"a", "b", "c", "d"}
	if got := tally.Candidate(voters, "a", 7); got != "" {
		t.Fatalf("candidate %q of none", got)
	}
	unanimous := func(want bool) {
		t.Helper()
		if got := tally.Unanimous(voters, "a", 7); got != want {
			t.Fatalf("unanimous: %v; want %v", got, want)
		}
	}
	add("a", 9, 9) // the dead leader itself
	add("x", 9, 9) // not a voter
	add("d", 3, 8)
	add("c", 3, 9)
	unanimous(false)
	add("b", 2, 10)
	unanimous(true)
	if got := tally.Candidate(voters, "a", 7); got != "c" {
		t.Fatalf("candidate %q; want c, whose log is newest", got)
	}
	add("b", 3, 9) // its log grew
	if got := tally.Candidate(voters, "a", 7); got != "b" {
		t.Fatalf("candidate %q; want b, the lowest name of equals", got)
	}
}

func TestTallyForgets(t *testing.T) {
	var tally Tally
	one := []string{"v"}
	tally.Add(Withdrawal{Member: "m", Epoch: 7, Voter: "v"})
	tally.Add(Withdrawal{Member: "m", Epoch: 6, Voter: "v"}) // late: 7 stays
	tally.Forget(map[string]uint64{"m": 7})
	if !tally.Quorum(one, "m", 7) {
		t.Fatal("forgot the withdrawal of a live epoch")
	}
	tally.Forget(map[string]uint64{"m": 6}) // this node's state lags
	if !tally.Quorum(one, "m", 7) {
		t.Fatal("forgot the withdrawal of an epoch still to come")
	}
	tally.Forget(map[string]uint64{"m": 8})
	if tally.Quorum(one, "m", 7) {
		t.Fatal("remembers the withdrawal of a dead epoch")
	}
	tally.Add(Withdrawal{Member: "m", Epoch: 8, Voter: "v"})
	tally.ForgetVoter("v")
	if tally.Quorum(one, "m", 8) {
		t.Fatal("counts the withdrawal of a voter that left")
	}
}

func TestChangeGate(t *testing.T) {
	var g ChangeGate
	open := func(now Instant) bool { return g.Open(now, lan.Lease, lan.Margin) }
	if open(at(time.Hour)) {
		t.Fatal("open at a node that does not lead")
	}
	expectOpens := func(want Instant) {
		t.Helper()
		if got, ok := g.OpensAt(lan.Lease, lan.Margin); !ok || got != want {
			t.Fatalf("opens at %v, %v; want %v", got, ok, want)
		}
		if open(want-1) || !open(want) {
			t.Fatalf("must open exactly at %v", want)
		}
	}
	g.Elected(at(0))
	expectOpens(at(promised))
	g.Committed(at(100 * ms))
	expectOpens(at(100*ms + promised))
	if got, _ := g.OpensAt(time.Second, lan.Margin); got != at(1120*ms) {
		t.Fatalf("with longer leases about, opens at %v", got)
	}
	g.Deposed()
	if open(at(time.Hour)) {
		t.Fatal("open after losing the lead")
	}
	g.Elected(at(500 * ms))
	expectOpens(at(500*ms + promised))
}
