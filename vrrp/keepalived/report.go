package keepalived

import (
	"fmt"
	"io"
)

// Verdict is what becomes of a directive.
type Verdict string

// The verdicts.
const (
	Kept        Verdict = "kept"        // vipd has the same thing
	Translated  Verdict = "translated"  // vipd does it in another way
	NotNeeded   Verdict = "not needed"  // nothing is lost without it
	Unsupported Verdict = "unsupported" // something is lost
)

// Report says what became of each directive.
type Report []Entry

// Entry is one directive.
type Entry struct {
	File      string
	Line      int
	Directive string // the block it is in and its words, without secrets
	Verdict   Verdict
	Text      string // why, or into what
}

// String is one line for people.
func (e Entry) String() string {
	s := fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.Directive, e.Verdict)
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Count is how many directives have the verdict.
func (r Report) Count(v Verdict) int {
	n := 0
	for _, e := range r {
		if e.Verdict == v {
			n++
		}
	}
	return n
}

// WriteTo writes the report, one directive a line.
func (r Report) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for _, e := range r {
		n, err := fmt.Fprintln(w, e)
		total += int64(n)
		if err != nil {
			return total, fmt.Errorf("write the report: %w", err)
		}
	}
	return total, nil
}
