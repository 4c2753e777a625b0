package keepalived

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// line is one line of configuration after includes, comments, conditions and definitions.
type line struct {
	Pos
	text string
}

// preprocessor turns files into lines.
type preprocessor struct {
	opt  Options
	vars map[string][]string // a definition's lines
	out  []line
	work int // bytes looked at so far
	problems
}

// Bounds on what a configuration may expand to, far beyond any that people run.
const (
	maxIncludes      = 32 // nesting
	maxLines         = 100000
	maxWork          = 16 << 20 // bytes of text looked at while expanding
	maxSubstitutions = 64       // of one line, one inside the other
	maxLineLength    = 64 << 10
)

func newPreprocessor(opt Options) *preprocessor {
	if opt.Files == nil {
		opt.Files = osFiles{}
	}
	p := &preprocessor{opt: opt, vars: map[string][]string{}}
	p.define("_INSTANCE", opt.ID)
	p.define("_HASH", "#")
	p.define("_BANG", "!")
	return p
}

func (p *preprocessor) define(name string, value ...string) { p.vars[name] = value }

// file reads a file and what it includes.
func (p *preprocessor) file(name string, depth int) error {
	text, err := p.opt.Files.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	outer := p.vars["_PWD"]
	p.define("_PWD", filepath.Dir(name))
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		at := Pos{name, i + 1}
		s := uncomment(lines[i])
		if keyword, pattern, ok := includeOf(s); ok {
			p.include(at, keyword, pattern, depth+1)
			continue
		}
		if name, value, ok := definition(s); ok && value == `\` {
			var body []string
			i, body = multiLine(lines, i+1)
			p.defineIf(s, name, body)
			continue
		}
		p.line(at, s, 0)
	}
	p.vars["_PWD"] = outer
	return nil
}

// multiLine collects the lines of a definition: those that end in a backslash, and the next one.
func multiLine(lines []string, i int) (last int, body []string) {
	for ; i < len(lines); i++ {
		s, more := strings.CutSuffix(uncomment(lines[i]), `\`)
		body = append(body, strings.TrimSpace(s))
		if !more {
			return i, body
		}
	}
	return len(lines), body
}

var includeWord = regexp.MustCompile(`^(include[rmwba]?)\s+(\S.*)$`)

func includeOf(s string) (keyword, pattern string, ok bool) {
	m := includeWord.FindStringSubmatch(s)
	if m == nil {
		return "", "", false
	}
	return m[1], strings.Trim(strings.TrimSpace(m[2]), `"'`), true
}

// include reads the files that match, relative to the including file. A plain include of nothing is no
// error to keepalived; the variants demand a match.
func (p *preprocessor) include(at Pos, keyword, pattern string, depth int) {
	if depth > maxIncludes {
		p.refuse(at, "includes are nested deeper than %d", maxIncludes)
		return
	}
	found := 0
	for _, alt := range braces(pattern) {
		if !filepath.IsAbs(alt) {
			alt = filepath.Join(filepath.Dir(at.File), alt)
		}
		names, err := p.opt.Files.Glob(alt)
		if err != nil {
			p.refuse(at, "%s %s: %v", keyword, pattern, err)
			return
		}
		for _, name := range names {
			found++
			if err := p.file(name, depth); err != nil {
				p.refuse(at, "%s: %v", keyword, err)
			}
		}
	}
	switch {
	case found > 0:
	case keyword == "include" || keyword == "includer":
		p.warn(at, "%s %s matches no file", keyword, pattern)
	default:
		p.refuse(at, "%s %s matches no file", keyword, pattern)
	}
}

// uncomment removes a comment and surrounding space. # and ! start one anywhere outside quotes.
func uncomment(s string) string {
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != 0:
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#' || c == '!':
			return strings.TrimSpace(s[:i])
		}
	}
	return strings.TrimSpace(s)
}

// line expands one line: condition, definition, sequence, substitution, in keepalived's order.
func (p *preprocessor) line(at Pos, s string, depth int) {
	p.work += len(s) + 1
	if depth > maxSubstitutions || len(s) > maxLineLength || len(p.out) >= maxLines || p.work > maxWork {
		p.refuse(at, "the definitions expand without end")
		return
	}
	s, ok := p.condition(s)
	if !ok || s == "" {
		return
	}
	if name, value, ok := definition(s); ok {
		p.define(name, value)
		return
	}
	if strings.HasPrefix(s, "~") {
		p.sequence(at, s, depth)
		return
	}
	if lines, ok := p.substitute(s); ok {
		for _, l := range lines {
			p.line(at, l, depth+1)
			if len(p.refused) > 0 && depth > 0 {
				return
			}
		}
		return
	}
	p.out = append(p.out, line{at, s})
}

// condition judges "@id" and "@^id" at the start of a line and removes it.
func (p *preprocessor) condition(s string) (rest string, ok bool) {
	after, ok := strings.CutPrefix(s, "@")
	if !ok {
		return s, true
	}
	word, rest, _ := strings.Cut(after, " ")
	if tab := strings.IndexByte(word, '\t'); tab >= 0 {
		word, rest = after[:tab], after[tab+1:]
	}
	other, not := strings.CutPrefix(word, "^")
	if (not && other != p.opt.ID) || (!not && word == p.opt.ID) {
		return strings.TrimSpace(rest), true
	}
	return "", false
}

// defineIf defines a multi-line definition unless a condition in front of it forbids.
func (p *preprocessor) defineIf(s, name string, body []string) {
	if _, ok := p.condition(s); ok {
		p.define(name, body...)
	}
}

var definitionLine = regexp.MustCompile(`^(?:@\S+\s+)?\$([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)

// definition recognises "$NAME=VALUE". A condition may stand in front when a multi-line one begins; it has
// been removed otherwise.
func definition(s string) (name, value string, ok bool) {
	m := definitionLine.FindStringSubmatch(s)
	if m == nil {
		return "", "", false
	}
	return m[1], strings.TrimSpace(m[2]), true
}
