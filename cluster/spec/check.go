package spec

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// Bounds on a specification.
const (
	maxGroups       = 4096
	maxAddresses    = 16384
	maxPreemptDelay = 1000 * time.Second // keepalived's
	minPriority     = 1
	maxPriority     = 254
	maxLinkWeight   = maxPriority - minPriority
	maxLabel        = 15 // IFNAMSIZ without the final zero
)

// checker applies the rules that one value alone cannot break.
type checker struct {
	doc        *conf.Document
	names      map[string]string // of groups -> where they are
	checkNames map[string]string // of checks -> where they are
	known      map[string]*state.Check
	ips        map[netip.Addr]place
	routers    map[router]string // virtual routers -> where they are
	apart      map[string]*setOfApart
	addresses  int
	pathPlaces map[string]string // routes and rules -> where they are
	pathCount  int
}

// place is where an address was seen.
type place struct{ group, key string }

// check reports to doc what is wrong with s. path gives the key of an element of a list.
func check(s Spec, path func(list string, i int) string, doc *conf.Document) {
	if len(s.Groups) > maxGroups {
		doc.Add("groups", fmt.Sprintf("there are %d groups", len(s.Groups)), fmt.Sprintf("use at most %d; addresses that move together fit into one", maxGroups))
		return
	}
	c := checker{doc: doc, names: map[string]string{}, checkNames: map[string]string{}, known: map[string]*state.Check{}, ips: map[netip.Addr]place{}, routers: map[router]string{}, pathPlaces: map[string]string{}, apart: map[string]*setOfApart{}}
	if len(s.Checks) > maxChecks {
		doc.Add("checks", fmt.Sprintf("there are %d checks", len(s.Checks)), fmt.Sprintf("use at most %d; several groups can name one", maxChecks))
		return
	}
	for i := range s.Checks {
		c.check(path("checks", i), &s.Checks[i])
	}
	for i := range s.Groups {
		c.group(path("groups", i), &s.Groups[i])
	}
}

