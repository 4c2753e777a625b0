package keepalived

import (
	"math"
	"slices"
	"strings"
	"time"
)

// script reads a vrrp_script.
func (r *reader) script(n *node) {
	s := &Script{Pos: n.Pos, Name: n.args()[0], Interval: time.Second, Rise: 1, Fall: 1, User: r.cfg.Globals.ScriptUser}
	if slices.ContainsFunc(r.cfg.Scripts, func(o *Script) bool { return o.Name == s.Name }) {
		r.refuse(n.Pos, "vrrp_script %s is defined already", s.Name)
		return
	}
	r.cfg.Scripts = append(r.cfg.Scripts, s)
	r.inside(n, func() {
		r.read(n.children, table{
			"script":    {verdict: Kept, args: 1, handle: func(_ *reader, n *node) { s.Command = command(n.args()) }},
			"interval":  {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.duration(n, &s.Interval, 1, math.MaxInt32) }},
			"timeout":   {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.duration(n, &s.Timeout, 1, math.MaxInt32) }},
			"weight":    {verdict: Kept, args: 1, handle: func(r *reader, n *node) { s.Weight, s.Reverse = r.weightOf(n, 253) }},
			"rise":      {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.count(n, &s.Rise, 1, math.MaxInt32) }},
			"fall":      {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.count(n, &s.Fall, 1, math.MaxInt32) }},
			"user":      {verdict: Kept, args: 1, handle: func(_ *reader, n *node) { s.User = strings.Join(n.args(), " ") }},
			"init_fail": {verdict: Kept, handle: func(*reader, *node) { s.InitFail = true }},
		})
	})
}

func (r *reader) duration(n *node, to *time.Duration, low, high float64) {
	if d, ok := r.seconds(n, low, high); ok {
		*to = d
	}
}

// weightOf reads "weight N [reverse]".
func (r *reader) weightOf(n *node, limit int) (weight int, reverse bool) {
	weight, _ = r.weight(n, n.args()[0], limit)
	return weight, slices.Contains(n.args()[1:], "reverse")
}

// trackProcess reads a vrrp_track_process.
func (r *reader) trackProcess(n *node) {
	p := &TrackProcess{Pos: n.Pos, Name: n.args()[0], Quorum: 1, QuorumMax: -1}
	r.cfg.Processes = append(r.cfg.Processes, p)
	r.inside(n, func() {
		t := table{
			"process":         {verdict: Kept, args: 1, handle: func(_ *reader, n *node) { p.Command = n.args() }},
			"weight":          {verdict: Kept, args: 1, handle: func(r *reader, n *node) { p.Weight, p.Reverse = r.weightOf(n, 254) }},
			"quorum":          {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.count(n, &p.Quorum, 1, 65535) }},
			"quorum_max":      {verdict: Kept, args: 1, handle: func(r *reader, n *node) { r.count(n, &p.QuorumMax, 0, 65535) }},
			"delay":           {verdict: Translated, text: "how often in a row it must fail", args: 1, handle: func(r *reader, n *node) { r.duration(n, &p.Delay, 0.000001, 3600) }},
			"terminate_delay": {verdict: Translated, text: "how often in a row it must fail", args: 1, handle: func(r *reader, n *node) { r.duration(n, &p.Delay, 0.000001, 3600) }},
			"full_command":    {verdict: Kept, handle: func(*reader, *node) { p.Full = true }},
		}
		t.all(Unsupported, "a process counts as soon as it is there", "fork_delay")
		t.all(Unsupported, "parameters are compared as a whole or not at all", "param_match")
		r.read(n.children, t)
	})
}

// trackFile reads a track_file.
func (r *reader) trackFile(n *node) {
	f := &TrackFile{Pos: n.Pos, Name: n.args()[0], Weight: 1}
	r.cfg.Files = append(r.cfg.Files, f)
	r.inside(n, func() {
		t := table{
			"file":   {verdict: Kept, args: 1, handle: func(_ *reader, n *node) { f.Path = n.args()[0] }},
			"weight": {verdict: Kept, args: 1, handle: func(r *reader, n *node) { f.Weight, f.Reverse = r.weightOf(n, math.MaxInt32) }},
		}
		t.all(Unsupported, "a missing file is a missing file", "init_file")
		r.read(n.children, t)
	})
}

func (r *reader) bfd(n *node) {
	r.cfg.BFDs = append(r.cfg.BFDs, &BFD{n.Pos, n.args()[0]})
	r.recordBelow(n, Unsupported, "there is no BFD")
}
