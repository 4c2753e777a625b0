package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vipd/bond"
	"vipd/cluster/api"
	"vipd/cluster/links"
)

// someBonds are a bond that lost a link, one that LACP keeps apart, a VLAN on the first, and an interface that is not
// there.
func someBonds() api.Bonds {
	bond0 := bond.Status{
		Name: "bond0", Exists: true, Kind: "bond", Ours: true, Up: true, Carrier: true, MAC: "02:00:00:00:00:10", MTU: 1500,
		Mode: "active-backup", Monitor: "miimon", Interval: 100, Active: "eth0", Primary: "eth0",
		Members: []bond.MemberStatus{
			{Name: "eth0", Up: true, Carrier: true, Link: "up", Active: true, PermMAC: "02:00:00:00:00:10", Speed: 10000, Duplex: "full"},
			{Name: "eth1", Up: true, Link: "down", Failures: 3, PermMAC: "02:00:00:00:00:11"},
		},
	}
	bond1 := bond.Status{
		Name: "bond1", Exists: true, Kind: "bond", Up: true, Carrier: true, MAC: "02:00:00:00:00:12", MTU: 9000,
		Mode: "802.3ad", Monitor: "miimon", Interval: 50, MinLinks: 2,
		LACP: &bond.LACPBond{Aggregator: 1, Ports: 1, ActorKey: 15, PartnerKey: 7, PartnerMAC: "02:00:00:00:00:aa"},
		Members: []bond.MemberStatus{
			{Name: "eth2", Up: true, Carrier: true, Link: "up", Active: true, Speed: 1000, Duplex: "full",
				LACP: &bond.LACPMember{Aggregator: 1, Actor: 0x3f, Partner: 0x3f, PartnerMAC: "02:00:00:00:00:aa", ActorChurn: "none", PartnerChurn: "none"}},
			{Name: "eth3", Up: true, Carrier: true, Link: "up", Speed: 1000, Duplex: "full",
				LACP: &bond.LACPMember{Aggregator: 2, Actor: 0x47, ActorChurn: "churned", PartnerChurn: "churned"}},
		},
	}
	vlan := bond.Status{Name: "bond0.7", Exists: true, Kind: "vlan", Lower: "bond0", Up: true, Carrier: true}
	return api.Bonds{Node: "n1", Bonds: []api.BondStatus{
		{Status: bond0, InFile: true, Usable: 1, Groups: []string{"web"}, Findings: bond.Diagnose(bond0)},
		{Status: vlan, Groups: []string{"db"}, Findings: []bond.Finding{}},
		{Status: bond1, InFile: true, Usable: 1, Groups: []string{"mail", "ntp", "proxy", "smtp"}, Findings: bond.Diagnose(bond1),
			Problem: "members: eth3 belongs to br0; take it out of br0 first", Ineligible: "bond1 has 1 of 2 links usable, fewer than min_links (2)"},
		{Status: bond.Status{Name: "eth9"}, Groups: []string{"old"}, Findings: bond.Diagnose(bond.Status{Name: "eth9"}), Ineligible: "eth9 does not exist"},
	}}
}

func oneBond(name string) api.Bonds {
	all := someBonds()
	all.Bonds = slices.DeleteFunc(all.Bonds, func(b api.BondStatus) bool { return b.Name != name })
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.Local)
	if name == "bond0" {
		all.Bonds[0].Events = []links.Event{{At: at, Link: name, Text: "eth1 has no link"}, {At: at.Add(time.Minute), Link: name, Text: "eth1 has a link"}}
	}
	return all
}

func somePlan() api.BondPlan {
	return api.BondPlan{Bonds: []links.Step{
		{Bond: "bond0", Changes: []string{"set miimon of bond0 from 100 to 50", "add member eth2 to bond0"}},
		{Bond: "bond1", Changes: []string{}},
		{Bond: "bond2", Changes: []string{}, Left: "bond2 was made by others: manage: true takes it over"},
		{Bond: "bond3", Changes: []string{}, Problem: "members: eth7 belongs to br0; take it out of br0 first"},
	}}
}

func TestBondNamesAreCompleted(t *testing.T) {
	t.Setenv("VIPD_SOCKET", serve(t, &daemon{bonds: someBonds()}))
	for line, want := range map[string][]string{
		"bond show ":            {"bond0", "bond0.7", "bond1", "eth9"},
		"bond failover ":        {"bond0", "bond0.7", "bond1", "eth9"},
		"bond failover bond1 ":  {"eth2", "eth3"},
		"bond failover bond9 ":  nil,
		"bond show bond0 bond1": nil,
	} {
		got := vipctl(t.Context(), "", append([]string{"__complete"}, strings.Split(line, " ")...)...)
		offered := strings.Split(strings.TrimSpace(got.stdout.String()), "\n")
		offered = offered[:len(offered)-1] // the directive
		if diff := cmp.Diff(want, slices.Clip(offered), cmp.Transformer("empty", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}

func TestEveryBondCommandTeaches(t *testing.T) {
	for _, cmd := range new(ctl).bondCommand().Commands() {
		if cmd.Short == "" || len(cmd.Long) < 80 || !strings.Contains(cmd.Example, "vipctl bond "+cmd.Name()) {
			t.Errorf("%s lacks a short text, a long one, or an example of itself", cmd.Name())
		}
	}
}
