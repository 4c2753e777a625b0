package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// apart is written as the set's name when nothing but that is said.
type apart struct {
	Set    string `yaml:"set"`
	Strict bool   `yaml:"strict,omitempty"`
}

func (a *apart) ParseScalar(text string) error {
	a.Set = text
	return nil
}

func (a apart) MarshalYAML() (any, error) {
	if !a.Strict {
		return a.Set, nil
	}
	type fields apart
	var n yaml.Node
	if err := n.Encode(fields(a)); err != nil {
		return nil, err
	}
	n.Style = yaml.FlowStyle
	return &n, nil
}

// place fills in where a group may be.
func (g group) place(s *state.Group) {
	if g.Apart != nil {
		s.Apart, s.ApartStrict = g.Apart.Set, g.Apart.Strict
	}
	s.Nodes, s.Selector, s.Balance = g.Nodes, g.Selector, g.Balance
	if g.Damping != nil {
		damping := time.Duration(*g.Damping)
		s.Damping = &damping
	}
}

// placeOf is place the other way round.
func (g *group) placeOf(s state.Group) {
	if s.Apart != "" {
		g.Apart = &apart{s.Apart, s.ApartStrict}
	}
	g.Nodes, g.Selector, g.Balance = s.Nodes, s.Selector, s.Balance
	if s.Damping != nil {
		damping := conf.Duration(*s.Damping)
		g.Damping = &damping
	}
}

// maxDamping bounds damping.
const maxDamping = time.Hour

// setOfApart is what is known of groups that are kept apart.
type setOfApart struct {
	key      string // of the first
	strict   bool
	together map[string]string // sets that move together -> the key of their first member in this set
}

// place checks what says where a group may be.
func (c *checker) place(path string, g *state.Group) {
	c.keptApart(path, g)
	if g.Nodes != nil && len(g.Nodes) == 0 {
		c.doc.Add(path+".nodes", "no node is named, so nobody could hold the group", "name some, or remove the line")
	}
	for i, node := range g.Nodes {
		key := fmt.Sprintf("%s.nodes[%d]", path, i)
		c.addError(key, conf.CheckNode(node))
		if slices.Contains(g.Nodes[:i], node) {
			c.doc.Add(key, quoted(node)+" is there twice", "remove one of them")
		}
	}
	for _, node := range slices.Sorted(maps.Keys(g.Priorities)) {
		if len(g.Nodes) > 0 && g.Priorities[node] > 0 && !slices.Contains(g.Nodes, node) {
			c.doc.Add(conf.Join(path+".priorities", node), fmt.Sprintf("%s is not under `nodes`, so it never holds the group", quoted(node)), "add it there, or remove it here")
		}
	}
	for _, label := range slices.Sorted(maps.Keys(g.Selector)) {
		c.addError(conf.Join(path+".selector", label), conf.CheckLabel(label, g.Selector[label]))
	}
	if d := g.DampedFor(); d < 0 || d > maxDamping {
		c.doc.Add(path+".damping", fmt.Sprintf("%v is out of range", conf.Duration(d)), "use 0s to 1h; 0s prefers a node again as soon as it is well")
	}
	if g.Balance && !g.Preempt {
		c.doc.Add(path+".balance", "with `preempt: false` the group leaves no node that can hold it", "remove one of the two")
	}
}

// keptApart checks the set of groups that a group is kept apart from.
func (c *checker) keptApart(path string, g *state.Group) {
	key := path + ".apart"
	switch {
	case g.Apart == "" && !g.ApartStrict && !c.doc.Has(key):
		return
	case !groupName.MatchString(g.Apart):
		c.doc.Add(c.part(key, "set"), fmt.Sprintf("%q is not the name of a set", conf.Short(g.Apart)), "use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first")
		return
	}
	set := c.apart[g.Apart]
	if set == nil {
		set = &setOfApart{key: key, strict: g.ApartStrict, together: map[string]string{}}
		c.apart[g.Apart] = set
	}
	if set.strict != g.ApartStrict {
		c.doc.Add(key, fmt.Sprintf("set %s is strict in one group and not in another, %s", g.Apart, c.doc.Where(set.key)), "write the same in all groups of the set")
	}
	if g.Together == "" {
		return
	}
	if first, both := set.together[g.Together]; both {
		c.doc.Add(key, fmt.Sprintf("the group cannot be apart from one that is together with it, %s", c.doc.Where(first)), "remove `apart` or `together` of one of them")
		return
	}
	set.together[g.Together] = key
}

// placeChanges compares where two versions of a group may be.
func placeChanges(old, new state.Group) []string {
	var changes []string
	field := func(name, before, after string) {
		if before != after {
			changes = append(changes, fmt.Sprintf("%s %s → %s", name, before, after))
		}
	}
	field("apart", apartText(old), apartText(new))
	field("nodes", orAny(old.Nodes), orAny(new.Nodes))
	field("selector", orAny(labels(old.Selector)), orAny(labels(new.Selector)))
	field("balance", fmt.Sprint(old.Balance), fmt.Sprint(new.Balance))
	field("damping", dampingText(old), dampingText(new))
	return changes
}

func dampingText(g state.Group) string {
	if g.Damping == nil {
		return "unset"
	}
	return conf.Duration(*g.Damping).String()
}

func apartText(g state.Group) string {
	if g.ApartStrict {
		return g.Apart + " (strict)"
	}
	return orNone(g.Apart)
}

func labels(m map[string]string) []string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, key+": "+m[key])
	}
	return list
}

func orAny(list []string) string {
	if len(list) == 0 {
		return "any"
	}
	return "[" + strings.Join(list, ", ") + "]"
}
