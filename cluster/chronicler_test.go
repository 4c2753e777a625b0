package cluster

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/health"
	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// scribe is a chronicler of node b, with its cluster's state in place of Raft.
type scribe struct {
	*chronicler
	state    *state.State
	accounts map[string]account
	leading  bool
	mute     time.Duration // how long others have been silent
	lost     bool          // answers get lost after the command was committed
	proposed int
}

func newScribe(t *testing.T) *scribe {
	d := &scribe{state: clusterOf(t, "a", "b"), accounts: map[string]account{"a": {Reads: state.NoteVersion}, "b": {Reads: state.NoteVersion}}}
	d.chronicler = newChronicler(chroniclerOptions{
		node: "b", log: quiet(), view: func() *state.State { return d.state },
		account: func(node string) (account, bool) { a, ok := d.accounts[node]; return a, ok },
		leads:   func() bool { return d.leading },
		silent:  func(string) time.Duration { return d.mute },
		propose: func(_ context.Context, cmd state.Command) (state.Result, error) {
			d.proposed++
			next, result := d.state.Apply(d.state.Index+1, cmd)
			d.state = next
			if d.lost {
				return state.Result{}, errors.New("the answer got lost")
			}
			return result, nil
		},
	})
	return d
}

// write lets the chronicler write until it rests, at once.
func (d *scribe) write(t *testing.T) {
	t.Helper()
	for range 20 {
		d.since, d.last = 1, 1 // long ago
		if wait := d.step(t.Context()); wait > 0 && !d.lost {
			return
		}
	}
	if !d.lost {
		t.Fatal("the chronicler does not come to rest")
	}
}

// tells returns the kinds and subjects of what was noted.
func (d *scribe) tells() []string {
	var list []string
	for _, e := range d.state.History {
		switch e.Kind {
		case state.Founded, state.Joined, state.Started, state.Applied, state.Held, state.Lost:
			continue
		}
		text := string(e.Kind) + " " + e.Node
		if s := e.Group + e.Subject; s != "" {
			text += " " + s
		}
		if e.Duration > 0 {
			text += " " + e.Duration.String()
		}
		list = append(list, text)
	}
	return list
}

func (d *scribe) commit(t *testing.T, cmd state.Command) { d.state = grow(t, d.state, cmd) }

func TestNothingIsWrittenThatAnOldMemberCannotRead(t *testing.T) {
	d := newScribe(t)
	d.accounts["a"] = account{} // of an earlier version
	d.leading = true
	d.commanded("bond apply", "0:root@b")
	d.write(t)
	diff(t, "proposed", 0, d.proposed)
	d.accounts["a"] = account{Reads: state.NoteVersion}
	d.write(t)
	diff(t, "told", []string{"leads b", "done b"}, d.tells())
	delete(d.accounts, "a") // it is down, and this daemon was restarted
	d.commit(t, state.Command{Note: &state.Note{Node: "a", Seq: 1}})
	d.commanded("bond failover", "0:root@b")
	d.write(t)
	diff(t, "told while a is down", []string{"leads b", "done b", "done b"}, d.tells())
}

func TestWritesOnceWhenAnswersGetLost(t *testing.T) {
	d := newScribe(t)
	d.lost = true
	d.commanded("bond apply", "0:root@b")
	d.write(t)
	d.lost = false
	d.commanded("bond failover", "0:root@b")
	d.write(t)
	diff(t, "told", []string{"done b", "done b"}, d.tells())
	diff(t, "reasons", []string{"bond apply", "bond failover"}, []string{last(d.state, 1).Reason, last(d.state, 0).Reason})
}

func last(s *state.State, before int) *state.Event { return s.History[len(s.History)-1-before] }

func TestWritesGatheredAndRarely(t *testing.T) {
	d := newScribe(t)
	wait := d.step(t.Context())
	if wait <= 0 || wait > noteGather {
		t.Fatalf("waits %v for what happens together", wait)
	}
	d.write(t)
	d.last = bootNow()
	d.commanded("bond apply", "0:root@b")
	d.since = bootNow().Add(-time.Minute)
	if wait := d.step(t.Context()); wait <= noteGather || wait > noteEach {
		t.Fatalf("waits %v after a note", wait)
	}
}

func TestWritesHowLongNobodyAnswered(t *testing.T) {
	d := newScribe(t)
	d.commit(t, groups(group("web", "10.0.0.1/24"), group("db", "10.0.0.2/24"), group("mail", "10.0.0.3/24")))
	for _, g := range []string{"web", "db"} {
		d.commit(t, give(d.state, "a", g))
	}
	d.commit(t, give(d.state, "b", "mail"))
	d.commit(t, give(d.state, "b", "db"))
	d.commit(t, state.Command{Expire: &state.Expire{
		Dead:  []state.Tenure{{Node: "a", Epoch: d.state.Nodes["a"].Epoch}},
		Moves: []state.Move{{Groups: []state.Expected{{Group: "web", Serial: d.state.Assignments["web"].Serial}}, To: "b", Epoch: d.state.Nodes["b"].Epoch, Reason: "a: lease ended"}},
	}})
	serial := func(g string) uint64 { return d.state.Assignments[g].Serial }
	d.mute = time.Hour
	now := bootNow()
	d.carries([]carriedAt{
		{group: "web", serial: serial("web"), at: now},
		{group: "db", serial: serial("db"), at: now, waited: 3 * time.Millisecond},
		{group: "mail", serial: serial("mail"), at: now},
	})
	d.write(t)
	var silence time.Duration
	for _, e := range d.state.History {
		switch {
		case e.Kind != state.Carried:
		case e.Group == "web":
			silence = e.Duration
		case e.Group == "db":
			diff(t, "silence of a planned move", 3*time.Millisecond, e.Duration)
		default:
			diff(t, "silence of a group that was new", 0, e.Duration)
		}
	}
	if silence > time.Hour || silence < time.Hour-time.Minute {
		t.Errorf("silence of a failover: %v", silence)
	}
	if n := len(d.tells()); n != 3 {
		t.Errorf("told %v", d.tells())
	}
}

