package state

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// told is the history in short, without what founded() does.
func told(s *State) []string {
	var list []string
	for _, e := range s.History {
		if e.Seq/placesPerCommand <= uint64(len(founded())) {
			continue
		}
		text := string(e.Kind)
		for _, part := range []string{e.Group, e.From, e.Node, e.Subject, e.Reason} {
			if part != "" {
				text += " " + part
			}
		}
		if e.Duration != 0 {
			text += " " + e.Duration.String()
		}
		if e.By != nil {
			text += " by " + e.By.String()
		}
		list = append(list, text)
	}
	return list
}

func tellsOf(t *testing.T, s *State, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, told(s)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func note(n Note) Command { return Command{Note: &n} }

func TestHistoryOfAFailover(t *testing.T) {
	s := history(t, founded()...)
	s = mustApply(t, s, assign(s, "web", "a"))
	serial := s.Assignments["web"].Serial
	s = mustApply(t, s, Command{Expire: &Expire{
		Dead:  []Tenure{{"a", s.Nodes["a"].Epoch}},
		Moves: []Move{{Groups: []Expected{{"web", serial}}, To: "b", Epoch: s.Nodes["b"].Epoch, Reason: "a: lease ended"}},
	}})
	carried := note(Note{Node: "b", Seq: 1, Carried: []CarriedNote{{Group: "web", Serial: s.Assignments["web"].Serial, Silent: 410 * time.Millisecond}}})
	s = mustApply(t, s, carried)
	s = mustApply(t, s, carried) // the answer to the first got lost
	carried.Note.Seq = 2
	s = mustApply(t, s, carried) // the daemon was restarted and carries on
	s = mustApply(t, s, note(Note{Node: "b", Seq: 3, Carried: []CarriedNote{{Group: "web", Serial: serial}}}))
	tellsOf(t, s,
		"holder web a test",
		"lost a a majority withdrew the lease of epoch 1",
		"holder web a b a: lease ended",
		"carried web a b 410ms",
	)
	events, missed := s.After(0)
	lost, gone := events[len(events)-3], events[len(events)-2]
	if missed || !lost.SameCommand(gone) || lost.Seq >= gone.Seq {
		t.Errorf("events %+v and %+v, missed: %v", lost, gone, missed)
	}
	if newer, _ := s.After(lost.Seq); len(newer) != 2 {
		t.Errorf("after the loss come %+v", newer)
	}
}

func TestHistoryOfCommands(t *testing.T) {
	s := history(t, founded()...)
	who := Who{User: "eve@corp", UID: 1000, Node: "b"}
	for _, cmd := range []Command{
		{Drain: &Drain{Node: "a", On: true}},
		{Drain: &Drain{Node: "a", On: true}}, // as before
		{Drain: &Drain{Node: "a"}},
		{SetGroups: &SetGroups{Groups: []Group{group("web", "10.0.0.1/24"), group("mail", "10.0.0.4/24")}}},
		{SetProfile: &SetProfile{Profile: LAN}},
		{LongLease: &LongLease{Tenure: Tenure{"b", 2}, Lease: 20 * time.Second}},
		{SetPause: &SetPause{On: true, Reason: "new switch", For: time.Hour}},
		{SetPause: &SetPause{}},
		{SetPause: &SetPause{}}, // as before
		{SetRole: &SetRole{Node: "a", Role: Witness}},
		{SetRole: &SetRole{Node: "a", Role: Witness}}, // as before
		{SetVoting: &SetVoting{Voting: Voting{Limit: 3}}},
		{Leave: &Leave{Node: "b"}},
		{Drain: &Drain{Node: "stranger"}}, // refused
		note(Note{Node: "b", Seq: 1, Done: []CommandNoted{{What: "bond apply", By: who.Text()}}}),
	} {
		if cmd.Note == nil {
			cmd.By = who.Text()
		}
		s, _ = s.Apply(s.Index+1, cmd)
	}
	s = mustApply(t, s, Command{By: "a", Retire: &Retire{Tenure: Tenure{"b", 2}}})
	tellsOf(t, s,
		"drained a by eve@corp@b",
		"undrained a by eve@corp@b",
		"applied group mail added; group web changed; group db removed by eve@corp@b",
		"hold b 20s by eve@corp@b",
		"paused new switch 1h0m0s by eve@corp@b",
		"resumed by eve@corp@b",
		"role a witness by eve@corp@b",
		"voters limit 3 (0: none), replaced after 2m0s by eve@corp@b",
		"leaving b by eve@corp@b",
		"done b bond apply by eve@corp@b",
		"stopped b epoch 2",
	)
	if by := s.History[len(s.History)-2].By; by == nil || *by != who {
		t.Errorf("given by %+v, want %+v", by, who)
	}
}

func TestHistoryOfMembersAndLeaders(t *testing.T) {
	s := history(t, founded()...).WithVoters(9, []string{"a"})
	s = mustApply(t, s, note(Note{Node: "a", Seq: 1, Leads: true}))
	s = s.WithVoters(11, []string{"a", "b"})
	if s.VotersNoted() {
		t.Error("nobody has noted the new voters")
	}
	s = mustApply(t, s, note(Note{Node: "b", Seq: 1, Leads: true}))
	s = mustApply(t, s, note(Note{Node: "b", Seq: 2, Leads: true}))
	s = mustApply(t, s, Command{Retire: &Retire{Tenure: Tenure{"a", 1}}})
	s = s.WithVoters(15, []string{"b"})
	s = mustApply(t, s, Command{Remove: &Remove{Node: "a"}})
	tellsOf(t, s, "promoted a", "leads a", "promoted b", "leads b", "stopped a epoch 1", "demoted a", "removed a")
	if s.Noted["a"] != nil {
		t.Error("the notes of a node that is gone are kept")
	}
}

func TestHistoryOfHealth(t *testing.T) {
	s := history(t, founded()...)
	s = mustApply(t, s, note(Note{Node: "a", Seq: 1, Health: []HealthNote{{Subject: "check nginx", Bad: true, Text: "no such process"}}}))
	before := s
	s = mustApply(t, s, note(Note{Node: "a", Seq: 2, Health: []HealthNote{{Subject: "check nginx"}, {Subject: "bond bond0", Bad: true}}}))
	tellsOf(t, s, "failing a check nginx no such process", "recovered a check nginx", "failing a bond bond0")
	if diff := cmp.Diff(Noted{Seq: 2, Bad: map[string]string{"bond bond0": ""}}, s.NotedOf("a")); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"check nginx": "no such process"}, before.NotedOf("a").Bad); diff != "" {
		t.Errorf("an earlier state changed (-want +got):\n%s", diff)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := history(t, founded()...)
	first := s.History[0].Seq
	for i := range 600 {
		s = mustApply(t, s, Command{Drain: &Drain{Node: "a", On: i%2 == 0}})
		s = mustApply(t, s, Command{Drain: &Drain{Node: "b", On: i%2 == 0}})
	}
	events, missed := s.After(first)
	if want := s.historyLength(); len(events) != want || !missed {
		t.Errorf("%d events, missed %v; want %d and some missed", len(events), missed, want)
	}
	if _, missed := s.After(s.Forgotten); missed {
		t.Error("nothing is missed by someone who has seen the newest that was forgotten")
	}
}

