package importer

import (
	"fmt"
	"slices"
	"strings"

	"vipd/cluster/spec"
	"vipd/cluster/state"
	"vipd/vrrp/keepalived"
)

// firstPriority is that of the first rule without one; keepalived counts down from it as well.
const firstPriority = 16384

// tracking are keepalived's words that say whether the loss of a route or rule counts.
var tracking = []string{"no_track"}

// routes translates an instance's virtual_routes and virtual_rules.
func (t *translation) routes(out *state.Group, g keepalived.Group) {
	if t.paths == nil {
		t.paths = map[string]judgement{}
	}
	note := func(block string, words []string, text fmt.Stringer, extra string, err error) {
		j := judgement{keepalived.Translated, strings.TrimSuffix(fmt.Sprintf("becomes `%s`; %s", text, extra), "; ")}
		if err != nil {
			j = judgement{keepalived.Unsupported, err.Error()}
		}
		t.paths[g.Name+" "+block+" "+strings.Join(words, " ")] = j
	}
	for _, words := range g.Routes {
		r, err := spec.ParseRoute(without(words, tracking))
		if r.Interface == "" && !r.Via.IsValid() && r.Type == "" {
			r.Interface = g.Interface
		}
		if err == nil {
			out.Routes = append(out.Routes, r)
		}
		note("virtual_routes", words, r, "", err)
	}
	for _, words := range g.Rules {
		r, err := spec.ParseRule(without(words, tracking))
		extra := ""
		if r.Priority == 0 {
			r.Priority, extra = firstPriority-uint32(t.rules), "the priority is one that keepalived could have chosen"
			t.rules++
		}
		if err == nil {
			out.Rules = append(out.Rules, r)
		}
		note("virtual_rules", words, r, extra, err)
	}
}

func without(words, drop []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return slices.Contains(drop, w) })
}