func TestWritesWhatFails(t *testing.T) {
	d := newScribe(t)
	g := group("web", "10.0.0.1/24")
	g.Checks = []state.CheckUse{{Name: "nginx"}}
	d.commit(t, state.Command{SetGroups: &state.SetGroups{Groups: []state.Group{g}, Checks: []state.Check{{Name: "nginx"}}}})
	say := func(a account) {
		a.Reads = state.NoteVersion
		d.accounts["b"] = a
		d.damper = damper{} // time passed
		d.write(t)
	}
	say(account{Checks: map[string]checked{"nginx": {State: health.Failing, Text: "no such process"}}, Interfaces: map[string]string{"eth0": "it is down", "eth1": ""}})
	say(account{Interfaces: map[string]string{"eth0": ""}}) // restarted: the check has not run
	say(account{Checks: map[string]checked{"nginx": {State: health.OK}}, Degraded: map[string]degraded{"eth0": {Link: "bond0", Missing: 1, Why: "eth3 has no carrier"}}})
	say(account{Unfit: unfitStopping, Checks: map[string]checked{"nginx": {State: health.OK}}})
	diff(t, "told", []string{
		"failing b check nginx", "failing b interface eth0", "recovered b interface eth0",
		"recovered b check nginx", "failing b link bond0", "recovered b link bond0",
	}, d.tells())
}

func TestLeaderWritesTheVoters(t *testing.T) {
	d := newScribe(t)
	d.state = d.state.WithVoters(d.state.Index+1, []string{"a"})
	d.write(t)
	d.state = d.state.WithVoters(d.state.Index+1, []string{"a", "b"})
	before := d.proposed
	d.write(t)
	diff(t, "notes of a follower about the voters", before, d.proposed)
	d.leading = true
	d.write(t)
	d.write(t)
	told := d.tells()
	if !slices.Contains(told, "promoted b") || !slices.Contains(told, "leads b") || len(told) != 3 {
		t.Errorf("told %v", told)
	}
}

func TestStopwatch(t *testing.T) {
	var s stopwatch
	at := lease.Instant(time.Hour)
	web := state.Holding{Group: "web", Serial: 7, Addresses: []state.Address{{}}}
	waiting := []state.Holding{web}
	s.wait(at, waiting)
	s.wait(at.Add(time.Millisecond), waiting)
	diff(t, "carried in part", 0, len(s.stop(at.Add(2*time.Millisecond), waiting, []state.Holding{web})))
	got := s.stop(at.Add(5*time.Millisecond), nil, []state.Holding{web})
	if len(got) != 1 || got[0] != (carriedAt{"web", 7, at.Add(5 * time.Millisecond), 5 * time.Millisecond}) {
		t.Errorf("carried %+v", got)
	}
	diff(t, "carried already", 0, len(s.stop(at.Add(time.Second), nil, []state.Holding{web})))
	web.Serial = 9
	if got := s.stop(at.Add(time.Minute), nil, []state.Holding{web}); len(got) != 1 || got[0].waited != 0 {
		t.Errorf("carried again %+v", got)
	}
}

// Events are told from where somebody left off, and until the member's life ends.
func TestEventsGoOn(t *testing.T) {
	raft := raftOfOne(t)
	m := &member{raft: raft, ended: make(chan struct{})}
	m.early.Store(raft)
	n := &Node{member: &running{member: m}}
	apply := func(cmd state.Command) {
		result, err := raft.Propose(t.Context(), cmd)
		check(t, errors.Join(err, result.Err))
		m.changes.raise()
	}
	told := make(chan *state.Event, 100)
	ended := make(chan error, 1)
	from := api.EventsRequest{Follow: true, Group: "web", After: last(raft.View(), 0).Seq}
	go func() {
		_, err := n.Events(t.Context(), from, func(e *state.Event, missed bool) error {
			if missed {
				t.Error("something is missed")
			}
			told <- e
			return nil
		})
		ended <- err
	}()
	apply(groups(group("web", "10.0.0.1/24")))
	apply(give(raft.View(), "a", "web"))
	apply(state.Command{Drain: &state.Drain{Node: "a", On: true}})
	e := await(t, "the event", told)
	diff(t, "event", state.Held, e.Kind)
	var past []*state.Event
	result, err := n.Events(t.Context(), api.EventsRequest{After: e.Seq}, func(e *state.Event, _ bool) error {
		past = append(past, e)
		return nil
	})
	if err != nil || len(past) != 1 || past[0].Kind != state.Drained || result.Last != past[0].Seq {
		t.Fatalf("after it come %v, %v, %v", past, result, err)
	}
	close(m.ended)
	if err := await(t, "the end", ended); !errors.Is(err, errLeft) {
		t.Fatalf("ended with %v", err)
	}
	diff(t, "more events of web", 0, len(told))
}
