package keepalived

import (
	"fmt"
	"strings"
)

// Pos is a line of a file. In an expanded definition it is the line that used it.
type Pos struct {
	File string
	Line int
}

// String is "file:line".
func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Problem is something wrong with a line.
type Problem struct {
	Pos
	Text string
}

// String is "file:line: text".
func (p Problem) String() string { return p.Pos.String() + ": " + p.Text }

// Refused is the error of a file that cannot be read as keepalived would, with everything that is wrong.
type Refused []Problem

// Error lists the problems, one a line.
func (r Refused) Error() string {
	var lines []string
	for _, p := range r {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// problems collects what reading finds.
type problems struct {
	refused  Refused
	warnings []Problem
}

func (p *problems) refuse(at Pos, format string, args ...any) {
	p.refused = append(p.refused, Problem{at, fmt.Sprintf(format, args...)})
}

func (p *problems) warn(at Pos, format string, args ...any) {
	p.warnings = append(p.warnings, Problem{at, fmt.Sprintf(format, args...)})
}
