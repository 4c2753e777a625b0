package state

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestNoAddressHasTwoHolders draws commands in any order and checks after each what every reader of the
// state relies on.
func TestNoAddressHasTwoHolders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New()
		for i, cmd := range founded() {
			s, _ = s.Apply(uint64(i+1), cmd)
		}
		for range rapid.IntRange(1, 40).Draw(t, "commands") {
			before := snapshotOf(t, s)
			next, _ := s.Apply(s.Index+1, drawCommand(t, s))
			if diff := cmp.Diff(before, snapshotOf(t, s)); diff != "" {
				t.Fatalf("apply changed the state that it was given (-before +after):\n%s", diff)
			}
			if next.LastSerial < s.LastSerial || next.LastEpoch < s.LastEpoch {
				t.Fatalf("serial %d after %d, epoch %d after %d", next.LastSerial, s.LastSerial, next.LastEpoch, s.LastEpoch)
			}
			s = next
			checkState(t, s)
		}
	})
}

func drawCommand(t *rapid.T, s *State) Command {
	node := rapid.SampledFrom([]string{"a", "b", "c"})
	name := node.Draw(t, "node")
	epoch := uint64(0)
	if s.Nodes[name] != nil {
		epoch = s.Nodes[name].Epoch
	}
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return Command{Join: &Join{Node: Node{Name: name, Instance: "i-" + name}}}
	case 1:
		return Command{Register: &Register{Node: name, Instance: "i-" + name}}
	case 2:
		return Command{Expire: &Expire{Dead: []Tenure{{name, epoch}}, Moves: drawMoves(t, s)}}
	case 3:
		return Command{Retire: &Retire{Tenure: Tenure{name, epoch}, Moves: drawMoves(t, s)}}
	case 4:
		return Command{SetGroups: &SetGroups{Groups: drawGroups(t)}}
	case 5:
		var serials []uint64
		for serial := range s.Debts {
			serials = append(serials, serial)
		}
		return Command{Settle: &Settle{Tenure: Tenure{name, epoch}, Serials: serials}}
	case 6:
		return Command{Restore: &Restore{
			Groups: drawGroups(t), Profile: LAN,
			LastEpoch:  rapid.Uint64Range(0, s.LastEpoch+3).Draw(t, "last epoch"),
			LastSerial: rapid.Uint64Range(0, s.LastSerial+3).Draw(t, "last serial"),
		}}
	}
	return Command{Assign: &Assign{Moves: drawMoves(t, s)}}
}

func drawMoves(t *rapid.T, s *State) []Move {
	var moves []Move
	for _, name := range []string{"web", "db", "mail"} {
		a := s.Assignments[name]
		to := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "to")
		if a == nil || s.Nodes[to] == nil && to != "" {
			continue
		}
		m := Move{Groups: []Expected{{name, a.Serial}}, To: to, Reason: "drawn"}
		if to != "" {
			m.Epoch = s.Nodes[to].Epoch
		}
		moves = append(moves, m)
	}
	return moves
}

func drawGroups(t *rapid.T) []Group {
	names := []string{"web", "db", "mail"}
	groups := map[string]*Group{}
	for i := range 5 {
		name := rapid.SampledFrom(append(names, "")).Draw(t, "group of an address")
		if name == "" {
			continue
		}
		if groups[name] == nil {
			g := group(name)
			groups[name] = &g
		}
		groups[name].Addresses = append(groups[name].Addresses, address(fmt.Sprintf("10.0.0.%d/24", i+1)))
	}
	var list []Group
	for _, name := range names {
		if groups[name] != nil {
			list = append(list, *groups[name])
		}
	}
	return list
}

func checkState(t *rapid.T, s *State) {
	holder := map[netip.Addr]string{}
	for name, n := range s.Nodes {
		for _, h := range s.TenancyOf(name, n.Epoch, never).Held {
			for _, a := range h.Addresses {
				if other, taken := holder[a.Prefix.Addr()]; taken {
					t.Fatalf("%s may be held by %s and by %s", a.Prefix, other, name)
				}
				holder[a.Prefix.Addr()] = name
			}
		}
	}
	for name := range s.Groups {
		if s.Assignments[name] == nil {
			t.Fatalf("group %s has no assignment", name)
		}
	}
	for name, a := range s.Assignments {
		if s.Groups[name] == nil {
			t.Fatalf("assignment of group %s, which is not there", name)
		}
		if a.Holder != "" && !s.Nodes[a.Holder].Live() {
			t.Fatalf("group %s is held by %s, which is dead", name, a.Holder)
		}
	}
	for serial, d := range s.Debts {
		if n := s.Nodes[d.Node]; !n.Live() || n.Epoch != d.Epoch {
			t.Fatalf("debt %d of a dead start of %s", serial, d.Node)
		}
	}
}

func snapshotOf(t *rapid.T, s *State) string {
	var b stringWriter
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type stringWriter []byte

func (w *stringWriter) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}
