package main

import (
	"fmt"
	"strings"

	"vipd/bond"
	"vipd/cluster/api"
	"vipd/cluster/links"
)

// bondsText is the list of bonds as people read it.
func bondsText(bonds api.Bonds, p paint) string {
	if len(bonds.Bonds) == 0 {
		return fmt.Sprintf("%s has no bonds or teams, and no group uses its interfaces\n", bonds.Node)
	}
	var rows []row
	for _, b := range bonds.Bonds {
		rows = append(rows, row{
			cells: []string{b.Name, kindText(b), linkText(b), orDash(b.Active), usableText(b), list(b.Groups, shown)},
			notes: bondNotes(b, p), bad: b.Ineligible != "",
		})
	}
	return table(p, []string{"NAME", "KIND", "LINK", "ACTIVE", "USABLE", "GROUPS"}, rows)
}

func kindText(b api.BondStatus) string {
	switch {
	case !b.Exists:
		return "-"
	case b.Kind == "":
		return "interface"
	case b.Lower != "":
		return b.Kind + " on " + b.Lower
	case b.Mode != "":
		return b.Kind + " " + b.Mode
	}
	return b.Kind
}

func linkText(b api.BondStatus) string {
	switch {
	case !b.Exists:
		return "missing"
	case !b.Up:
		return "off"
	case !b.Carrier:
		return "no carrier"
	}
	return "up"
}

func usableText(b api.BondStatus) string {
	if len(b.Members) == 0 && b.Kind != "bond" && b.Kind != "team" {
		return "-"
	}
	return fmt.Sprintf("%d of %d", b.Usable, len(b.Members))
}

// bondNotes are what is wrong, and what to do about it.
func bondNotes(b api.BondStatus, p paint) []string {
	var notes []string
	if b.Problem != "" {
		notes = append(notes, p.bad("not as the node file says: "+strings.ReplaceAll(b.Problem, "\n", "; ")))
	}
	if b.Ineligible != "" && len(b.Groups) > 0 {
		notes = append(notes, p.bad("this node holds nothing on it: "+b.Ineligible))
	}
	for _, f := range b.Findings {
		line := p.warn
		if f.Severity == bond.Broken {
			line = p.bad
		}
		notes = append(notes, line(f.String()))
	}
	return notes
}

// bondText is all about one bond.
func bondText(b api.BondStatus, p paint) string {
	var s strings.Builder
	fact := func(name, format string, args ...any) {
		fmt.Fprintf(&s, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fact("name", "%s (%s)", b.Name, kindText(b))
	fact("link", "%s", linkText(b))
	if b.Kind == "bond" {
		fact("made by", "%s%s", map[bool]string{true: "vipd", false: "others"}[b.Ours], map[bool]string{true: ", in the node file", false: ""}[b.InFile])
		fact("monitor", "%s", monitorText(b.Status))
	}
	if len(b.Members) > 0 {
		fact("usable", "%s%s", usableText(b), map[bool]string{true: fmt.Sprintf(", min_links %d", b.MinLinks), false: ""}[b.MinLinks > 0])
	}
	if b.Active != "" {
		fact("active", "%s", b.Active)
	}
	if b.Primary != "" {
		fact("primary", "%s", b.Primary)
	}
	if b.MAC != "" {
		fact("address", "%s, mtu %d", b.MAC, b.MTU)
	}
	if l := b.LACP; l != nil {
		fact("lacp", "aggregator %d with %d ports, keys %d and %d, partner %s", l.Aggregator, l.Ports, l.ActorKey, l.PartnerKey, l.PartnerMAC)
	}
	if len(b.Groups) > 0 {
		fact("groups", "%s", strings.Join(b.Groups, ", "))
	}
	for _, note := range bondNotes(b, p) {
		fmt.Fprintln(&s, note)
	}
	if len(b.Members) > 0 {
		s.WriteString("\n" + table(p, []string{"MEMBER", "LINK", "ACTIVE", "FAILURES", "SPEED", "ADDRESS"}, memberRows(b)))
	}
	if len(b.Events) > 0 {
		s.WriteString("\n" + eventsText(b.Events, p))
	}
	return s.String()
}

func monitorText(s bond.Status) string {
	if s.Interval == 0 {
		return "none"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %dms %s", s.Monitor, s.Interval, s.ARPTargets))
}

func memberRows(b api.BondStatus) []row {
	var rows []row
	for _, m := range b.Members {
		link := m.Link
		if link == "" {
			link = map[bool]string{true: "up", false: "down"}[m.Carrier]
		}
		r := row{cells: []string{
			m.Name, link, map[bool]string{true: "yes", false: "no"}[m.Active], fmt.Sprint(m.Failures), bond.SpeedText(m), orDash(m.PermMAC),
		}}
		if l := m.LACP; l != nil {
			r.notes = append(r.notes, fmt.Sprintf("lacp: aggregator %d, partner %s", l.Aggregator, orDash(l.PartnerMAC)),
				"here:  "+orDash(l.Actor.String()), "there: "+orDash(l.Partner.String()))
			if l.ActorChurn != "" {
				r.notes = append(r.notes, fmt.Sprintf("churn: here %s, there %s", l.ActorChurn, l.PartnerChurn))
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func eventsText(events []links.Event, p paint) string {
	var rows []row
	for _, e := range events {
		rows = append(rows, row{cells: []string{e.At.Local().Format("2006-01-02 15:04:05.000"), e.Text}})
	}
	return table(p, []string{"TIME", "EVENT"}, rows)
}

// planText is a plan, or what was done, as people read it.
func planText(plan api.BondPlan, verb string) string {
	if len(plan.Bonds) == 0 {
		return "the node file has no bonds\n"
	}
	var b strings.Builder
	for _, s := range plan.Bonds {
		switch {
		case s.Problem != "":
			fmt.Fprintf(&b, "%s cannot be made: %s\n", s.Bond, strings.ReplaceAll(s.Problem, "\n", "; "))
		case s.Left != "":
			fmt.Fprintln(&b, s.Left)
		case len(s.Changes) == 0:
			fmt.Fprintf(&b, "%s is as the node file says\n", s.Bond)
		default:
			fmt.Fprintf(&b, "%s %s:\n", s.Bond, verb)
			for _, c := range s.Changes {
				fmt.Fprintf(&b, "  %s\n", c)
			}
		}
	}
	return b.String()
}
