package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of a table, with what is said about it in lines of their own below.
type row struct {
	cells []string
	notes []string
	bad   bool
}

// table lays rows out in columns below their titles.
func table(p paint, titles []string, rows []row) string {
	var cells strings.Builder
	w := tabwriter.NewWriter(&cells, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(titles, "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r.cells, "\t"))
	}
	w.Flush() // to memory, which does not fail
	lines := strings.Split(strings.TrimSuffix(cells.String(), "\n"), "\n")
	var b strings.Builder
	fmt.Fprintln(&b, p.head(strings.TrimRight(lines[0], " ")))
	for i, r := range rows {
		line := strings.TrimRight(lines[i+1], " ")
		if r.bad {
			line = p.bad(line)
		}
		fmt.Fprintln(&b, line)
		for _, note := range r.notes {
			fmt.Fprintln(&b, "  "+note)
		}
	}
	return b.String()
}

// list joins names for a cell; those beyond limit are only counted. No limit: 0.
func list(names []string, limit int) string {
	switch {
	case len(names) == 0:
		return "-"
	case limit > 0 && len(names) > limit:
		return fmt.Sprintf("%s +%d more", strings.Join(names[:limit], ","), len(names)-limit)
	}
	return strings.Join(names, ",")
}

// ago says how long something has been so.
func ago(since, now time.Time) string {
	passed := max(now.Sub(since), 0)
	switch {
	case since.IsZero():
		return "-"
	case passed < time.Minute:
		return fmt.Sprintf("%ds", int(passed.Seconds()))
	case passed < time.Hour:
		return fmt.Sprintf("%dm", int(passed.Minutes()))
	case passed < 48*time.Hour:
		return fmt.Sprintf("%dh%dm", int(passed.Hours()), int(passed.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(passed.Hours())/24)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
