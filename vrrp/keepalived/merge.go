package keepalived

import (
	"net/netip"
	"slices"
	"strings"
)

func containsAll(s, part string) bool { return strings.Contains(s+" ", part+" ") }

// newGroup is the group of the first node that has the instance.
func (t *translator) newGroup(node string, in *Instance) *Group {
	globals := t.nodes[node].Globals
	g := &Group{
		Name: in.Name, Interface: in.Interface, Interfaces: map[string]string{},
		Addresses: groupAddresses(in.Addresses, in.Interface), Excluded: groupAddresses(in.Excluded, in.Interface),
		VRID: in.VRID, Version: in.Version, AdvertInt: in.AdvertInt, AuthPass: in.AuthPass, ChecksumAsV2: in.ChecksumAsV2,
		MulticastGroup: multicastGroup(globals, in), DownAdverts: in.DownTimerAdverts,
		Unicast: len(in.UnicastPeers) > 0, CheckPeers: in.CheckUnicast, UnicastTTL: in.UnicastTTL,
		Sources: map[string]netip.Addr{}, Priorities: map[string]int{},
		NoPreempt: in.NoPreempt, PreemptDelay: in.PreemptDelay,
		LowerPrioNoAdvert: in.LowerPrioNoAdvert, HigherPrioSendAdvert: in.HigherPrioAdvert,
		DontTrackPrimary: in.DontTrackPrimary, Notify: in.Notify, Routes: ruleWords(in.Routes), Rules: ruleWords(in.Rules),
		UseVMAC: in.UseVMAC, VMACName: in.VMACName, VMACXmitBase: in.VMACXmitBase, GARP: in.GARP,
		GARPInterval: globals.GARPInterval, GNAInterval: globals.GNAInterval,
	}
	if in.AuthType == "" {
		g.AuthPass = ""
	}
	t.groups[in.Name], t.origin[in.Name] = g, origin{node, in}
	t.order = append(t.order, in.Name)
	t.uses(node, g, in)
	t.peers(node, g, in)
	return g
}

// multicastGroup is the group if it is not the protocol's own.
func multicastGroup(globals Globals, in *Instance) netip.Addr {
	group, usual := globals.Group4, defaultGlobals().Group4
	if in.IPv6 {
		group, usual = globals.Group6, defaultGlobals().Group6
	}
	if in.MulticastGroup.IsValid() {
		group = in.MulticastGroup
	}
	if group == usual {
		return netip.Addr{}
	}
	return group
}

// groupAddresses drops a dev that is the instance's interface anyway.
func groupAddresses(list []Address, iface string) (out []GroupAddress) {
	for _, a := range list {
		dev := a.Dev
		if dev == iface {
			dev = ""
		}
		out = append(out, GroupAddress{
			Prefix: a.Prefix, Dev: dev, Label: a.Label, Peer: a.Peer, Broadcast: a.broadcast(), Scope: a.scope(),
			NoPrefixRoute: slices.Contains(a.Options, "noprefixroute"), PreferredLft: a.Lifetime,
		})
	}
	return out
}

func ruleWords(list []Rule) (out [][]string) {
	for _, r := range list {
		out = append(out, r.Words)
	}
	return out
}

// merge adds another node's instance to a group. What peers on the segment see must agree; elsewhere the
// first node's word counts, and the report says so.
func (t *translator) merge(node string, g *Group, in *Instance) {
	first := t.origin[g.Name]
	t.mustAgree(node, g, in, first.Instance)
	for _, d := range differences(g, in) {
		if d.differs {
			t.note(node, in, d.keyword, Unsupported, "%s", d.text)
			t.note(first.node, first.Instance, d.keyword, Translated, "the nodes differ; this one counts")
		}
	}
	t.globalDifferences(node, first.node)
	g.NoPreempt = g.NoPreempt || in.NoPreempt
	g.PreemptDelay = max(g.PreemptDelay, in.PreemptDelay)
	t.uses(node, g, in)
	t.peers(node, g, in)
}

// mustAgree refuses differences that would put two different virtual routers on the segment.
func (t *translator) mustAgree(node string, g *Group, in, first *Instance) {
	for _, d := range []struct {
		differs bool
		what    string
		a, b    any
	}{
		{in.Version != g.Version, "version", in.Version, g.Version},
		{in.AdvertInt != g.AdvertInt, "advert_int", in.AdvertInt, g.AdvertInt},
		{in.AuthType != first.AuthType, "auth_type", in.AuthType, first.AuthType},
		{in.AuthType == "PASS" && in.AuthPass != g.AuthPass, "auth_pass", "another", "it"},
		{!samePrefixes(in.Addresses, first.Addresses), "virtual_ipaddress", list(in.Addresses), list(first.Addresses)},
		{!samePrefixes(in.Excluded, first.Excluded), "virtual_ipaddress_excluded", list(in.Excluded), list(first.Excluded)},
		{in.ChecksumAsV2 != g.ChecksumAsV2, "v3_checksum_as_v2", in.ChecksumAsV2, g.ChecksumAsV2},
		{multicastGroup(t.nodes[node].Globals, in) != g.MulticastGroup, "the multicast group", multicastGroup(t.nodes[node].Globals, in), g.MulticastGroup},
		{(len(in.UnicastPeers) > 0) != g.Unicast, "unicast", len(in.UnicastPeers) > 0, g.Unicast},
	} {
		if d.differs {
			t.refuse(in.Pos, "vrrp_instance %s: %s is %v here and %v at %v", in.Name, d.what, d.a, d.b, first.Pos)
		}
	}
}

// samePrefixes compares addresses and masks as sets.
func samePrefixes(a, b []Address) bool { return slices.Equal(list(a), list(b)) }

func list(addrs []Address) []string {
	out := []string{}
	for _, a := range addrs {
		out = append(out, a.Prefix.String())
	}
	slices.Sort(out)
	return out
}

func (t *translator) peers(node string, g *Group, in *Instance) {
	for _, p := range in.UnicastPeers {
		if !slices.Contains(g.Peers, p.Address) {
			g.Peers = append(g.Peers, p.Address)
		}
		g.MinTTL = max(g.MinTTL, p.MinTTL)
		g.CheckPeers = g.CheckPeers || p.MinTTL > 0 || p.MaxTTL > 0 // keepalived turns it on then
	}
}
