package bond

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// healthy returns a bond of two working members, changed by the given functions.
func healthy(changes ...func(*Status)) Status {
	s := Status{
		Name: "bond0", Exists: true, Kind: "bond", Up: true, Carrier: true, Mode: "active-backup", Monitor: "miimon", Interval: 100,
		Active: "eth0", Members: []MemberStatus{
			{Name: "eth0", Up: true, Carrier: true, Link: "up", Active: true, Speed: 1000, Duplex: "full"},
			{Name: "eth1", Up: true, Carrier: true, Link: "up", Speed: 1000, Duplex: "full"},
		},
	}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func down(i int) func(*Status) {
	return func(s *Status) { s.Members[i].Carrier, s.Members[i].Link = false, "down" }
}

func lacp(s *Status) {
	s.Mode, s.Active = "802.3ad", ""
	s.LACP = &LACPBond{Aggregator: 1, Ports: 2, PartnerMAC: "02:00:00:00:00:01"}
	for i := range s.Members {
		s.Members[i].LACP = &LACPMember{Aggregator: 1, Actor: 0x3f, Partner: 0x3f, PartnerMAC: "02:00:00:00:00:01", ActorChurn: "none", PartnerChurn: "none"}
	}
}

func arpMonitored(s *Status) {
	s.Monitor, s.Interval, s.ARPTargets = "arp_interval", 200, "10.0.0.1"
}

func TestDiagnose(t *testing.T) {
	for name, tt := range map[string]struct {
		status Status
		want   []string
	}{
		"healthy":      {healthy(), nil},
		"healthy lacp": {healthy(lacp), nil},
		"missing":      {Status{Name: "bond0"}, []string{"error: bond0 does not exist; see ip link, or vipctl bond plan"}},
		"plain":        {Status{Name: "eth0", Exists: true, Up: true}, []string{"error: eth0 has no carrier; check the cable and the switch port"}},
		"no monitoring": {healthy(func(s *Status) { s.Monitor, s.Interval = "none", 0 }), []string{
			"error: no link monitoring: a dead member goes on being used; set miimon to 100"}},
		"one of two": {healthy(down(1)), []string{
			"warning: 1 of 2 links can be used: nothing takes over when it fails; mend the other links",
			"warning: eth1: it has no carrier; check the cable and the switch port"}},
		"half of four": {healthy(func(s *Status) {
			s.Members = append(s.Members, MemberStatus{Name: "eth2", Up: true}, MemberStatus{Name: "eth3"})
		}), []string{
			"warning: only 2 of 4 links can be used; mend the other links",
			"warning: eth2: it has no carrier; check the cable and the switch port",
			"warning: eth3: it is administratively down; ip link set eth3 up"}},
		"all down": {healthy(down(0), down(1), func(s *Status) { s.Active = "" }), []string{
			"error: none of its 2 links can be used; check the cables and switch ports",
			"warning: eth0: it has no carrier; check the cable and the switch port",
			"warning: eth1: it has no carrier; check the cable and the switch port"}},
		"min_links": {healthy(lacp, down(1), func(s *Status) { s.MinLinks = 2 }), []string{
			"error: 1 of 2 links can be used, fewer than min_links (2); mend the other links, or lower min_links",
			"warning: eth1: it has no carrier; check the cable and the switch port"}},
		"one member": {healthy(func(s *Status) { s.Members = s.Members[:1] }), []string{
			"warning: its only link is the only one it has: nothing takes over when it fails; add a second member"}},
		"no members": {healthy(func(s *Status) { s.Members, s.Active = nil, "" }), []string{"error: it has no members; add members"}},
		"delays": {healthy(func(s *Status) { s.Members[0].Link, s.Members[0].Carrier = "fail", true }), []string{
			"warning: eth0: it lost its link and is still used until down_delay is over; wait"}},
		"dead upstream": {healthy(arpMonitored, func(s *Status) { s.Members[0].Link, s.Active = "down", "eth1" }), []string{
			"warning: 1 of 2 links can be used: nothing takes over when it fails; mend the other links",
			"warning: eth0: it has a carrier, but none of 10.0.0.1 answers: the network behind it is dead; " +
				"check the switch beyond the port, its VLAN, and that the targets are alive"}},
		"nobody to ask": {healthy(arpMonitored, func(s *Status) { s.ARPTargets = "" }), []string{
			"error: ARP monitoring has nobody to ask; set arp_ip_targets, such as the gateway"}},
		"switch without lacp": {healthy(lacp, func(s *Status) { s.LACP.PartnerMAC = noMAC; s.Members[1].LACP.Aggregator = 2 }), []string{
			"warning: 1 of 2 links can be used: nothing takes over when it fails; mend the other links",
			"error: nobody answers LACP: the switch is not configured for it, and one link at most is used; " +
				"configure the switch ports as one LACP group, or use mode active-backup"}},
		"another aggregator": {healthy(lacp, func(s *Status) { s.Members[1].LACP.Aggregator = 2 }), []string{
			"warning: 1 of 2 links can be used: nothing takes over when it fails; mend the other links",
			"warning: eth1: it is in aggregator 2, the bond uses 1: it is not used; give its switch port the same group, speed and duplex as the others"}},
		"another switch": {healthy(lacp, func(s *Status) {
			s.Members[1].LACP.Aggregator, s.Members[1].LACP.PartnerMAC = 2, "02:00:00:00:00:02"
		}), []string{
			"warning: 1 of 2 links can be used: nothing takes over when it fails; mend the other links",
			"warning: eth1: it is connected to another switch (02:00:00:00:00:02) than the others (02:00:00:00:00:01): it is not used; " +
				"connect it to the same switch, or join the switches (MLAG)"}},
		"one port without lacp": {healthy(lacp, func(s *Status) {
			s.Members[1].LACP.Aggregator, s.Members[1].LACP.Actor, s.Members[1].LACP.PartnerChurn = 2, 0x45, "churned"
		}), []string{
			"warning: 1 of 2 links can be used: nothing takes over when it fails; mend the other links",
			"warning: eth1: nobody answers LACP on it: it is not used; configure its switch port for LACP like the others",
			"warning: eth1: it cannot agree with the switch (churned); compare the LACP settings of both ends"}},
		"mixed speeds": {healthy(lacp, func(s *Status) { s.Members[1].Speed = 100 }), []string{
			"warning: its links differ in speed: eth0 1000 Mbit/s, eth1 100 Mbit/s; use links of one speed"}},
		"half duplex": {healthy(func(s *Status) { s.Members[1].Duplex = "half" }), []string{
			"warning: eth1: it runs half duplex; check auto-negotiation on both ends"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range Diagnose(tt.status) {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	for name, tt := range map[string]struct {
		status   Status
		weights  Weights
		eligible bool
		adjust   int
		reason   string
	}{
		"healthy":            {healthy(), Weights{PerMissingLink: 10}, true, 0, ""},
		"degraded":           {healthy(down(0)), Weights{PerMissingLink: 10}, true, -10, "bond0 has 1 of 2 links usable"},
		"degraded, no price": {healthy(down(0)), Weights{}, true, 0, "bond0 has 1 of 2 links usable"},
		"too few":            {healthy(down(0)), Weights{MinLinks: 2}, false, 0, "bond0 has 1 of 2 links usable, fewer than min_links (2)"},
		"too few, by the bond": {healthy(down(0), func(s *Status) { s.MinLinks = 2 }), Weights{}, false, 0,
			"bond0 has 1 of 2 links usable, fewer than min_links (2)"},
		"none":                      {healthy(down(0), down(1)), Weights{}, false, 0, "bond0 has no usable link of 2"},
		"no members":                {healthy(func(s *Status) { s.Members = nil }), Weights{}, false, 0, "bond0 has no usable link of 0"},
		"down":                      {healthy(func(s *Status) { s.Up = false }), Weights{}, false, 0, "bond0 is down"},
		"missing":                   {Status{Name: "bond0"}, Weights{}, false, 0, "bond0 does not exist"},
		"no carrier":                {healthy(func(s *Status) { s.Carrier = false }), Weights{}, false, 0, "bond0 has no carrier"},
		"within down_delay":         {healthy(func(s *Status) { s.Members[0].Link = "fail" }), Weights{}, true, 0, ""},
		"within up_delay":           {healthy(func(s *Status) { s.Members[0].Link = "back" }), Weights{PerMissingLink: 5}, true, -5, "bond0 has 1 of 2 links usable"},
		"outside the aggregator":    {healthy(lacp, func(s *Status) { s.Members[0].LACP.Aggregator = 9 }), Weights{PerMissingLink: 5}, true, -5, "bond0 has 1 of 2 links usable"},
		"unmonitored, by carrier":   {healthy(func(s *Status) { s.Monitor = "none"; s.Members[0].Carrier = false }), Weights{PerMissingLink: 5}, true, -5, "bond0 has 1 of 2 links usable"},
		"member taken down by hand": {healthy(func(s *Status) { s.Members[0].Up = false }), Weights{PerMissingLink: 5}, true, -5, "bond0 has 1 of 2 links usable"},
		"team":                      {healthy(func(s *Status) { s.Kind, s.Monitor, s.Members[0].Carrier = "team", "", false }), Weights{PerMissingLink: 5}, true, -5, "bond0 has 1 of 2 links usable"},
		"plain":                     {Status{Name: "eth0", Exists: true, Up: true, Carrier: true}, Weights{PerMissingLink: 5}, true, 0, ""},
		"plain, cable out":          {Status{Name: "eth0", Exists: true, Up: true}, Weights{}, false, 0, "eth0 has no carrier"},
	} {
		t.Run(name, func(t *testing.T) {
			eligible, adjust, reason := Health(tt.status, tt.weights)
			if eligible != tt.eligible || adjust != tt.adjust || reason != tt.reason {
				t.Errorf("got %v, %d, %q; want %v, %d, %q", eligible, adjust, reason, tt.eligible, tt.adjust, tt.reason)
			}
		})
	}
}

// The text is what the driver of Linux 6.1 printed for a bond of two members of
// which one is connected to a switch that speaks LACP.
func TestProcText(t *testing.T) {
	text, err := os.ReadFile("testdata/802.3ad")
	if err != nil {
		t.Fatal(err)
	}
	s := Status{Members: []MemberStatus{{Name: "eth0", LACP: &LACPMember{}}, {Name: "eth1", LACP: &LACPMember{}}}}
	addProc(&s, string(text))
	want := []MemberStatus{
		{Name: "eth0", Speed: 10000, Duplex: "full", LACP: &LACPMember{PartnerMAC: "9a:99:6c:19:0d:00", ActorChurn: "monitoring", PartnerChurn: "monitoring"}},
		{Name: "eth1", Speed: 10000, Duplex: "full", LACP: &LACPMember{PartnerMAC: noMAC, ActorChurn: "monitoring", PartnerChurn: "monitoring"}},
	}
	if diff := cmp.Diff(want, s.Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestStatusJSON(t *testing.T) {
	text, err := json.Marshal(healthy(lacp).Members[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"eth0","up":true,"carrier":true,"link":"up","active":true,"failures":0,"speed_mbit":1000,"duplex":"full",` +
		`"lacp":{"aggregator":1,"actor_state":"active, short timeout, aggregating, in sync, collecting, distributing",` +
		`"partner_state":"active, short timeout, aggregating, in sync, collecting, distributing",` +
		`"partner_mac":"02:00:00:00:00:01","actor_churn":"none","partner_churn":"none"}}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
