package importer

import (
	"fmt"
	"strings"

	"vipd/cluster/spec"
	"vipd/cluster/state"
	"vipd/vrrp/keepalived"
)

// firstPriority is that of the first rule without one; keepalived counts down from it as well.
const firstPriority = 16384

// tracking are keepalived's words that say whether the loss of a route or rule counts, with the number of their values.
var tracking = map[string]int{"no_track": 0, "track_group": 1}

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
		r, err := spec.ParseRoute(untracked(words))
		if r.Interface == "" && !r.Via.IsValid() && r.Type == "" && len(r.Hops) == 0 {
			r.Interface = g.Interface
		}
		if err == nil {
			out.Routes = append(out.Routes, r)
		}
		note("virtual_routes", words, r, named(r.TableName), err)
	}
	for _, words := range g.Rules {
		r, err := spec.ParseRule(untracked(words))
		extra := named(r.TableName)
		if r.Priority == 0 {
			r.Priority = firstPriority - uint32(t.rules)
			extra = strings.TrimPrefix(extra+"; the priority is one that keepalived could have chosen", "; ")
			t.rules++
		}
		if err == nil {
			out.Rules = append(out.Rules, r)
		}
		note("virtual_rules", words, r, extra, err)
	}
}

// named says what a name of a table asks of the nodes.
func named(table string) string {
	if table == "" {
		return ""
	}
	return "a node whose /etc/iproute2/rt_tables does not name " + table + " cannot have the group"
}

// untracked are the words without those of tracking.
func untracked(words []string) (rest []string) {
	for i := 0; i < len(words); i++ {
		if values, drop := tracking[words[i]]; drop {
			i += values
			continue
		}
		rest = append(rest, words[i])
	}
	return rest
}
