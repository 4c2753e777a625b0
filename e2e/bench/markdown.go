package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// table is written as Markdown.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer, title string) error {
	if len(t.rows) == 0 {
		return nil
	}
	rule := strings.Repeat("|---", len(t.head)) + "|"
	lines := []string{"", "### " + title, "", line(t.head), rule}
	for _, r := range t.rows {
		lines = append(lines, line(r))
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func line(cells []string) string { return "| " + strings.Join(cells, " | ") + " |" }

// markdown writes the tables of a report.
func (r *Report) markdown(w io.Writer) error {
	m := r.Machine
	_, err := fmt.Fprintf(w, "%s UTC, %.0f minutes, %d repetitions; %d cores (%s), %.0f GiB, %s, kernel %s, %s, keepalived %s, vipd %s; load average %s before, %s after.\n",
		r.Started.Format("2006-01-02 15:04"), r.Minutes, r.Repetitions, m.Cores, m.CPU, m.Memory, m.System, m.Kernel, m.Go, m.Keepalived, m.Vipd, r.LoadBefore, r.LoadAfter)
	if err != nil {
		return err
	}
	if err := r.targetTable().write(w, "Targets"); err != nil {
		return err
	}
	for _, s := range []struct{ section, title string }{
		{"failover", "Client's silence: "}, {"ipv6", "IPv6: "}, {"disk", "Each disk sync 20 ms slower: "},
	} {
		for _, f := range allFaults {
			if err := r.failoverTable(s.section, f).write(w, s.title+string(f)); err != nil {
				return err
			}
		}
	}
	for _, section := range []string{"addresses", "groups"} {
		if err := r.sizeTable(section).write(w, "Cable cut, number of "+section); err != nil {
			return err
		}
	}
	if err := r.idleTable().write(w, "Idle"); err != nil {
		return err
	}
	return r.loadTable().write(w, "Under load")
}

func (r *Report) failoverTable(section string, f fault) *table {
	t := &table{head: []string{"system", "holder", "n", "median ms", "worst ms", "disturbed", "worst of the others", "median against keepalived 0.1 s", "two answered during the fault", "and during the repair", "longest ms"}}
	all := r.find(section)
	reference := medianOf(slices.Concat(all, r.find("failover")), func(s *Series) bool { return s.Fault == f && s.System == keepalivedMiddle.name })
	for _, s := range all {
		if s.Fault == f {
			t.add(s.System, string(s.Role), s.count(), number(s.Summary.Median), number(s.Summary.Worst),
				fmt.Sprint(s.Summary.Disturbed), number(s.Summary.WorstCalm), ratio(s.Summary.Median, reference),
				fmt.Sprint(s.Summary.Doubles), fmt.Sprint(s.Summary.DoublesAfter), number(s.Summary.LongestDouble))
		}
	}
	return t
}

func (r *Report) sizeTable(section string) *table {
	t := &table{head: []string{"system", section, "n", "median ms", "worst ms", "disturbed", "worst of the others", "median against one", "two answered during the fault", "and during the repair", "longest ms"}}
	all := r.find(section)
	for _, s := range all {
		one := medianOf(all, func(o *Series) bool { return o.System == s.System && o.Groups == 1 && o.Addresses == 1 })
		t.add(s.System, fmt.Sprint(max(s.Groups, s.Addresses)), s.count(), number(s.Summary.Median), number(s.Summary.Worst),
			fmt.Sprint(s.Summary.Disturbed), number(s.Summary.WorstCalm), ratio(s.Summary.Median, one),
			fmt.Sprint(s.Summary.Doubles), fmt.Sprint(s.Summary.DoublesAfter), number(s.Summary.LongestDouble))
	}
	return t
}

func (r *Report) idleTable() *table {
	t := &table{head: []string{"system", "groups", "host", "CPU % of a core", "RSS MiB", "packets/s sent", "packets/s by all three"}}
	for _, i := range r.Idle {
		t.add(i.System, fmt.Sprint(i.Groups), i.Role, fmt.Sprintf("%.2f", i.CPU), number(i.RSS), number(i.Sent), number(i.Segment))
	}
	return t
}

func (r *Report) loadTable() *table {
	t := &table{head: []string{"system", "load", "minutes", "changes the client saw", "decisions", "two answered", "longest ms", "longest silence ms", "of it the prober's"}}
	for _, l := range r.Load {
		t.add(l.System, l.Kind, fmt.Sprintf("%.1f", l.Minutes), fmt.Sprint(l.Changes), fmt.Sprint(l.Decisions), fmt.Sprint(l.Doubles),
			number(l.LongestDouble), number(l.Silence), number(l.Stalled))
	}
	return t
}

func medianOf(all []*Series, which func(*Series) bool) float64 {
	if i := slices.IndexFunc(all, which); i >= 0 {
		return all[i].Summary.Median
	}
	return 0
}

// count is the number of trials, with those that failed.
func (s *Series) count() string {
	if len(s.Failed) > 0 {
		return fmt.Sprintf("%d, %d failed", len(s.Trials), len(s.Failed))
	}
	return fmt.Sprint(len(s.Trials))
}

func number(v float64) string { return fmt.Sprintf("%.1f", v) }

// ratio is "" where there is nothing to compare with.
func ratio(a, b float64) string {
	if b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f ×", a/b)
}
