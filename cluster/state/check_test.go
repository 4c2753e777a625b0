package state

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func process(name string) Check {
	return Check{Name: name, Process: &ProcessCheck{Name: "nginx", Quorum: 1}, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1}
}

func withCheck(name, check string, weight int, addresses ...string) Group {
	g := group(name, addresses...)
	g.Checks = []CheckUse{{Name: check, Weight: weight}}
	return g
}

func oneNode(t *testing.T) *State {
	t.Helper()
	return mustApply(t, New(), Command{Init: &Init{Cluster: "c", Profile: LAN, Node: Node{Name: "n1", Instance: "i"}}})
}

func TestChecksAreReplacedWithTheGroups(t *testing.T) {
	s := mustApply(t, oneNode(t), Command{SetGroups: &SetGroups{
		Groups: []Group{withCheck("web", "nginx", -20, "10.0.0.1/24")}, Checks: []Check{process("nginx"), process("spare")},
	}})
	if len(s.Checks) != 2 || s.Checks["nginx"].Process.Name != "nginx" {
		t.Fatalf("checks are %v", s.Checks)
	}
	if !s.UsedOn("n1", "nginx") || s.UsedOn("n1", "spare") || s.UsedOn("n2", "nginx") {
		t.Error("only a member runs a check, and only one that a group names")
	}
	s = mustApply(t, s, Command{SetGroups: &SetGroups{Groups: []Group{group("web", "10.0.0.1/24")}}})
	if s.Checks != nil {
		t.Errorf("checks are left: %v", s.Checks)
	}
}

// A node runs no check for groups that it can never hold.
func TestUsedOnFollowsPriorities(t *testing.T) {
	g := withCheck("web", "nginx", 0, "10.0.0.1/24")
	g.Priorities = map[string]int{"n1": 0}
	s := mustApply(t, oneNode(t), Command{SetGroups: &SetGroups{Groups: []Group{g}, Checks: []Check{process("nginx")}}})
	if s.UsedOn("n1", "nginx") {
		t.Error("n1 runs a check of a group that it never holds")
	}
}

func TestSetGroupsRefusesWrongChecks(t *testing.T) {
	for _, set := range []SetGroups{
		{Groups: []Group{withCheck("web", "nginx", 0, "10.0.0.1/24")}},
		{Checks: []Check{process("a"), process("a")}},
	} {
		if _, r := oneNode(t).Apply(9, Command{SetGroups: &set}); !errors.Is(r.Err, ErrInvalid) {
			t.Errorf("%+v: %v", set, r.Err)
		}
	}
}

// What an older vipd can read is written so that it can: a cluster in the middle of an upgrade goes on.
func TestVersionsAreTheOldestThatDo(t *testing.T) {
	plain := Command{SetGroups: &SetGroups{Groups: []Group{group("web", "10.0.0.1/24")}}}
	checked := Command{SetGroups: &SetGroups{Groups: []Group{withCheck("web", "nginx", 5, "10.0.0.1/24")}, Checks: []Check{process("nginx")}}}
	set := group("web", "10.0.0.1/24")
	set.Together = "front"
	together := Command{SetGroups: &SetGroups{Groups: []Group{set}}}
	kept := group("web", "10.0.0.1/24")
	kept.Apart = "resolvers"
	apart := Command{SetGroups: &SetGroups{Groups: []Group{kept}, Checks: []Check{process("nginx")}}}
	labelled := Command{Join: &Join{Node: Node{Name: "n1", Instance: "i", Labels: map[string]string{"rack": "a"}}}}
	pinged := Command{SetGroups: &SetGroups{Groups: []Group{withCheck("web", "gateway", 5, "10.0.0.1/24")},
		Checks: []Check{{Name: "gateway", Ping: &PingCheck{Address: "10.0.0.254", Count: 3, Answers: 1}}}}}
	reversed := Command{SetGroups: &SetGroups{Groups: []Group{withCheck("web", "nginx", 5, "10.0.0.1/24")}, Checks: []Check{process("nginx")}}}
	reversed.SetGroups.Groups[0].Checks[0].Reverse = true
	for _, tt := range []struct {
		cmd     Command
		version string
	}{{pinged, `{"v":9,`}, {reversed, `{"v":9,`}, {plain, `{"v":1,`}, {checked, `{"v":2,`}, {together, `{"v":2,`}, {apart, `{"v":3,`}, {labelled, `{"v":3,`}} {
		data, err := tt.cmd.Encode()
		if err != nil || !strings.HasPrefix(string(data), tt.version) {
			t.Fatalf("%s, %v; want %s", data, err, tt.version)
		}
		back, err := DecodeCommand(data)
		tt.cmd.Version = back.Version
		if err != nil || !cmp.Equal(tt.cmd, back, comparers) {
			t.Errorf("read back: %v\n%s", err, cmp.Diff(tt.cmd, back, comparers))
		}
		var snapshot bytes.Buffer
		s := mustApply(t, oneNode(t), tt.cmd)
		if err := s.Encode(&snapshot); err != nil {
			t.Fatal(err)
		}
		if want := strings.Replace(tt.version, "v", "format", 1); !strings.HasPrefix(snapshot.String(), want) {
			t.Errorf("snapshot %.40s, want %s", &snapshot, want)
		}
		again, err := Decode(&snapshot)
		if err != nil || !cmp.Equal(s, again, comparers) {
			t.Errorf("snapshot read back: %v\n%s", err, cmp.Diff(s, again, comparers))
		}
	}
}

