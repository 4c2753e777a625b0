package bond

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Bond   int    // which of several, counted from 0
	Key    string // of the node file, such as "up_delay"
	Text   string // what is wrong
	Remedy string // what to do about it
}

// String returns key, text and remedy as one line.
func (p Problem) String() string { return p.Key + ": " + p.Text + "; " + p.Remedy }

// problems collects what the rules find.
type problems []Problem

func (p *problems) add(key, remedy, format string, args ...any) {
	*p = append(*p, Problem{Key: key, Text: fmt.Sprintf(format, args...), Remedy: remedy})
}

// Validate returns everything that is wrong with the bond by itself, in a
// stable order; nothing if it can be built. See ValidateAll for what several
// bonds may do to each other.
func (c Config) Validate() []Problem {
	var p problems
	c.checkName(&p)
	c.checkMembers(&p)
	if c.Mode != "" {
		if _, ok := ParseMode(c.Mode); !ok {
			p.add("mode", "use one of "+strings.Join(modeNames, ", "), "%q is no bonding mode", c.Mode)
			return p // what follows depends on the mode
		}
	}
	c.checkOptions(&p)
	c.checkPrimary(&p)
	c.checkMonitor(&p)
	c.checkARP(&p)
	c.checkDelays(&p)
	c.checkLinks(&p)
	c.checkAddresses(&p)
	return p
}

// checkOptions holds every stated option against the table: does the mode take
// it, is the value one that the driver knows.
func (c Config) checkOptions(p *problems) {
	stated := c.stated()
	for _, o := range options {
		value, ok := stated[o.key]
		if !ok {
			continue
		}
		if !o.modes.has(c.mode()) {
			p.add(o.key, fmt.Sprintf("remove it, or use mode %s", oneOf(o.modes.names())), "mode %s does not take it", c.mode())
			continue
		}
		c.checkValue(p, o, value)
	}
}

func (c Config) checkValue(p *problems, o option, value string) {
	switch {
	case o.kind == linkIndex || o.kind == addressList:
	case o.names != nil:
		if !slices.Contains(o.names, value) {
			p.add(o.key, "use one of "+strings.Join(o.names, ", "), "%q is not a value of it", value)
		}
	default:
		n, err := strconv.Atoi(value)
		if err != nil || n < o.min || n > o.max {
			p.add(o.key, fmt.Sprintf("use %d to %d", o.min, o.max), "%s is out of range", value)
		}
	}
}

// ValidateAll validates each bond and what they do to each other.
func ValidateAll(bonds []Config) []Problem {
	var all []Problem
	names := make(map[string]bool)
	for i, c := range bonds {
		p := problems(c.Validate())
		if c.Name != "" && names[c.Name] {
			p.add("name", "give each bond a name of its own", "two bonds are called %s", c.Name)
		}
		names[c.Name] = true
		all = append(all, p.of(i)...)
	}
	user := make(map[string]string) // of a member
	for i, c := range bonds {
		var p problems
		for _, m := range c.MemberNames() {
			other, used := user[m]
			if used && other != c.Name {
				p.add("members", "leave it in one of them", "%s is a member of %s already", m, other)
			}
			if names[m] && m != c.Name {
				p.add("members", "list the interfaces below it instead", "%s is a bond itself", m)
			}
			user[m] = c.Name
		}
		all = append(all, p.of(i)...)
	}
	return all
}

// of says which bond the problems are of.
func (p problems) of(bond int) []Problem {
	for i := range p {
		p[i].Bond = bond
	}
	return p
}

// oneOf joins alternatives for a sentence.
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
