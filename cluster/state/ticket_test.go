package state

import (
	"errors"
	"testing"
	"time"
)

// A ticket is good until its time has passed, it was used as often as it may be, or was revoked; the same attempt may come twice.
func TestTickets(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := oneNode(t)
	apply := func(after time.Duration, c SetTicket) error {
		next, result := s.Apply(s.Index+1, Command{At: begin.Add(after), By: "0:eve@n1", SetTicket: &c})
		s = next
		return result.Err
	}
	made := func(id string, once bool) SetTicket {
		return SetTicket{Make: &MakeTicket{ID: id, Hash: "h-" + id, TTL: time.Hour, Once: once}}
	}
	use := func(id, attempt string) SetTicket {
		return SetTicket{Use: &UseTicket{Hash: "h-" + id, Attempt: attempt, Node: "n2"}}
	}
	for _, step := range []struct {
		name  string
		after time.Duration
		do    SetTicket
		want  error
	}{
		{"made", 0, made("one", true), nil},
		{"made again", 0, made("one", true), nil},
		{"for ever", 0, SetTicket{Make: &MakeTicket{ID: "x", Hash: "h", TTL: MaxTicketTTL + 1}}, ErrInvalid},
		{"for less than nothing", 0, SetTicket{Make: &MakeTicket{ID: "x", Hash: "h", TTL: -1}}, ErrInvalid},
		{"another", 0, made("many", false), nil},
		{"used", time.Minute, use("one", "a"), nil},
		{"the same attempt", time.Minute, use("one", "a"), nil},
		{"used twice", time.Minute, use("one", "b"), ErrTicketUsed},
		{"one that nobody made", time.Minute, use("none", "a"), ErrNoTicket},
		{"without an attempt", time.Minute, use("many", ""), ErrNoTicket},
		{"for many", time.Minute, use("many", "a"), nil},
		{"for many, again", time.Minute, use("many", "b"), nil},
		{"at the last moment", time.Hour - 1, use("many", "c"), nil},
		{"too late", time.Hour, use("many", "d"), ErrTicketExpired},
		{"a third", 0, made("third", false), nil},
		{"used before", 0, use("third", "a"), nil},
		{"revoked", 0, SetTicket{Revoke: "third"}, nil},
		{"the same attempt after that", 0, use("third", "a"), ErrNoTicket},
		{"a later one", 26 * time.Hour, made("late", true), nil},
		{"what ended a day ago is forgotten", 26 * time.Hour, use("many", "e"), ErrNoTicket},
	} {
		if err := apply(step.after, step.do); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.name, err, step.want)
		}
	}
	var told int
	for _, e := range s.History {
		if e.Kind == Ticketed {
			told++
		}
	}
	if told != 10 { // 4 made, 5 used, 1 revoked
		t.Errorf("the history tells of %d", told)
	}
	if got := s.needs(); got != 4 {
		t.Errorf("written in format %d", got)
	}
}
