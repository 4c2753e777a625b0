package importer

import (
	"net/netip"
	"slices"
	"strings"

	"vipd/vrrp"
	"vipd/vrrp/keepalived"
)

// judgement is what becomes of a directive here, and why, or what to do.
type judgement struct {
	verdict keepalived.Verdict
	text    string
}

// What vipd does not have, and the way around.
const (
	mailText   = "there is no mail; follow `vipctl status -o json`"
	fifoText   = "there is no FIFO; a program reads the event stream instead, as `vipctl events --follow -o json | PROGRAM` in a unit of its own; for scripts of one role each there is `notify`"
	groupText  = "adverts go to 224.0.0.18 or ff02::12 only; set the peers so"
	ruleText   = "announced at once and again after 0.1, 0.5, 1, 2 and 4 s"
	insideText = "a peer as long as keepalived runs on this node; remove it from unicast_peers afterwards"
)

// everywhere judges keywords that have one fate wherever they stand.
var everywhere = map[string]judgement{
	"notify_master_rx_lower_pri": {keepalived.Unsupported, "no script runs for it: the master answers such an advert itself, at once; follow `vipctl status -o json`"},

	"vmac_xmit_base":     {keepalived.Translated, "multicast adverts come from the virtual MAC address, which peers accept, unicast ones from the interface itself"},
	"dont_track_primary": {keepalived.Unsupported, "a node whose interface is down never holds the group; use an interface that stays up, as a bridge"},

	"unicast_src_ip": {keepalived.Translated, "adverts come from the interface's first address, which has to be this one if peers look at it"},
	"mcast_src_ip":   {keepalived.Translated, "adverts come from the interface's first address, which has to be this one if peers look at it"},

	"check_unicast_src":            {keepalived.Unsupported, "adverts of others than the peers count as well; keep them out with nftables"},
	"vrrp_check_unicast_src":       {keepalived.Unsupported, "adverts of others than the peers count as well; keep them out with nftables"},
	"lower_prio_no_advert":         {keepalived.Unsupported, "a master answers adverts of lower priority at once, keepalived's default; nothing is to do at the peers"},
	"vrrp_lower_prio_no_advert":    {keepalived.Unsupported, "a master answers adverts of lower priority at once, keepalived's default; nothing is to do at the peers"},
	"higher_prio_send_advert":      {keepalived.Unsupported, "a master that yields sends no last advert, keepalived's default; nothing is to do at the peers"},
	"vrrp_higher_prio_send_advert": {keepalived.Unsupported, "a master that yields sends no last advert, keepalived's default; nothing is to do at the peers"},

	"garp_master_delay":      {keepalived.Translated, ruleText},
	"garp_master_repeat":     {keepalived.Translated, ruleText},
	"garp_lower_prio_delay":  {keepalived.Translated, ruleText},
	"garp_lower_prio_repeat": {keepalived.Translated, ruleText},
	"min_garp":               {keepalived.Translated, ruleText},
	"garp_interval":          {keepalived.Translated, "announcements are spaced by themselves, 32 in a millisecond"},
	"gna_interval":           {keepalived.Translated, "announcements are spaced by themselves, 32 in a millisecond"},

	"v3_checksum_as_v2": {keepalived.Kept, ""},

	"script_user": {keepalived.Translated, userText},

	"sync_group_tracking_weight": {keepalived.Translated, "weights always count: a set has the lowest priority that any of its groups has on the node"},
}

// texts replaces reasons that name what this vipd does not have.
var texts = []struct{ begins, text string }{
	{"there is no mail", mailText},
	{"there is no FIFO", fifoText},
	{"the API streams", fifoText},
	{"there is no SNMP", "there is no SNMP or D-Bus; ask `vipctl status -o json`"},
}

// amend puts the verdicts of the reader, which knows keepalived, in terms of what this vipd has.
func (t *translation) amend() {
	for i := range t.report {
		e := &t.report[i]
		if j, ok := t.judgeMail(*e); ok {
			e.Verdict, e.Text = j.verdict, j.text
			continue
		}
		for _, r := range texts {
			if strings.HasPrefix(e.Text, r.begins) {
				e.Text = r.text
			}
		}
		if j, ok := t.judge(*e); ok {
			e.Verdict, e.Text = j.verdict, j.text
		}
	}
}

// judge returns what is to be said instead of what an entry says.
func (t *translation) judge(e keepalived.Entry) (judgement, bool) {
	path := strings.Split(e.Directive, " / ")
	block, name, _ := strings.Cut(path[0], " ")
	if len(path) > 1 && strings.HasPrefix(e.Text, "a node of this cluster") {
		return judgement{keepalived.Translated, insideText}, true
	}
	if len(path) > 1 && strings.HasPrefix(path[1], "init_file") && slices.Contains(definitions, block) {
		return judgement{keepalived.Translated, "no file is made; one that is missing counts as 0"}, true
	}
	if e.Verdict == keepalived.Unsupported || e.Verdict == keepalived.NotNeeded {
		return judgement{}, false
	}
	if slices.Contains(definitions, block) {
		return t.judgeDefinition(e, name, path)
	}
	if len(path) > 1 {
		words := strings.Fields(path[1])
		if len(words) == 0 {
			return judgement{}, false
		}
		switch words[0] {
		case "track_script", "track_process", "track_file":
			return t.judgeUse(e, block, name, path)
		case "track_interface":
			return t.judgeLink(block, name, path)
		}
		if j, ok := t.notify[block+" "+name+" "+words[0]]; ok {
			return j, true
		}
		if slices.Contains(t.empty, name) && slices.Contains([]string{"virtual_routes", "virtual_rules"}, words[0]) {
			return judgement{keepalived.Unsupported, "routes and rules go with a group's addresses, and here are none"}, true
		}
		if len(path) > 2 {
			if j, ok := t.paths[name+" "+words[0]+" "+path[2]]; ok {
				return j, true
			}
		}
		if j, ok := everywhere[words[0]]; ok {
			return j, true
		}
		if j, ok := everywhere[strings.TrimPrefix(words[0], "vrrp_")]; ok && block == "global_defs" {
			return j, true
		}
		if j, ok := t.judgeValue(name, path, words); ok {
			return j, true
		}
	}
	if block == "vrrp_sync_group" {
		return t.judgeSync(e, name, path)
	}
	if len(path) == 1 && block == "vrrp_instance" {
		return t.judgeInstance(e, name)
	}
	return judgement{}, false
}