// A snapshot of a version that kept no history is read, and what comes after it is noted.
func TestHistoryBeginsWithAnUpgrade(t *testing.T) {
	s, err := Decode(strings.NewReader(`{"format":1,"index":40,"cluster":"c","profile":{"name":"lan","renew":100000000,"lease":1000000000,"margin":100000000},` +
		`"nodes":{"a":{"name":"a","instance":"i-a","epoch":3}},"last_epoch":3,"voters":{"index":3,"names":["a","b"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	s = mustApply(t, s, note(Note{Node: "a", Seq: 1}))
	s = mustApply(t, s, Command{Drain: &Drain{Node: "a", On: true}})
	if got := fmt.Sprint(told(s)); got != "[drained a]" {
		t.Errorf("history %v", got)
	}
}

func TestWho(t *testing.T) {
	for by, want := range map[string]*Who{
		"0:root@n1":        {User: "root", Node: "n1"},
		"7:eve@corp@n-2.x": {User: "eve@corp", UID: 7, Node: "n-2.x"},
		"n1":               nil,
		"":                 nil,
		"x:root@n1":        nil,
		"0:root":           nil,
	} {
		if diff := cmp.Diff(want, ParseWho(by)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", by, diff)
		}
	}
}

// The history tells who lost a group by a fault of its own, from when on all members know of that.
func TestHistoryTellsOfFaults(t *testing.T) {
	s := mustApply(t, oneNode(t), Command{SetGroups: &SetGroups{Groups: []Group{group("web", "10.0.0.1/24"), group("db", "10.0.0.2/24")}}})
	at := time.Unix(1_700_000_000, 0)
	given := func(s *State, to string, fault bool) *State {
		epoch := uint64(0)
		if to != "" {
			epoch = s.Nodes[to].Epoch
		}
		groups := []Expected{{"web", s.Assignments["web"].Serial}, {"db", s.Assignments["db"].Serial}}
		if fault {
			groups = groups[:1]
		}
		at = at.Add(time.Second)
		return mustApply(t, s, Command{At: at, Assign: &Assign{Moves: []Move{{Groups: groups, To: to, Epoch: epoch, Reason: "r", Fault: fault}}}})
	}
	tells := func(s *State, since time.Time, want ...string) {
		t.Helper()
		var got []string
		for _, e := range s.LostSince(since) {
			got = append(got, e.From+" "+e.Group)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	s = mustApply(t, s, Command{Register: &Register{Node: "n1", Instance: "i", Start: "s"}})
	s = given(given(s, "n1", false), "", true)
	tells(s, time.Time{}) // not all know of it
	s = mustApply(t, s, Command{Raise: &Raise{Version: FaultVersion}})
	s = given(given(s, "n1", false), "", false)
	tells(s, time.Time{})
	s = given(given(s, "n1", false), "", true)
	tells(s, time.Time{}, "n1 web")
	tells(s, at.Add(1))
	s = given(s, "n1", false)
	s = mustApply(t, s, Command{At: at.Add(time.Minute), Expire: &Expire{Dead: []Tenure{{"n1", s.Nodes["n1"].Epoch}}}})
	tells(s, time.Time{}, "n1 web", "n1 db", "n1 web")
	tells(s, at.Add(time.Second), "n1 db", "n1 web")
}
