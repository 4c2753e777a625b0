package electorate

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vipd/cluster/state"
)

// parse reads members from words as "a:voter,live,leads": votes, pinned roles as want-ROLE, fit, dead.
func parse(t testing.TB, text string) []Member {
	t.Helper()
	var members []Member
	for _, word := range strings.Fields(text) {
		name, traits, _ := strings.Cut(word, ":")
		m := Member{Name: name}
		for _, trait := range strings.Split(traits, ",") {
			switch trait {
			case "votes":
				m.Votes = true
			case "live":
				m.Live = true
			case "fit":
				m.Live, m.Fit = true, true
			case "leads":
				m.Leads = true
			case "dead":
				m.Dead = true
			case "off":
			case "want-voter":
				m.Role = state.Voter
			case "want-learner":
				m.Role = state.Learner
			case "want-witness":
				m.Role = state.Witness
			default:
				t.Fatalf("what is %q?", trait)
			}
		}
		members = append(members, m)
	}
	return members
}

func TestWanted(t *testing.T) {
	for n, want := range []int{0, 1, 2, 3, 3, 5, 5, 5} {
		if got := Wanted(n, 0); got != want {
			t.Errorf("of %d members %d should vote, want %d", n, got, want)
		}
	}
}

func TestNext(t *testing.T) {
	for _, tt := range []struct {
		name    string
		members string
		limit   int
		want    Change
	}{
		{"one node", "a:votes,fit,leads", 0, Change{}},
		{"the second", "a:votes,fit,leads b:fit", 0, Change{Promote: "b", Why: "another voter is wanted"}},
		{"one that is not fit yet", "a:votes,fit,leads b:live", 0, Change{}},
		{"the fourth of four stays a learner", "a:votes,fit,leads b:votes,fit c:votes,fit d:fit", 0, Change{}},
		{"the fourth of five", "a:votes,fit,leads b:votes,fit c:votes,fit d:fit e:fit", 0, Change{Promote: "d", Why: "another voter is wanted"}},
		{"three of five wanted", "a:votes,fit,leads b:votes,fit c:votes,fit d:fit e:fit", 3, Change{}},
		{"one of three wanted", "a:votes,fit,leads b:votes,fit c:votes,fit", 1, Change{Demote: "c", Why: "enough others vote"}},
		{"the leader stays where another can go", "a:votes,fit b:votes,fit,leads", 1, Change{Demote: "a", Why: "enough others vote"}},
		{"a voter is off for a moment", "a:votes,fit,leads b:votes,fit c:votes,off d:fit", 0, Change{}},
		{"a voter is dead: another first", "a:votes,fit,leads b:votes,fit c:votes,dead d:fit", 0, Change{Promote: "d", Why: "a voter is dead"}},
		{"then the dead one goes", "a:votes,fit,leads b:votes,fit c:votes,dead d:votes,fit", 0, Change{Demote: "c", Why: "enough others vote"}},
		{"it came back as the other was promoted", "a:votes,fit,leads b:votes,fit c:votes,live d:votes,fit", 0, Change{Demote: "d", Why: "enough others vote"}},
		{"nobody to replace it", "a:votes,fit,leads b:votes,fit c:votes,dead", 0, Change{}},
		{"a dead voter that should vote", "a:votes,fit,leads b:votes,fit c:votes,dead,want-voter d:fit", 0, Change{}},
		{"a witness votes", "a:votes,fit,leads b:votes,fit w:fit,want-witness", 0, Change{Promote: "w", Why: "it should vote"}},
		{"a learner by choice", "a:votes,fit,leads b:votes,fit c:fit,want-learner", 0, Change{}},
		{"a voter that should not", "a:votes,fit,leads b:votes,fit c:votes,fit,want-learner", 0, Change{Demote: "c", Why: "it should not vote"}},
		{"the leader should not", "a:votes,fit,leads,want-learner b:votes,fit", 0, Change{StepAside: true, Why: "it should not vote"}},
		{"the only voter should not", "a:votes,fit,leads,want-learner", 0, Change{}},
		{"not while the rest is no majority: first who is off", "a:votes,fit,leads b:votes,off c:votes,fit,want-learner", 0, Change{Demote: "b", Why: "enough others vote"}},
		{"never while the rest is no majority", "a:votes,fit,leads b:votes,off,want-voter c:votes,fit,want-learner", 0, Change{}},
		{"one is wanted in another's place", "a:votes,fit,leads b:votes,fit c:votes,fit d:fit,want-voter", 0, Change{Promote: "d", Why: "it should vote"}},
		{"and takes it", "a:votes,fit,leads b:votes,fit c:votes,fit d:votes,fit,want-voter", 0, Change{Demote: "c", Why: "enough others vote"}},
		{"one of five left", "a:votes,fit,leads b:votes,fit c:votes,fit d:votes,fit", 0, Change{Demote: "d", Why: "enough others vote"}},
		{"of four a live one where the dead one is wanted", "a:votes,fit,leads b:votes,fit c:votes,dead,want-voter d:votes,fit", 0, Change{Demote: "d", Why: "enough others vote"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Next(parse(t, tt.members), tt.limit); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// Whatever the members are: changes come to an end, and after each a majority of the voters is live if it was before.
func TestChangesAreSafeAndEnd(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(rt, "members")
		members := make([]Member, n)
		for i := range members {
			live := rapid.Bool().Draw(rt, "live")
			members[i] = Member{
				Name: string(rune('a' + i)), Votes: rapid.Bool().Draw(rt, "votes"), Live: live, Fit: live, Dead: !live,
				Role: rapid.SampledFrom([]state.Role{state.Auto, state.Auto, state.Voter, state.Learner, state.Witness}).Draw(rt, "role"),
			}
		}
		members[0].Votes, members[0].Live, members[0].Fit, members[0].Dead, members[0].Leads = true, true, true, false, true
		limit := rapid.SampledFrom([]int{0, 1, 3, 5}).Draw(rt, "limit")
		if !majority(members) {
			return
		}
		for range 4 * n {
			change := Next(members, limit)
			if change.Promote == "" && change.Demote == "" {
				return
			}
			for i := range members {
				switch members[i].Name {
				case change.Promote:
					members[i].Votes = true
				case change.Demote:
					members[i].Votes = false
				}
			}
			if !majority(members) {
				rt.Fatalf("after %+v no majority of the voters is live: %+v", change, members)
			}
		}
		rt.Fatalf("no end of changes: %+v", members)
	})
}

func majority(members []Member) bool { return SafeWithout(members, "") }
