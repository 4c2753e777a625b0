package state

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serving is a cluster in which a holds web and b holds db.
func serving(t *testing.T) *State {
	t.Helper()
	s := history(t, founded()...)
	for _, cmd := range []Command{assign(s, "web", "a"), assign(s, "db", "b")} {
		s, _ = s.Apply(s.Index+1, cmd)
	}
	return s
}

func restored(t *testing.T, s *State, r Restore) *State {
	t.Helper()
	next, result := s.Apply(s.Index+1, Command{Restore: &r})
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	return next
}

// A backup of another cluster, which was further: serials go on above its own, those that stay included, and nobody
// loses what both have.
func TestRestoreGoesOnAboveTheBackup(t *testing.T) {
	s := serving(t)
	next := restored(t, s, Restore{
		Groups:  []Group{group("web", "10.0.0.1/24"), group("mail", "10.0.0.9/24")},
		Profile: WAN, LastEpoch: 70, LastSerial: 900, Voting: &Voting{Limit: 3},
	})
	if next.Voting.Limit != 3 {
		t.Errorf("voters wanted: %+v", next.Voting)
	}
	if next.Profile != WAN || next.LongestLease != WAN.Lease || next.LastEpoch != 70 {
		t.Errorf("profile %v, longest lease %v, last epoch %d", next.Profile, next.LongestLease, next.LastEpoch)
	}
	for name, a := range next.Assignments {
		if a.Serial <= 900 || a.Serial > next.LastSerial {
			t.Errorf("serial %d of %s is not above 900", a.Serial, name)
		}
	}
	if a := next.Assignments["web"]; a.Holder != "a" || a.Epoch != s.Assignments["web"].Epoch || !a.Since.Equal(s.Assignments["web"].Since) {
		t.Errorf("web: %+v", a)
	}
	if next.Assignments["db"] != nil || next.Groups["db"] != nil || next.Assignments["mail"] == nil {
		t.Errorf("groups: %v", next.Groups)
	}
	owed := map[netip.Addr]string{}
	for _, d := range next.Debts {
		for _, ip := range d.Addresses {
			owed[ip] = d.Node
		}
	}
	want := map[netip.Addr]string{netip.MustParseAddr("10.0.0.2"): "a", netip.MustParseAddr("10.0.0.3"): "b"}
	if d := cmp.Diff(want, owed, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("owed (-want +got)\n%s", d)
	}
	if d := cmp.Diff(s.Nodes, next.Nodes); d != "" {
		t.Errorf("members changed\n%s", d)
	}
}

// A backup of the cluster itself, which is further by now, takes no serial back and gives none out for what stays.
func TestRestoreTakesNoSerialBack(t *testing.T) {
	s := serving(t)
	next := restored(t, s, Restore{
		Groups: []Group{*s.Groups["web"], *s.Groups["db"]}, Profile: s.Profile, LastEpoch: 1, LastSerial: 1,
	})
	if next.LastSerial != s.LastSerial || next.LastEpoch != s.LastEpoch {
		t.Errorf("serial %d after %d, epoch %d after %d", next.LastSerial, s.LastSerial, next.LastEpoch, s.LastEpoch)
	}
	if d := cmp.Diff(s.Assignments, next.Assignments); d != "" {
		t.Errorf("assignments\n%s", d)
	}
}

func TestRestoreIsAllOrNothing(t *testing.T) {
	s := serving(t)
	for what, r := range map[string]Restore{
		"profile": {Groups: []Group{group("x", "10.0.0.7/24")}},
		"serial":  {Profile: LAN, LastSerial: 1 << 63},
		"groups":  {Profile: WAN, LastSerial: 99, Groups: []Group{group("x", "10.0.0.7/24"), group("y", "10.0.0.7/24")}},
	} {
		next, result := s.Apply(s.Index+1, Command{Restore: &r})
		if !errors.Is(result.Err, ErrInvalid) {
			t.Errorf("%s: %v", what, result.Err)
		}
		next.Index = s.Index
		if d := cmp.Diff(s, next, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s: the state changed\n%s", what, d)
		}
	}
}
