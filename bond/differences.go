package bond

import (
	"fmt"
	"strings"
)

// Differences says in words what became of a link between two statuses, the
// whole first, then member by member; nothing if they are equal.
func Differences(before, after Status) []string {
	var d differences
	switch {
	case !before.Exists && !after.Exists:
		return nil
	case !after.Exists:
		return []string{"it is gone"}
	case !before.Exists:
		d.add("it is there")
	}
	d.whole(before, after)
	for _, m := range after.Members {
		if was := before.find(m.Name); was != nil {
			d.member(before, after, *was, m)
		} else {
			d.add("%s is a member now, and%s", m.Name, inState(after, m))
		}
	}
	for _, m := range before.Members {
		if after.find(m.Name) == nil {
			d.add("%s is no member any more", m.Name)
		}
	}
	return d
}

type differences []string

func (d *differences) add(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

func (d *differences) whole(before, after Status) {
	if before.Active != after.Active {
		d.add("the active member is %s, before %s", orNone(after.Active), orNone(before.Active))
	}
	if before.Up != after.Up {
		d.add("it is %s", upDown(after.Up))
	}
	if before.Carrier != after.Carrier {
		d.add("it has %s carrier", map[bool]string{true: "a", false: "no"}[after.Carrier])
	}
	for _, field := range []struct{ name, before, after string }{
		{"mode", before.Mode, after.Mode},
		{"hardware address", before.MAC, after.MAC},
		{"monitor", monitorText(before), monitorText(after)},
		{"primary", before.Primary, after.Primary},
		{"min_links", fmt.Sprint(before.MinLinks), fmt.Sprint(after.MinLinks)},
		{"mtu", fmt.Sprint(before.MTU), fmt.Sprint(after.MTU)},
	} {
		if before.Exists && field.before != field.after {
			d.add("%s %s, before %s", field.name, orNone(field.after), orNone(field.before))
		}
	}
	if a, b := after.LACP, before.LACP; a != nil && b != nil && *a != *b {
		d.add("LACP: aggregator %d with %d ports, partner %s", a.Aggregator, a.Ports, partnerText(a.PartnerMAC))
	}
}

func (d *differences) member(before, after Status, was, is MemberStatus) {
	switch usable := after.usable(is); {
	case was.Link != is.Link || was.Up != is.Up || was.Carrier != is.Carrier:
		d.add("%s%s", is.Name, inState(after, is))
	case before.usable(was) != usable:
		d.add("%s %s", is.Name, map[bool]string{true: "is used", false: "is not used any more"}[usable])
	case is.Failures > was.Failures:
		d.add("%s lost its link and has it back", is.Name)
	}
	if was.Speed != is.Speed || was.Duplex != is.Duplex {
		d.add("%s runs at %s", is.Name, SpeedText(is))
	}
	if was.LACP == nil || is.LACP == nil {
		return
	}
	if was.LACP.Aggregator != is.LACP.Aggregator {
		d.add("%s is in aggregator %d, before %d", is.Name, is.LACP.Aggregator, was.LACP.Aggregator)
	}
	if was.LACP.PartnerMAC != is.LACP.PartnerMAC {
		d.add("%s has the LACP partner %s", is.Name, partnerText(is.LACP.PartnerMAC))
	}
	if was.LACP.Actor != is.LACP.Actor || was.LACP.Partner != is.LACP.Partner {
		d.add("%s: LACP state %s; partner %s", is.Name, is.LACP.Actor, orNone(is.LACP.Partner.String()))
	}
	if was.LACP.ActorChurn != is.LACP.ActorChurn || was.LACP.PartnerChurn != is.LACP.PartnerChurn {
		d.add("%s: LACP churn %s; partner %s", is.Name, orNone(is.LACP.ActorChurn), orNone(is.LACP.PartnerChurn))
	}
}

// inState says in what state a member is, as the end of a sentence.
func inState(s Status, m MemberStatus) string {
	switch {
	case !m.Up:
		return " is administratively down"
	case s.silent(m):
		return " gets no answer, although it has a carrier"
	case m.Link == "fail":
		return " lost its link, and is used until down_delay is over"
	case m.Link == "back":
		return " has its link back, and is not used until up_delay is over"
	case m.Link == "up" && !m.Carrier:
		return " has no carrier; the monitor has not noticed yet"
	case m.Link == "up" || m.Link == "" && m.Carrier:
		return " has a link"
	case m.Carrier:
		return " has a carrier; the monitor has not noticed yet"
	}
	return " has no link"
}

// SpeedText says how fast a member is.
func SpeedText(m MemberStatus) string {
	if m.Speed <= 0 {
		return "unknown speed"
	}
	return strings.TrimSpace(fmt.Sprintf("%d Mbit/s %s", m.Speed, m.Duplex))
}

func monitorText(s Status) string {
	if s.Monitor == "" || s.Monitor == "none" {
		return "none"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %dms %s", s.Monitor, s.Interval, s.ARPTargets))
}

func partnerText(mac string) string {
	if mac == "" || mac == noMAC {
		return "none"
	}
	return mac
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "administratively down"
}
