package keepalived

import (
	"regexp"
	"strconv"
	"strings"
)

// reference is $NAME before white space or the end, or ${NAME}, or ${_RANDOM ...}.
var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)((?:\s+[^}]*)?)\}|\$([A-Za-z_][A-Za-z0-9_]*)(?:\s|$)`)

// substitute replaces the first reference to something defined. A definition of several lines makes
// several lines. What is not defined stays as it is, as in keepalived.
func (p *preprocessor) substitute(s string) (lines []string, ok bool) {
	for _, m := range reference.FindAllStringSubmatchIndex(s, -1) {
		name, end := "", m[1]
		if m[2] >= 0 {
			name = s[m[2]:m[3]]
		} else {
			name, end = s[m[6]:m[7]], m[7]
		}
		value, defined := p.vars[name]
		if name == "_RANDOM" {
			value, defined = []string{randomMin(s[m[4]:m[5]])}, true
		}
		if !defined {
			continue
		}
		before, after := s[:m[0]], s[end:]
		if len(value) == 0 {
			value = []string{""}
		}
		lines = append([]string(nil), value...)
		lines[0] = strings.TrimSpace(before + lines[0])
		lines[len(lines)-1] = strings.TrimSpace(lines[len(lines)-1] + after)
		return lines, true
	}
	return nil, false
}

// randomMin is the lower bound of a random number, which stands for it so that reading twice gives the same.
func randomMin(args string) string {
	if f := strings.Fields(args); len(f) > 0 {
		return f[0]
	}
	return "0"
}

var sequenceHead = regexp.MustCompile(`^~(SEQx?|LST)\(`)

// sequence handles "~SEQ(var, start, step, end) rest", "~SEQx(...)" and "~LST(var, values) rest".
func (p *preprocessor) sequence(at Pos, s string, depth int) {
	m := sequenceHead.FindStringSubmatch(s)
	end := closing(s)
	if m == nil || end < 0 {
		p.refuse(at, "%q is neither ~SEQ(...) nor ~LST(...)", redact(s))
		return
	}
	args := splitArgs(s[len(m[0]):end])
	rest := strings.TrimSpace(s[end+1:])
	var rounds []map[string]string
	var ok bool
	if m[1] == "LST" {
		rounds, ok = listRounds(args)
	} else {
		rounds, ok = countRounds(args, m[1] == "SEQx")
	}
	if !ok {
		p.refuse(at, "%q does not say what to count", s[:end+1])
		return
	}
	p.work += roundCost * len(rounds)
	for _, round := range rounds {
		for name, value := range round {
			p.define(name, value)
		}
		p.line(at, rest, depth+1)
		if len(p.refused) > 0 {
			return
		}
	}
}

// roundCost is what a round of a sequence costs, in bytes of text, besides its own.
const roundCost = 16

// closing is where the first parenthesis is closed.
func closing(s string) int { return strings.IndexByte(s, ')') }

// splitArgs splits at commas outside braces.
func splitArgs(s string) []string {
	var out []string
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
	}
	return append(out, strings.TrimSpace(s[start:]))
}

// countRounds are the values of ~SEQ: var [, start [, step]], end.
func countRounds(args []string, hex bool) ([]map[string]string, bool) {
	if len(args) < 2 || len(args) > 4 {
		return nil, false
	}
	var n []int64
	for _, a := range args[1:] {
		v, err := strconv.ParseInt(a, 0, 32)
		if err != nil {
			return nil, false
		}
		n = append(n, v)
	}
	end := n[len(n)-1]
	start, step := int64(1), int64(1)
	if end < 0 {
		start = -1
	}
	if len(n) > 1 {
		start = n[0]
	}
	if end < start {
		step = -1
	}
	if len(n) == 3 {
		step = n[1]
	}
	if step == 0 || (end-start)/step > maxLines {
		return nil, false
	}
	base := 10
	if hex {
		base = 16
	}
	var out []map[string]string
	for v := start; step > 0 && v <= end || step < 0 && v >= end; v += step {
		out = append(out, map[string]string{args[0]: strconv.FormatInt(v, base)})
	}
	return out, true
}

// listRounds are the values of ~LST: one variable and its values, or {variables} and {values} of each round.
func listRounds(args []string) ([]map[string]string, bool) {
	names := tuple(args[0])
	if len(args) < 2 {
		return nil, false
	}
	var out []map[string]string
	for _, a := range args[1:] {
		values := tuple(a)
		if len(values) != len(names) {
			return nil, false
		}
		round := map[string]string{}
		for i, name := range names {
			round[name] = values[i]
		}
		out = append(out, round)
	}
	return out, true
}

func tuple(s string) []string {
	inner, ok := strings.CutPrefix(s, "{")
	if !ok {
		return []string{s}
	}
	return splitArgs(strings.TrimSuffix(inner, "}"))
}
