package conf

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Problem is one thing wrong in a configuration, told so that its author can put it right.
type Problem struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"` // counted from 1; 0 when there is no file or no line
	Column int    `json:"column,omitempty"`
	Key    string `json:"key,omitempty"`    // as groups[0].addresses[1]; empty for the file as a whole
	Text   string `json:"text"`             // what is wrong
	Remedy string `json:"remedy,omitempty"` // what to write instead
}

// Error is one line: file:line: key: text: remedy, without the parts that are empty.
func (p Problem) Error() string {
	var parts []string
	switch {
	case p.File != "" && p.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d", p.File, p.Line))
	case p.File != "":
		parts = append(parts, p.File)
	}
	for _, s := range []string{p.Key, p.Text, p.Remedy} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Map(printable, strings.Join(parts, ": "))
}

// printable keeps what a file contains from ending the line or commanding the terminal.
func printable(r rune) rune {
	if unicode.IsControl(r) {
		return unicode.ReplacementChar
	}
	return r
}

// Errors is everything wrong in a configuration, in the order of its lines.
type Errors []Problem

// Error has a line for each problem.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what is remembered of a file that is wrong throughout.
const maxProblems = 200

// sorted returns the problems in the order of their lines, and says how many more there were.
func sorted(problems []Problem, more int) Errors {
	errs := Errors(slices.Clone(problems))
	slices.SortStableFunc(errs, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if more > 0 {
		errs = append(errs, Problem{File: errs[0].File, Text: fmt.Sprintf("%d more problems", more)})
	}
	return errs
}
