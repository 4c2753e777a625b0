package state

import (
	"errors"
	"testing"
	"time"
)

func TestRolesThatAreAskedFor(t *testing.T) {
	s := history(t, founded()...)
	for _, role := range []Role{Witness, Voter, Learner, Auto} {
		s = mustApply(t, s, Command{SetRole: &SetRole{Node: "b", Role: role}})
		if got := s.Nodes["b"].WantedRole(); got != role {
			t.Errorf("asked for %q, got %q", role, got)
		}
	}
	s = mustApply(t, s, Command{SetRole: &SetRole{Node: "b", Role: Learner}})
	again := *s.Nodes["b"]
	again.Wanted, again.Address = Auto, "elsewhere:1"
	s = mustApply(t, s, Command{Join: &Join{Node: again}})
	if got := s.Nodes["b"].WantedRole(); got != Learner {
		t.Errorf("a new address made it %q", got)
	}
	for name, cmd := range map[string]Command{
		"a role that there is none of": {SetRole: &SetRole{Node: "b", Role: "king"}},
		"an even number of voters":     {SetVoting: &SetVoting{Voting{Limit: 2}}},
		"patience below nothing":       {SetVoting: &SetVoting{Voting{ReplaceAfter: -time.Second}}},
	} {
		if _, result := s.Apply(s.Index+1, cmd); !errors.Is(result.Err, ErrInvalid) {
			t.Errorf("%s: %v", name, result.Err)
		}
	}
	if _, result := s.Apply(s.Index+1, Command{SetRole: &SetRole{Node: "z", Role: Voter}}); !errors.Is(result.Err, ErrUnknownNode) {
		t.Errorf("role of a stranger: %v", result.Err)
	}
}

// What an older vipd would not understand is written in a version that it refuses.
func TestRolesAreOfANewerVersion(t *testing.T) {
	for name, cmd := range map[string]Command{
		"role":   {SetRole: &SetRole{Node: "b", Role: Voter}},
		"voting": {SetVoting: &SetVoting{Voting{Limit: 3}}},
		"join":   {Join: &Join{Node: Node{Name: "b", Wanted: Learner}}},
	} {
		if got := cmd.Needs(); got != 3 {
			t.Errorf("%s is written in version %d", name, got)
		}
	}
	s := mustApply(t, history(t, founded()...), Command{SetVoting: &SetVoting{Voting{Limit: 3}}})
	if got := s.needs(); got != 3 {
		t.Errorf("the state is written in format %d", got)
	}
}
