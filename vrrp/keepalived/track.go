package keepalived

import (
	"fmt"
	"slices"
	"strconv"
)

// addTracking adds the track_ blocks, which instances and sync groups have alike.
func addTracking(t table) {
	add := func(name string, limit int, list func(*Tracking) *[]Track) {
		entry := func(r *reader, n *node) { r.trackEntry(n, limit, list(r.track)) }
		t[name] = keyword{verdict: Kept, lines: &keyword{verdict: Kept, handle: entry}}
	}
	add("track_script", 253, func(t *Tracking) *[]Track { return &t.Scripts })
	add("track_interface", 253, func(t *Tracking) *[]Track { return &t.Interfaces })
	add("track_process", 254, func(t *Tracking) *[]Track { return &t.Processes })
	add("track_file", 254, func(t *Tracking) *[]Track { return &t.Files })
	add("track_bfd", 253, func(t *Tracking) *[]Track { return &t.BFDs })
}

// trackEntry reads "NAME [weight N] [reverse|noreverse]".
func (r *reader) trackEntry(n *node, limit int, list *[]Track) {
	t := Track{Pos: n.Pos, Name: n.words[0]}
	if slices.ContainsFunc(*list, func(o Track) bool { return o.Name == t.Name }) {
		r.warn(n.Pos, "%s is tracked twice; the first counts", t.Name)
		r.amend(NotNeeded, "it is tracked above already, and keepalived takes the first")
		return
	}
	for i := 1; i < len(n.words); i++ {
		switch word := n.words[i]; word {
		case "weight":
			if i+1 >= len(n.words) {
				r.refuse(n.Pos, "%s: weight lacks a value", n.text())
				return
			}
			i++
			t.Weight, t.HasWeight = r.weight(n, n.words[i], limit)
		case "reverse":
			t.Reverse = true
		case "noreverse", "no_reverse":
			t.Reverse = false
		default:
			r.warn(n.Pos, "%s: unknown word %q, ignored", n.text(), word)
		}
	}
	*list = append(*list, t)
}

// weight reads a weight; outside the range it is ignored, as in keepalived.
func (r *reader) weight(n *node, s string, limit int) (int, bool) {
	v, err := strconv.Atoi(s)
	if err != nil || v < -limit || v > limit {
		r.warn(n.Pos, "%s: a weight is from %d to %d, ignored", n.text(), -limit, limit)
		r.amend(Translated, "without the weight, which is not from %d to %d", -limit, limit)
		return 0, false
	}
	return v, true
}

// resolve drops what is tracked but not defined, as keepalived does, and tells of definitions below.
func (r *reader) resolve(t *Tracking) {
	t.Scripts = r.known(t.Scripts, "vrrp_script", func(name string) (Pos, bool) {
		for _, s := range r.cfg.Scripts {
			if s.Name == name {
				return s.Pos, true
			}
		}
		return Pos{}, false
	})
	t.Processes = r.known(t.Processes, "vrrp_track_process", func(name string) (Pos, bool) {
		for _, p := range r.cfg.Processes {
			if p.Name == name {
				return p.Pos, true
			}
		}
		return Pos{}, false
	})
	t.Files = r.known(t.Files, "track_file", func(name string) (Pos, bool) {
		for _, f := range r.cfg.Files {
			if f.Name == name {
				return f.Pos, true
			}
		}
		return Pos{}, false
	})
}

func (r *reader) known(list []Track, kind string, find func(string) (Pos, bool)) (out []Track) {
	for _, t := range list {
		at, ok := find(t.Name)
		switch {
		case !ok:
			r.warn(t.Pos, "there is no %s %s, ignored", kind, t.Name)
			r.amendLine(t.Pos, t.Name, NotNeeded, fmt.Sprintf("there is no %s %s; keepalived ignores it too", kind, t.Name))
			continue
		case at.File == t.File && at.Line > t.Line:
			r.warn(t.Pos, "%s %s is defined below, at line %d; keepalived 2.2 does not track it then, vipd does", kind, t.Name, at.Line)
			r.amendLine(t.Pos, t.Name, Kept, "defined below its use; some versions of keepalived do not track it then, vipd does")
		}
		out = append(out, t)
	}
	return out
}

// amendLine changes what was recorded about the entries of a line that end with a name and what follows it.
func (r *reader) amendLine(at Pos, name string, v Verdict, text string) {
	for i := range r.cfg.Directives {
		e := &r.cfg.Directives[i]
		if e.File == at.File && e.Line == at.Line && containsWord(e.Directive, name) {
			e.Verdict, e.Text = v, text
		}
	}
}
