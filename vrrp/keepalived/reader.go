package keepalived

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// reader interprets the tree.
type reader struct {
	cfg *Config
	problems
	path []string // the blocks around the current directive

	// The blocks being read.
	inst  *Instance
	group *SyncGroup
	track *Tracking
	note  *Notify
}

// Read reads a configuration file and what it includes. A Refused error lists what is wrong with it.
func Read(name string, opt Options) (*Config, error) {
	p := newPreprocessor(opt)
	if err := p.file(name, 0); err != nil {
		return nil, err
	}
	root, probs := buildTree(p.out, p.problems)
	r := &reader{cfg: &Config{File: name, Globals: defaultGlobals(), at: map[string]int{}}, problems: probs}
	if len(r.refused) == 0 { // a tree with wrong braces would only give more, confusing complaints
		r.blocksFirst(root)
		r.finish()
	}
	if len(r.refused) > 0 {
		slices.SortStableFunc(r.refused, func(a, b Problem) int { return comparePos(a.Pos, b.Pos) })
		return nil, r.refused
	}
	r.cfg.Warnings = r.warnings
	return r.cfg, nil
}

func comparePos(a, b Pos) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	return a.Line - b.Line
}

func defaultGlobals() Globals {
	return Globals{
		Version: 2, Group4: netip.AddrFrom4([4]byte{224, 0, 0, 18}), Group6: netip.MustParseAddr("ff02::12"),
		GARP: GARP{MasterDelay: defaultGARPDelay, MasterRepeat: 5, MasterRefreshRepeat: 1}, DownTimerAdverts: 3, DefaultInterface: "eth0",
	}
}

// blocksFirst reads the top level in the order of the file, but global_defs before everything, since
// instances take their defaults from there wherever it stands.
func (r *reader) blocksFirst(root *node) {
	var globals, others []*node
	for _, n := range root.children {
		if n.keyword() == "global_defs" {
			globals = append(globals, n)
		} else {
			others = append(others, n)
		}
	}
	r.read(globals, top)
	r.finishGlobals()
	r.read(others, top)
}

// read interprets directives by a table, and records each.
func (r *reader) read(nodes []*node, t table) {
	for _, n := range nodes {
		k, ok := t[n.keyword()]
		if !ok {
			r.warn(n.Pos, "unknown keyword %q", n.keyword())
			r.record(n, Unsupported, "keepalived does not know it either, and ignores it")
			r.recordBelow(n, Unsupported, "inside an unknown block")
			continue
		}
		if len(n.args()) < k.args {
			r.refuse(n.Pos, "%s lacks a parameter", n.text())
			continue
		}
		r.directive(n, k)
	}
}

func (r *reader) directive(n *node, k keyword) {
	wantsBlock := k.block || k.lines != nil
	if wantsBlock != n.block && (wantsBlock || k.handle != nil) {
		r.refuse(n.Pos, "%s: %s", n.text(), map[bool]string{true: "lacks its block", false: "has no block"}[wantsBlock])
		return
	}
	at := r.record(n, k.verdict, k.text)
	switch {
	case r.inst != nil:
		r.inst.at[n.keyword()] = at
	case len(r.path) == 1 && r.path[0] == "global_defs":
		r.cfg.at[n.keyword()] = at
	}
	switch {
	case k.lines != nil:
		r.inside(n, func() {
			for _, child := range n.children {
				if child.block {
					r.refuse(child.Pos, "%s: has no block", child.text())
					continue
				}
				r.record(child, k.lines.verdict, k.lines.text)
				k.lines.handle(r, child)
			}
		})
	case k.handle != nil:
		k.handle(r, n)
	default:
		r.recordBelow(n, k.verdict, k.text)
	}
}

// inside runs f with the block n on the path.
func (r *reader) inside(n *node, f func()) {
	label := n.keyword()
	if len(n.args()) > 0 {
		label += " " + n.args()[0]
	}
	r.path = append(r.path, label)
	f()
	r.path = r.path[:len(r.path)-1]
}

// record notes a directive and returns its place in the list.
func (r *reader) record(n *node, v Verdict, text string) int {
	d := n.text()
	if len(r.path) > 0 {
		d = strings.Join(r.path, " / ") + " / " + d
	}
	r.cfg.Directives = append(r.cfg.Directives, Entry{File: n.File, Line: n.Line, Directive: d, Verdict: v, Text: text})
	return len(r.cfg.Directives) - 1
}

// recordBelow notes everything in a block that is not interpreted.
func (r *reader) recordBelow(n *node, v Verdict, text string) {
	r.inside(n, func() {
		for _, child := range n.children {
			r.record(child, v, text)
			r.recordBelow(child, v, text)
		}
	})
}

// amend changes what was recorded about the newest directive.
func (r *reader) amend(v Verdict, format string, args ...any) {
	e := &r.cfg.Directives[len(r.cfg.Directives)-1]
	e.Verdict, e.Text = v, fmt.Sprintf(format, args...)
}