// What a vipd without checks wrote is read as it was meant.
func TestOlderEncodingsAreRead(t *testing.T) {
	cmd, err := DecodeCommand([]byte(`{"v":1,"at":"2025-01-01T00:00:00Z","set_groups":{"groups":[{"name":"web","addresses":[{"address":"10.0.0.1/24","interface":"eth0"}],"priority":100,"preempt":true}]}}`))
	if err != nil || cmd.SetGroups.Checks != nil || cmd.SetGroups.Groups[0].Checks != nil {
		t.Errorf("%+v, %v", cmd, err)
	}
	s, err := Decode(strings.NewReader(`{"format":1,"index":7,"cluster":"c","profile":{},"groups":{"web":{"name":"web","addresses":[],"priority":100,"preempt":true}},"assignments":{"web":{"group":"web","serial":1,"since":"2025-01-01T00:00:00Z","reason":"new group"}},"voters":{"index":1}}`))
	if err != nil || s.Index != 7 || s.Groups["web"] == nil || s.Checks != nil {
		t.Errorf("%+v, %v", s, err)
	}
	for _, text := range []string{fmt.Sprintf(`{"format":%d}`, FormatVersion+1), `{"format":0}`} {
		if _, err := Decode(strings.NewReader(text)); err == nil {
			t.Errorf("%s is read", text)
		}
	}
	if _, err := DecodeCommand(fmt.Appendf(nil, `{"v":%d}`, CommandVersion+1)); err == nil {
		t.Error("a command of a version to come is read")
	}
}

// The newest of all that a state has is what a reader needs, whatever else is in it.
func TestSnapshotNeedsTheNewest(t *testing.T) {
	s := mustApply(t, oneNode(t), Command{SetGroups: &SetGroups{Checks: []Check{{Name: "gateway", Ping: &PingCheck{Address: "10.0.0.254", Count: 3, Answers: 1}}}}})
	s.Trust.Current, s.Voting.Limit = "x", 3
	if needs := s.needs(); needs != ReversedVersion {
		t.Errorf("it needs %d", needs)
	}
}

// keepalived's reverse turns the sign of a weight, and what excludes a node; it does not turn when a weight counts.
func TestReverse(t *testing.T) {
	for _, tt := range []struct {
		use             CheckUse
		ok, fails, most int
		bars, failBars  bool
	}{
		{CheckUse{Weight: -20}, 0, -20, 0, false, false},
		{CheckUse{Weight: -20, Reverse: true}, 0, 20, 20, false, false},
		{CheckUse{Weight: 20}, 20, 0, 20, false, false},
		{CheckUse{Weight: 20, Reverse: true}, -20, 0, 0, false, false},
		{CheckUse{}, 0, 0, 0, false, true},
		{CheckUse{Reverse: true}, 0, 0, 0, true, false},
	} {
		ok, most := tt.use.Adds(false)
		fails, same := tt.use.Adds(true)
		if ok != tt.ok || fails != tt.fails || most != tt.most || same != tt.most {
			t.Errorf("%+v adds %d of %d while ok, %d of %d while it fails", tt.use, ok, most, fails, same)
		}
		if tt.use.Excludes(false) != tt.bars || tt.use.Excludes(true) != tt.failBars {
			t.Errorf("%+v excludes while ok: %v, while it fails: %v", tt.use, tt.use.Excludes(false), tt.use.Excludes(true))
		}
	}
}
