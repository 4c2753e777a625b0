package links

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vipd/bond"
)

func bonded(change func(*bond.Status)) bond.Status {
	s := bond.Status{
		Name: "bond0", Exists: true, Kind: "bond", Up: true, Carrier: true, Mode: "active-backup", Monitor: "miimon", Interval: 100, Active: "eth0",
		Members: []bond.MemberStatus{{Name: "eth0", Up: true, Carrier: true, Link: "up"}, {Name: "eth1", Up: true, Carrier: true, Link: "up"}},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func look(l *Links, statuses ...bond.Status) (changed bool, moved []string) {
	now := map[string]bond.Status{}
	for _, s := range statuses {
		now[s.Name] = s
	}
	changed, moved, _ = l.take(now)
	return changed, moved
}

func TestHistoryAndWhoMustLearn(t *testing.T) {
	l := New(slog.New(slog.DiscardHandler))
	if changed, moved := look(l, bonded(nil)); !changed || moved != nil {
		t.Errorf("the first look: changed %v, moved %v", changed, moved)
	}
	if changed, moved := look(l, bonded(nil)); changed || moved != nil {
		t.Errorf("nothing happened: changed %v, moved %v", changed, moved)
	}
	failed := func(s *bond.Status) {
		s.Active, s.Members[0].Carrier, s.Members[0].Link = "eth1", false, "down"
	}
	if changed, moved := look(l, bonded(failed)); !changed || !cmp.Equal(moved, []string{"bond0"}) {
		t.Errorf("the active member changed: changed %v, moved %v", changed, moved)
	}
	dead := func(s *bond.Status) {
		failed(s)
		s.Active, s.Carrier, s.Members[1].Carrier, s.Members[1].Link = "", false, false, "down"
	}
	if changed, moved := look(l, bonded(dead)); !changed || moved != nil {
		t.Errorf("all links are lost: changed %v, moved %v", changed, moved)
	}
	if changed, moved := look(l, bonded(failed)); !changed || !cmp.Equal(moved, []string{"bond0"}) {
		t.Errorf("one is back: changed %v, moved %v", changed, moved)
	}
	if changed, _ := look(l); !changed {
		t.Error("the bond went away: nothing changed")
	}
	var texts []string
	for _, e := range l.events {
		texts = append(texts, e.Link+": "+e.Text)
	}
	want := []string{
		"bond0: the active member is eth1, before eth0", "bond0: eth0 has no link",
		"bond0: the active member is none, before eth1", "bond0: it has no carrier", "bond0: eth1 has no link",
		"bond0: the active member is eth1, before none", "bond0: it has a carrier", "bond0: eth1 has a link",
		"bond0: it is gone",
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// What is remembered is bounded.
func TestHistoryForgets(t *testing.T) {
	l := New(slog.New(slog.DiscardHandler))
	for i := range 2 * remembered {
		look(l, bonded(func(s *bond.Status) { s.Up = i%2 == 0 }))
	}
	if len(l.events) != remembered {
		t.Errorf("%d events are remembered, want %d", len(l.events), remembered)
	}
}

// An interface stands as what it is on.
func TestStanding(t *testing.T) {
	l := New(slog.New(slog.DiscardHandler))
	two := 2
	l.set([]bond.Config{{Name: "bond1", MinLinks: &two}})
	lost := func(s *bond.Status) { s.Members[1].Link, s.Members[1].Carrier = "down", false }
	dead := func(s *bond.Status) {
		s.Carrier, s.Active = false, ""
		for i := range s.Members {
			s.Members[i].Link, s.Members[i].Carrier = "down", false
		}
	}
	named := func(name string, s bond.Status) bond.Status {
		s.Name = name
		return s
	}
	vlan := func(name, lower string) bond.Status {
		return bond.Status{Name: name, Exists: true, Kind: "vlan", Lower: lower, Up: true, Carrier: true}
	}
	look(l, bonded(lost), named("bond1", bonded(lost)), named("bond2", bonded(dead)), vlan("bond0.7", "bond0"), vlan("bond2.7", "bond2"),
		bond.Status{Name: "eth8", Exists: true, Up: true, Carrier: true}, bond.Status{Name: "eth9", Exists: true, Up: true}, bond.Status{Name: "eth10"})
	for name, want := range map[string]Standing{
		"bond0":   {Link: "bond0", Missing: 1, Why: "bond0 has 1 of 2 links usable"},
		"bond0.7": {Link: "bond0", Missing: 1, Why: "bond0 has 1 of 2 links usable"},
		"bond1":   {Link: "bond1", Why: "bond1 has 1 of 2 links usable, fewer than min_links (2)", Unfit: true},
		"bond2":   {Link: "bond2", Why: "bond2 has no usable link of 2", Unfit: true, Dead: true},
		"bond2.7": {Link: "bond2", Why: "bond2 has no usable link of 2", Unfit: true, Dead: true},
		"eth8":    {Link: "eth8"},
		"eth9":    {Link: "eth9", Why: "eth9 has no carrier", Unfit: true, Dead: true},
		"eth10":   {Link: "eth10", Why: "eth10 does not exist", Unfit: true, Dead: true},
		"unknown": {Link: "unknown"},
	} {
		if diff := cmp.Diff(want, l.Standing(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
