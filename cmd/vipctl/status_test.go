package main

import (
	"strings"
	"testing"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

var longAgo = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// three is a cluster of three nodes with one group that nobody can hold.
func three(since time.Time) api.Status {
	profile := state.LAN
	return api.Status{
		Node: "n1", Version: "v1.2.3", Cluster: "c1", Leader: "n2", Quorum: true, Profile: &profile,
		Commands: &api.Commands{Version: 4, Reads: 6, Behind: []string{"node-three"}},
		Warnings: []string{"two voters: the loss of either stops the cluster"},
		Nodes: []api.NodeStatus{
			{Name: "n1", State: "alive", Role: "voter", Epoch: 3, Address: "10.0.0.1:7947", Version: "v1.2.3", Reads: 6, Groups: []string{"a", "b", "c", "d", "e"}},
			{Name: "n2", State: "alive", Role: "voter", Leader: true, Epoch: 4, Address: "10.0.0.2:7947", Drained: true, Labels: map[string]string{"site": "north", "rack": "a"}, Groups: []string{"web"}},
			{Name: "node-three", State: "failed", Role: "learner", Address: "10.0.0.3:7947", Unfit: "it reads its state back"},
		},
		Groups: []api.GroupStatus{
			{Name: "a", Holder: "n1", Since: since, Pinned: true, Reason: "moved by an operator", Addresses: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"}},
			{Name: "mail", Since: since, Reason: "no node is eligible", Addresses: []string{"2001:db8::1"}, Nodes: []api.Candidate{
				{Node: "n1", Why: "its interface eth1 has no carrier"},
				{Node: "n2", Why: "drained"},
				{Node: "node-three", Eligible: true, Priority: 100},
			}},
			{Name: "web", Holder: "n2", Since: since, Waiting: "n1", Reason: "highest priority (150)", Addresses: []string{"192.0.2.10"}},
		},
		Fence: &api.FenceCounters{Enforced: true, Open: true, Dropped: map[string]uint64{"ipv4 out": 7, "arp": 2, "nd": 0}},
	}
}

func TestStatus(t *testing.T) {
	lost := three(longAgo)
	lost.Quorum, lost.Leader, lost.Warnings, lost.Groups = false, "", nil, nil
	lost.Fence = &api.FenceCounters{Enforced: true}
	unfenced := three(time.Now().Add(-50*time.Hour - time.Minute))
	unfenced.Fence = &api.FenceCounters{}
	shared := three(longAgo)
	shared.Groups = []api.GroupStatus{{
		Name: "shared", Holder: "n2", Since: longAgo, Reason: "new group", Addresses: []string{"192.0.2.20"}, VRRP: &api.VRRPStatus{
			RouterID: 51, Version: 2, Interface: "eth0", State: "BACKUP", Since: longAgo, Priority: 100, Master: "192.0.2.7",
			Sent: 3, Unsent: 1, Received: 7, Dropped: map[string]uint64{"bad ttl": 2, "auth mismatch": 1},
		},
	}, {
		Name: "unheld", Since: longAgo, Addresses: []string{"192.0.2.21"}, VRRP: &api.VRRPStatus{RouterID: 52, Version: 3, Interface: "eth0", Priority: 100},
	}}
	for _, tt := range []struct {
		name, args string
		status     api.Status
	}{
		{name: "status", args: "status", status: three(time.Now().Add(-5*time.Minute - 30*time.Second))},
		{name: "status wide", args: "status --wide", status: three(longAgo)},
		{name: "status with VRRP", args: "status --wide", status: shared},
		{name: "status with VRRP in JSON", args: "status -o json", status: shared},
		{name: "status in JSON", args: "status -o json", status: three(longAgo)},
		{name: "status in YAML", args: "status -o yaml", status: three(longAgo)},
		{name: "status without quorum", args: "status", status: lost},
		{name: "status without fence", args: "status", status: unfenced},
		{name: "status in no cluster", args: "status", status: api.Status{Node: "n1", Warnings: []string{"fence: none"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := daemon{status: tt.status}
			t.Setenv("VIPD_SOCKET", serve(t, &d))
			args := strings.Fields(tt.args)
			golden(t, tt.name, transcript(args, vipctl(t.Context(), "", args...), &d))
		})
	}
}

func TestAgo(t *testing.T) {
	now := longAgo
	for _, tt := range []struct {
		passed time.Duration
		want   string
	}{
		{-time.Minute, "0s"}, // another host's clock is ahead
		{59 * time.Second, "59s"},
		{time.Minute, "1m"},
		{time.Hour - time.Second, "59m"},
		{time.Hour, "1h0m"},
		{47*time.Hour + 59*time.Minute, "47h59m"},
		{48 * time.Hour, "2d"},
	} {
		if got := ago(now.Add(-tt.passed), now); got != tt.want {
			t.Errorf("ago(%v) = %q, want %q", tt.passed, got, tt.want)
		}
	}
	if got := ago(time.Time{}, now); got != "-" {
		t.Errorf("ago(never) = %q, want -", got)
	}
}

// Colours make lines of the same text: the columns stay.
func TestPaint(t *testing.T) {
	view := statusView{Status: three(longAgo), now: longAgo.Add(time.Minute)}
	plain := view.String()
	view.paint = true
	painted := view.String()
	if !strings.Contains(painted, "\x1b[31mmail  NOBODY") {
		t.Errorf("a group that nobody holds is not red:\n%q", painted)
	}
	for _, code := range []string{"\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[0m"} {
		painted = strings.ReplaceAll(painted, code, "")
	}
	if painted != plain {
		t.Errorf("colours change the text:\n%s\nwithout:\n%s", painted, plain)
	}
}
