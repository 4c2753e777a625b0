package vm

import (
	"regexp"
	"strconv"
	"strings"

	"vipd/e2e/vm/guest/task"
)

// outcome is how a test inside the machine ended.
type outcome int

const (
	unfinished outcome = iota
	passed
	failed
	skipped
)

// result is one top-level test with the lines printed while it ran, those of
// its subtests included.
type result struct {
	name    string
	outcome outcome
	lines   []string
}

func (r *result) output() string { return strings.Join(r.lines, "\n") }

// results reads the output of a test binary run with -test.v, line by line.
// Parallel tests inside are told apart by their "=== " lines as far as the
// testing package prints them.
type results struct {
	tests   []*result
	current *result
	exited  bool // the machine's init saw the test binary end ...
	code    int  // ... with this status
}

var (
	beginLine = regexp.MustCompile(`^=== (?:RUN|CONT|NAME) +([^ /]+)`)
	endLine   = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): ([^ /]+) \(`)
	outcomes  = map[string]outcome{"PASS": passed, "FAIL": failed, "SKIP": skipped}
)

// add takes the next line.
func (r *results) add(line string) {
	if code, ok := strings.CutPrefix(line, task.ExitPrefix); ok {
		n, err := strconv.Atoi(code)
		r.exited, r.code = err == nil, n
		return
	}
	if m := beginLine.FindStringSubmatch(line); m != nil {
		r.current = r.find(m[1])
	} else if m := endLine.FindStringSubmatch(line); m != nil {
		r.current = r.find(m[2])
		r.current.outcome = outcomes[m[1]]
	}
	if r.current != nil {
		r.current.lines = append(r.current.lines, line)
	}
}

func (r *results) find(name string) *result {
	for _, t := range r.tests {
		if t.name == name {
			return t
		}
	}
	t := &result{name: name}
	r.tests = append(r.tests, t)
	return t
}