func (t *translation) judgeSync(e keepalived.Entry, name string, path []string) (judgement, bool) {
	set := t.sets[name]
	switch {
	case set == "" && (len(path) == 1 || strings.HasPrefix(path[1], "group")):
		return judgement{keepalived.NotNeeded, "a sync group of one instance syncs nothing"}, true
	case len(path) == 1:
		return judgement{keepalived.Translated, "its groups have `together: " + set + "`: one node has all of them, or none"}, true
	}
	return judgement{e.Verdict, e.Text}, true
}

func (t *translation) judgeInstance(e keepalived.Entry, name string) (judgement, bool) {
	group, ok := t.names[name]
	switch {
	case slices.Contains(t.empty, name):
		return judgement{keepalived.Unsupported, "it has no virtual_ipaddress, so there is nothing to hold; leave it to keepalived"}, true
	case ok && group != name:
		return judgement{keepalived.Translated, strings.TrimSuffix("becomes the group "+group+" with a vrrp section; "+e.Text, "; becomes a group with a vrrp section")}, true
	}
	return judgement{}, false
}

// judgeValue judges directives whose fate depends on their value. name is that of the block around them.
func (t *translation) judgeValue(name string, path, words []string) (judgement, bool) {
	last := words[len(words)-1]
	switch strings.TrimPrefix(words[0], "vrrp_") {
	case "mcast_dst_ip", "mcast_group4", "mcast_group6":
		if ip, err := netip.ParseAddr(last); err == nil && (ip == vrrp.Group4 || ip == vrrp.Group6) {
			return judgement{keepalived.NotNeeded, "the default"}, true
		}
		return judgement{keepalived.Unsupported, groupText}, true
	case "unicast_ttl":
		if last != "255" {
			return judgement{keepalived.Unsupported, "adverts have a TTL of 255; set the peers' min_ttl and max_ttl so"}, true
		}
	case "down_timer_adverts":
		if last != "3" {
			return judgement{keepalived.Unsupported, "three adverts may be missed; choose a longer advert_int instead, here and at the peers"}, true
		}
	case "garp_master_refresh", "garp_master_refresh_repeat":
		if last == "0" {
			return judgement{keepalived.NotNeeded, "0 is the default"}, true
		}
		return judgement{keepalived.Unsupported, "addresses are announced when they move, not from time to time; nothing is to do unless a switch forgets faster than it hears from the node"}, true
	case "unicast_peer":
		if len(path) > 2 && len(strings.Fields(path[2])) > 1 {
			return judgement{keepalived.Translated, "without " + strings.Join(strings.Fields(path[2])[1:], " ") + ": the TTL of unicast adverts is not looked at"}, true
		}
	case "use_vmac":
		return t.virtualMAC(name)
	case "virtual_ipaddress", "virtual_ipaddress_excluded":
		return t.virtualAddress(name, path)
	case "interface":
		return t.instanceInterface(name, last)
	case "priority":
		if last == "255" {
			return judgement{keepalived.Translated, "254 within the cluster, and 255 in its adverts"}, true
		}
	}
	return judgement{}, false
}

// virtualMAC says what the interface is called here.
func (t *translation) virtualMAC(name string) (judgement, bool) {
	for _, g := range t.keepalived.Groups {
		if g.Name != name {
			continue
		}
		own := vrrp.VirtualMAC{VRID: g.VRID, IPv6: len(g.Addresses) > 0 && g.Addresses[0].Prefix.Addr().Is6()}.LinkName()
		return judgement{keepalived.Translated, "virtual_mac; the interface is called " + own + " and is up while the address is here"}, true
	}
	return judgement{}, false
}

// virtualAddress says that labels are lost on a virtual MAC.
func (t *translation) virtualAddress(name string, path []string) (judgement, bool) {
	for _, g := range t.keepalived.Groups {
		if g.Name == name && g.UseVMAC && len(path) > 2 && slices.Contains(strings.Fields(path[2]), "label") {
			return judgement{keepalived.Translated, "without its label: the address is on the interface of the virtual MAC"}, true
		}
	}
	return judgement{}, false
}

func (t *translation) instanceInterface(instance, name string) (judgement, bool) {
	for _, g := range t.keepalived.Groups {
		if g.Name == instance && g.Interface != name {
			return judgement{keepalived.Unsupported, "a group has one interface on all nodes, here " + g.Interface +
				"; rename this node's, as with a .link file of systemd"}, true
		}
	}
	return judgement{}, false
}
