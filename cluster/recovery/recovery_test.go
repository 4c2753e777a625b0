package recovery

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGenerations(t *testing.T) {
	second := Next("ab12", "77")
	third := Next(second, "88")
	for _, c := range []struct {
		later, earlier string
		want           bool
	}{
		{second, "ab12", true},
		{third, "ab12", true},
		{third, second, true},
		{"ab12", second, false},
		{second, second, false},
		{Next("ab12", "99"), second, false}, // recovered twice, apart from each other
		{second, "cd34", false},
		{"ab12", "ab12", false},
	} {
		if got := Supersedes(c.later, c.earlier); got != c.want {
			t.Errorf("%s supersedes %s: %v", c.later, c.earlier, got)
		}
	}
	if base, n := Generation(third); base != "ab12" || n != 3 {
		t.Errorf("%s is generation %d of %s", third, n, base)
	}
}

func TestMake(t *testing.T) {
	here := Member{Name: "n3", Votes: true, Answers: true, Term: 5, Index: 100}
	silent := func(name string) Member { return Member{Name: name, Votes: true} }
	at := func(name string, term, index uint64) Member {
		return Member{Name: name, Votes: true, Answers: true, Term: term, Index: index}
	}
	led := at("n4", 5, 90)
	led.Leader = "n1"
	learner := at("n4", 5, 100)
	learner.Votes = false
	for _, c := range []struct {
		name    string
		leased  bool
		members []Member
		lost    []string
		want    Plan
		refused string
	}{
		{name: "two of three are silent", members: []Member{silent("n1"), silent("n2"), here}, want: Plan{Unconfirmed: []string{"n1", "n2"}}},
		{name: "one is confirmed", members: []Member{silent("n2"), here, silent("n1")}, lost: []string{"n1"}, want: Plan{Dropped: []string{"n1"}, Unconfirmed: []string{"n2"}}},
		{name: "both are", members: []Member{silent("n1"), silent("n2"), here}, lost: []string{"n2", "n1"}, want: Plan{Dropped: []string{"n1", "n2"}}},
		{name: "of two one is left", members: []Member{silent("n1"), here}, lost: []string{"n1"}, want: Plan{Dropped: []string{"n1"}}},
		{
			name: "a survivor with as new a log", members: []Member{silent("n1"), silent("n2"), here, at("n4", 5, 100), silent("n5")}, lost: []string{"n1", "n2", "n5"},
			want: Plan{Again: []string{"n4"}, Dropped: []string{"n1", "n2", "n5"}},
		},
		{name: "a learner does not make a majority", members: []Member{silent("n1"), silent("n2"), here, learner}, lost: []string{"n1", "n2"}, want: Plan{Again: []string{"n4"}, Dropped: []string{"n1", "n2"}}},

		{name: "a lease", leased: true, members: []Member{silent("n1"), silent("n2"), here}, refused: "nothing to recover: this node has a lease"},
		{name: "a majority answers", members: []Member{silent("n1"), at("n2", 5, 90), here}, refused: "nothing to recover: n2, n3 answer"},
		{name: "a leader is known", members: []Member{silent("n1"), silent("n2"), here, led, silent("n5")}, refused: "nothing to recover: n1 leads"},
		{name: "a longer log elsewhere", members: []Member{silent("n1"), silent("n2"), here, at("n4", 5, 101), silent("n5")}, refused: "n4 has a newer log"},
		{name: "a newer term elsewhere", members: []Member{silent("n1"), silent("n2"), here, at("n4", 6, 3), silent("n5")}, refused: "n4 has a newer log"},
		{name: "one does not say", members: []Member{silent("n1"), {Name: "n2", Unclear: "old"}, here}, refused: "n2 answers, and not how new"},
		{name: "a lost one answers", members: []Member{silent("n1"), silent("n2"), here, at("n4", 5, 100), silent("n5")}, lost: []string{"n4"}, refused: "n4 answers"},
		{name: "a stranger is lost", members: []Member{silent("n1"), here}, lost: []string{"n9"}, refused: "n9 is no member"},
		{name: "itself", members: []Member{silent("n1"), here}, lost: []string{"n3"}, refused: "n3 is this node"},
		{name: "no member", members: []Member{silent("n1")}, refused: "no member"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, err := Make(Situation{Self: "n3", Leased: c.leased, Members: c.members, Lost: c.lost})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || errors.Is(err, ErrNothing) != strings.HasPrefix(c.refused, "nothing") {
					t.Fatalf("%v, want %q", err, c.refused)
				}
				return
			}
			c.want.Self = "n3"
			if d := cmp.Diff(c.want, plan); err != nil || d != "" {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
}
