package importer

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"

	"vipd/cluster/spec"
	"vipd/cluster/state"
	"vipd/vrrp"
	"vipd/vrrp/keepalived"
)

// translation is the way from keepalived's terms to vipd's.
type translation struct {
	keepalived keepalived.Result
	report     keepalived.Report
	names      map[string]string    // of instances -> of groups
	empty      []string             // instances that have no address to be held
	fates      map[string]fate      // of keepalived's checks, by their names there
	checkNames []string             // that are taken
	links      map[string]string    // interfaces -> the checks of them
	sets       map[string]string    // sync groups -> what is together
	paths      map[string]judgement // routes and rules, by instance, block and words -> what became of them
	rules      int                  // that had no priority
	notify     map[string]judgement // notify scripts, by block, name and directive -> what became of them
}

func (t *translation) spec() spec.Spec {
	var s spec.Spec
	t.names = map[string]string{}
	t.checks(&s)
	t.sync()
	for _, g := range t.keepalived.Groups {
		if len(g.Addresses) == 0 {
			t.empty = append(t.empty, g.Name)
			continue
		}
		t.names[g.Name] = t.freeName(g.Name)
		out := t.group(g)
		t.uses(&s, &out, g)
		t.routes(&out, g)
		t.scripts(&out, "vrrp_instance", g.Name, g.Notify)
		s.Groups = append(s.Groups, out)
	}
	t.syncScripts(&s)
	return s
}

var notInName = regexp.MustCompile(`[^a-zA-Z0-9_.-]`)

// freeName makes a group's name of an instance's, which may be any word.
func (t *translation) freeName(instance string) string {
	return free(instance, slices.Collect(maps.Values(t.names)))
}

// sync names the sets of groups that belong together. A sync group of one syncs nothing.
func (t *translation) sync() {
	t.sets = map[string]string{}
	for _, g := range t.keepalived.SyncGroups {
		if len(g.Groups) > 1 {
			t.sets[g.Name] = free(g.Name, slices.Collect(maps.Values(t.sets)))
		}
	}
}

// free makes a name that vipd takes, and that is not taken, of any word.
func free(word string, taken []string) string {
	name := notInName.ReplaceAllString(word, "-")
	if first := name[0]; first == '_' || first == '.' || first == '-' {
		name = "g" + name
	}
	name = name[:min(len(name), 60)]
	for base, n := name, 2; slices.Contains(taken, name); n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

// instanceOf is the instance that became a group.
func (t *translation) instanceOf(group string) string {
	for instance, name := range t.names {
		if name == group {
			return instance
		}
	}
	return ""
}

func (t *translation) group(g keepalived.Group) state.Group {
	out := state.Group{
		Name: t.names[g.Name], Interface: g.Interface, Preempt: !g.NoPreempt, PreemptDelay: g.PreemptDelay,
		Together: t.sets[g.SyncGroup],
		VRRP: &state.VRRP{
			RouterID: g.VRID, Version: g.Version, AdvertInt: g.AdvertInt, AuthPass: g.AuthPass,
			ChecksumAsV2: g.ChecksumAsV2, UnicastPeers: unicastPeers(g), VirtualMAC: g.UseVMAC,
		},
	}
	t.priorities(&out, g)
	for _, a := range g.Addresses {
		out.Addresses = append(out.Addresses, address(g, a))
	}
	for _, a := range g.Excluded {
		out.Addresses = append(out.Addresses, address(g, a))
		out.VRRP.Excluded = append(out.VRRP.Excluded, a.Prefix.Addr())
	}
	return out
}

func address(g keepalived.Group, a keepalived.GroupAddress) state.Address {
	dev := a.Dev
	if dev == "" {
		dev = g.Interface
	}
	label := a.Label
	if g.UseVMAC && dev == g.Interface {
		label = "" // its interface has another name
	}
	return state.Address{
		Prefix: a.Prefix, Interface: dev, Label: label,
		Peer: a.Peer, Broadcast: a.Broadcast, Scope: a.Scope, NoPrefixRoute: a.NoPrefixRoute, PreferredLft: a.PreferredLft,
	}
}

// maxPriority is the highest that a node may have; 255 is the cluster's as a whole.
const maxPriority = 254

// priorities takes over each node's. A node that no file speaks of comes last; one whose file lacks the
// instance never holds it.
func (t *translation) priorities(out *state.Group, g keepalived.Group) {
	lowest := maxPriority
	for _, p := range g.Priorities {
		if p == vrrp.PriorityOwner {
			out.VRRP.Priority = vrrp.PriorityOwner
		}
		lowest = min(lowest, p)
	}
	out.Priority = lowest
	for _, node := range t.keepalived.Nodes {
		if node == everyNode {
			continue
		}
		if out.Priorities == nil {
			out.Priorities = map[string]int{}
		}
		out.Priorities[node] = min(g.Priorities[node], maxPriority)
	}
}

// unicastPeers are all that keepalived spoke to, the nodes included: they are peers as long as keepalived runs
// on them. A node leaves itself out.
func unicastPeers(g keepalived.Group) []netip.Addr {
	if !g.Unicast {
		return nil
	}
	peers := slices.Clone(g.Peers)
	for _, source := range g.Sources {
		if !slices.Contains(peers, source) {
			peers = append(peers, source)
		}
	}
	slices.SortFunc(peers, netip.Addr.Compare)
	return peers
}