func indexPath(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

func (c *checker) group(path string, g *state.Group) {
	c.groupName(path, g)
	if g.Interface != "" {
		c.addError(path+".interface", conf.CheckInterface(g.Interface))
	}
	c.groupAddresses(path, g)
	c.priorities(path, g)
	if g.PreemptDelay < 0 || g.PreemptDelay > maxPreemptDelay {
		c.doc.Add(path+".preempt_delay", fmt.Sprintf("%v is out of range", conf.Duration(g.PreemptDelay)), "use 0s to 1000s")
	}
	c.uses(path, g)
	if g.Together != "" && !groupName.MatchString(g.Together) {
		c.doc.Add(path+".together", fmt.Sprintf("%q is not the name of a set", conf.Short(g.Together)), "use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first")
	}
	c.place(path, g)
	if w := g.WeightOfLink(); w < 0 || w > maxLinkWeight {
		c.doc.Add(path+".link_weight", fmt.Sprintf("%d is out of range", w), "use 0 to 253; 0 lets a bond count as long as any of its links works")
	}
	c.quorumLoss(path+".on_quorum_loss", g)
	if g.VRRP != nil {
		c.vrrp(path+".vrrp", g)
	}
	c.paths(path, g)
	if g.Notify != nil {
		c.notify(path+".notify", g.Notify)
	}
}

func (c *checker) quorumLoss(key string, g *state.Group) {
	switch {
	case g.OnQuorumLoss != state.Release && g.OnQuorumLoss != state.FallBack:
		c.doc.Add(key, fmt.Sprintf("%s is not a choice", quoted(string(g.OnQuorumLoss))), "write release or vrrp")
	case g.OnQuorumLoss == state.FallBack && g.VRRP == nil:
		c.doc.Add(key, "the group has no vrrp section to fall back to", "add `vrrp: {virtual_router_id: 51}`, or write `on_quorum_loss: release`")
	}
}

var groupName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$`)

func (c *checker) groupName(path string, g *state.Group) {
	key := path + ".name"
	first, again := c.names[g.Name]
	switch {
	case g.Name == "":
		c.doc.Add(key, "the group has no name", "add `name: web`")
	case !groupName.MatchString(g.Name):
		c.doc.Add(key, fmt.Sprintf("%q is not a group name", conf.Short(g.Name)), "use at most 63 letters, digits, `_`, `.` and `-`, with a letter or digit first")
	case again:
		c.doc.Add(key, fmt.Sprintf("group %s is also %s", g.Name, c.doc.Where(first)), "give one of them another name")
	default:
		c.names[g.Name] = key
	}
}

func (c *checker) groupAddresses(path string, g *state.Group) {
	if len(g.Addresses) == 0 {
		c.doc.Add(path+".addresses", "the group has no addresses", "list them under `addresses:`, or remove the group")
	}
	before := c.addresses
	c.addresses += len(g.Addresses)
	if before <= maxAddresses && c.addresses > maxAddresses {
		c.doc.Add(path+".addresses", fmt.Sprintf("here the number of addresses exceeds %d", maxAddresses), "use fewer")
	}
	for i, a := range g.Addresses {
		key := fmt.Sprintf("%s.addresses[%d]", path, i)
		c.address(key, g.Name, a)
		switch a.Interface {
		case "":
			c.doc.Add(path+".interface", fmt.Sprintf("no interface is named for %s", a.Prefix), "add `interface: eth0` to the group or to the address")
		case g.Interface:
		default:
			c.addError(key+".interface", conf.CheckInterface(a.Interface))
		}
	}
}

func (c *checker) address(key, group string, a state.Address) {
	c.label(key+".label", a)
	c.options(key, a)
	if c.doc.Has(key + ".address") {
		key += ".address"
	}
	if text, remedy := wrongAddress(a.Prefix); text != "" {
		c.doc.Add(key, text, remedy)
		return
	}
	ip := a.Prefix.Addr()
	first, again := c.ips[ip]
	switch {
	case !again:
		c.ips[ip] = place{group, key}
	case first.group == group:
		c.doc.Add(key, fmt.Sprintf("%s is also %s", ip, c.doc.Where(first.key)), "remove one of them")
	default:
		c.doc.Add(key, fmt.Sprintf("%s is also in group %s, %s", ip, first.group, c.doc.Where(first.key)), "an address can be in one group only")
	}
}

func (c *checker) label(key string, a state.Address) {
	rest, hasName := strings.CutPrefix(a.Label, a.Interface)
	odd := strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' })
	switch {
	case a.Label == "":
	case a.Prefix.Addr().Is6():
		c.doc.Add(key, "IPv6 addresses have no labels", "remove it")
	case len(a.Label) > maxLabel:
		c.doc.Add(key, fmt.Sprintf("%s has %d bytes", quoted(a.Label), len(a.Label)), fmt.Sprintf("shorten it to %d", maxLabel))
	case a.Interface == "":
		// Reported as a missing interface.
	case !hasName || odd || rest != "" && (rest[0] != ':' || len(rest) == 1):
		c.doc.Add(key, fmt.Sprintf("%s does not go with %s", quoted(a.Label), quoted(a.Interface)), fmt.Sprintf("write %s or %s:x", quoted(a.Interface), quoted(a.Interface)))
	}
}

func (c *checker) priorities(path string, g *state.Group) {
	if g.Priority < minPriority || g.Priority > maxPriority {
		c.doc.Add(path+".priority", fmt.Sprintf("%d is out of range", g.Priority), "use 1 to 254; to keep a node from holding the group, give it 0 under `priorities`")
	}
	for _, node := range slices.Sorted(maps.Keys(g.Priorities)) {
		key := conf.Join(path+".priorities", node)
		if p := g.Priorities[node]; p < 0 || p > maxPriority {
			c.doc.Add(key, fmt.Sprintf("%d is out of range", p), "use 1 to 254, or 0 for a node that never holds the group")
		}
		c.addError(key, conf.CheckNode(node))
	}
}

// addError reports an error of the checks in conf, if there is one.
func (c *checker) addError(key string, err error) {
	var p conf.Problem
	if errors.As(err, &p) {
		c.doc.Add(key, p.Text, p.Remedy)
	}
}
