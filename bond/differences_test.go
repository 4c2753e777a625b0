package bond

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferences(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after Status
		want          []string
	}{
		"nothing":   {healthy(), healthy(), nil},
		"never was": {Status{Name: "bond0"}, Status{Name: "bond0"}, nil},
		"gone":      {healthy(), Status{Name: "bond0"}, []string{"it is gone"}},
		"a failover": {healthy(), healthy(down(0), func(s *Status) { s.Active = "eth1" }), []string{
			"the active member is eth1, before eth0", "eth0 has no link"}},
		"last link": {healthy(down(1)), healthy(down(0), down(1), func(s *Status) { s.Active, s.Carrier = "", false }), []string{
			"the active member is none, before eth0", "it has no carrier", "eth0 has no link"}},
		"within down_delay": {healthy(), healthy(func(s *Status) { s.Members[1].Link, s.Members[1].Carrier = "fail", false }), []string{
			"eth1 lost its link, and is used until down_delay is over"}},
		"silent upstream": {healthy(arpMonitored), healthy(arpMonitored, func(s *Status) { s.Members[1].Link = "down" }), []string{
			"eth1 gets no answer, although it has a carrier"}},
		"a member leaves, another comes": {healthy(), healthy(func(s *Status) { s.Members[1].Name = "eth2" }), []string{
			"eth2 is a member now, and has a link", "eth1 is no member any more"}},
		"too short to see": {healthy(), healthy(func(s *Status) { s.Members[0].Failures = 1 }), []string{
			"eth0 lost its link and has it back"}},
		"speed": {healthy(), healthy(func(s *Status) { s.Members[0].Speed, s.Members[0].Duplex = 100, "half" }), []string{
			"eth0 runs at 100 Mbit/s half"}},
		"changed by hand": {healthy(), healthy(func(s *Status) { s.Interval, s.Primary, s.MinLinks = 20, "eth0", 2 }), []string{
			"monitor miimon 20ms, before miimon 100ms", "primary eth0, before none", "min_links 2, before 0"}},
		"out of the aggregator": {healthy(lacp), healthy(lacp, func(s *Status) {
			s.LACP.Ports = 1
			s.Members[1].LACP.Aggregator, s.Members[1].LACP.PartnerMAC, s.Members[1].LACP.Actor, s.Members[1].LACP.Partner = 2, noMAC, 0x45, 0
		}), []string{
			"LACP: aggregator 1 with 1 ports, partner 02:00:00:00:00:01",
			"eth1 is not used any more", "eth1 is in aggregator 2, before 1", "eth1 has the LACP partner none",
			"eth1: LACP state active, aggregating, defaulted; partner none"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Differences(tt.before, tt.after)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
