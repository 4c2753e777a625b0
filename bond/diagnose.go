package bond

import (
	"fmt"
	"strings"
)

// Finding is something about a bond that its owner should know.
type Finding struct {
	Severity Severity `json:"severity"`
	Member   string   `json:"member,omitempty"` // empty: the bond as a whole
	Text     string   `json:"text"`
	Remedy   string   `json:"remedy"`
}

// Severity says how urgent a finding is.
type Severity string

// The severities.
const (
	Broken Severity = "error"   // traffic is lost or would be
	Weak   Severity = "warning" // works, but the next failure may not be survived
)

// String returns the finding as one line.
func (f Finding) String() string {
	where := ""
	if f.Member != "" {
		where = f.Member + ": "
	}
	return fmt.Sprintf("%s: %s%s; %s", f.Severity, where, f.Text, f.Remedy)
}

// findings collects what the rules find.
type findings []Finding

func (f *findings) add(severity Severity, member, remedy, format string, args ...any) {
	*f = append(*f, Finding{severity, member, fmt.Sprintf(format, args...), remedy})
}

// Diagnose says in words what is wrong with a bond or team, worst aspects of the
// whole first, then member by member; nothing if all is well. A plain interface
// is diagnosed only as far as it can be.
func Diagnose(s Status) []Finding {
	var f findings
	switch {
	case !s.Exists:
		f.add(Broken, "", "see ip link, or vipctl bond plan", "%s does not exist", s.Name)
		return f
	case !s.Up:
		f.add(Broken, "", "ip link set "+s.Name+" up", "%s is down", s.Name)
	case s.Kind != "bond" && s.Kind != "team":
		if !s.Carrier {
			f.add(Broken, "", "check the cable and the switch port", "%s has no carrier", s.Name)
		}
		return f
	}
	s.diagnoseLinks(&f)
	s.diagnoseMonitor(&f)
	s.diagnoseLACP(&f)
	for _, m := range s.Members {
		s.diagnoseMember(&f, m)
	}
	s.diagnoseSpeeds(&f)
	return f
}

func (s Status) diagnoseLinks(f *findings) {
	usable, total := s.Usable(), len(s.Members)
	switch {
	case total == 0:
		f.add(Broken, "", "add members", "it has no members")
	case usable == 0:
		f.add(Broken, "", "check the cables and switch ports", "none of its %d links can be used", total)
	case usable < s.MinLinks:
		f.add(Broken, "", "mend the other links, or lower min_links", "%d of %d links can be used, fewer than min_links (%d)", usable, total, s.MinLinks)
	case total == 1:
		f.add(Weak, "", "add a second member", "its only link is the only one it has: nothing takes over when it fails")
	case usable == 1:
		f.add(Weak, "", "mend the other links", "1 of %d links can be used: nothing takes over when it fails", total)
	case usable*2 <= total:
		f.add(Weak, "", "mend the other links", "only %d of %d links can be used", usable, total)
	}
	if mode, _ := ParseMode(s.Mode); s.Kind == "bond" && mode.hasActiveMember() && usable > 0 && s.Active == "" {
		f.add(Broken, "", "wait a moment, then see ip -d link show "+s.Name, "no member is the active one")
	}
}

func (s Status) diagnoseMonitor(f *findings) {
	if s.Kind == "bond" && s.Monitor == "none" {
		f.add(Broken, "", "set miimon to 100", "no link monitoring: a dead member goes on being used")
	}
	if s.Monitor == "arp_interval" && s.ARPTargets == "" {
		f.add(Broken, "", "set arp_ip_targets, such as the gateway", "ARP monitoring has nobody to ask")
	}
}

// silent reports a link that has a carrier and yet gets no answer.
func (s Status) silent(m MemberStatus) bool {
	return s.Monitor == "arp_interval" && m.Up && m.Carrier && m.Link == "down"
}

func (s Status) diagnoseMember(f *findings, m MemberStatus) {
	switch {
	case !m.Up:
		f.add(Weak, m.Name, "ip link set "+m.Name+" up", "it is administratively down")
	case !m.Carrier:
		f.add(Weak, m.Name, "check the cable and the switch port", "it has no carrier")
	case s.silent(m):
		f.add(Weak, m.Name, "check the switch beyond the port, its VLAN, and that the targets are alive",
			"it has a carrier, but none of %s answers: the network behind it is dead", s.ARPTargets)
	case m.Link == "down":
		f.add(Weak, m.Name, "check the driver: ethtool "+m.Name, "it has a carrier, but the monitor holds it for down")
	case m.Link == "fail":
		f.add(Weak, m.Name, "wait", "it lost its link and is still used until down_delay is over")
	case m.Link == "back":
		f.add(Weak, m.Name, "wait", "its link is back and is not used until up_delay is over")
	}
	if m.Duplex == "half" {
		f.add(Weak, m.Name, "check auto-negotiation on both ends", "it runs half duplex")
	}
	s.diagnoseLACPMember(f, m)
}

func (s Status) diagnoseLACP(f *findings) {
	if s.LACP == nil || s.Usable() == 0 {
		return
	}
	if s.LACP.PartnerMAC == noMAC {
		f.add(Broken, "", "configure the switch ports as one LACP group, or use mode active-backup",
			"nobody answers LACP: the switch is not configured for it, and one link at most is used")
	}
}

func (s Status) diagnoseLACPMember(f *findings, m MemberStatus) {
	const defaulted, expired = PortState(1 << 6), PortState(1 << 7)
	if s.LACP == nil || m.LACP == nil || !m.Carrier || s.LACP.PartnerMAC == noMAC {
		return
	}
	partner := m.LACP.PartnerMAC
	switch {
	case m.LACP.Actor&(defaulted|expired) != 0 || partner == noMAC:
		f.add(Weak, m.Name, "configure its switch port for LACP like the others", "nobody answers LACP on it: it is not used")
	case partner != "" && partner != s.LACP.PartnerMAC:
		f.add(Weak, m.Name, "connect it to the same switch, or join the switches (MLAG)",
			"it is connected to another switch (%s) than the others (%s): it is not used", partner, s.LACP.PartnerMAC)
	case m.LACP.Aggregator != s.LACP.Aggregator:
		f.add(Weak, m.Name, "give its switch port the same group, speed and duplex as the others",
			"it is in aggregator %d, the bond uses %d: it is not used", m.LACP.Aggregator, s.LACP.Aggregator)
	}
	if strings.Contains(m.LACP.ActorChurn+m.LACP.PartnerChurn, "churned") {
		f.add(Weak, m.Name, "compare the LACP settings of both ends", "it cannot agree with the switch (churned)")
	}
}

func (s Status) diagnoseSpeeds(f *findings) {
	var speeds []string
	seen := make(map[int]bool)
	for _, m := range s.Members {
		if s.usable(m) && m.Speed > 0 {
			speeds = append(speeds, fmt.Sprintf("%s %d Mbit/s", m.Name, m.Speed))
			seen[m.Speed] = true
		}
	}
	if len(seen) > 1 && s.Mode != ActiveBackup.String() {
		f.add(Weak, "", "use links of one speed", "its links differ in speed: %s", strings.Join(speeds, ", "))
	}
}
