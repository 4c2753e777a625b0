package bond

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

const maxNameLen = 15 // IFNAMSIZ without its NUL

// nameFault says why the kernel would refuse a link name, or "".
func nameFault(name string) string {
	switch {
	case name == "":
		return "is missing"
	case len(name) > maxNameLen:
		return fmt.Sprintf("%q has %d characters", name, len(name))
	case name == "." || name == "..":
		return fmt.Sprintf("%q means a directory", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r == '/' || r == ':' || unicode.IsSpace(r) || r < ' ' }):
		return fmt.Sprintf("%q contains a slash, a colon or a space", name)
	}
	return ""
}

func (c Config) checkName(p *problems) {
	if fault := nameFault(c.Name); fault != "" {
		p.add("name", fmt.Sprintf("use 1 to %d characters without slash, colon and space, such as bond0", maxNameLen), "the name %s", fault)
	}
	if slices.Contains([]string{"all", "default", "lo", "bonding_masters"}, c.Name) {
		p.add("name", "use another one, such as bond0", "%s means something else to the kernel", c.Name)
	}
}

func (c Config) checkMembers(p *problems) {
	if len(c.Members) == 0 {
		if c.Manage {
			p.add("members", "list the interfaces of the bond", "none are listed, and manage is true")
		}
		return
	}
	seen := make(map[string]bool)
	for _, m := range c.Members {
		switch {
		case nameFault(m.Name) != "":
			p.add("members", "use names as ip link shows them", "the name %s", nameFault(m.Name))
		case m.Name == c.Name:
			p.add("members", "remove it", "%s is the bond itself", m.Name)
		case m.Name == "lo":
			p.add("members", "remove it", "the loopback interface cannot be a member")
		case seen[m.Name]:
			p.add("members", "list it once", "%s is listed twice", m.Name)
		}
		seen[m.Name] = true
		if _, valid := ParseMode(c.Mode); m.Prio != nil && (c.Mode == "" || valid) && !c.mode().hasActiveMember() {
			p.add("members", fmt.Sprintf("remove it, or use mode %s", oneOf(withActive.names())),
				"prio of %s: mode %s does not take it", m.Name, c.mode())
		}
	}
}

func (c Config) checkPrimary(p *problems) {
	if !c.mode().hasActiveMember() {
		return // refused already where it was stated
	}
	if c.Primary != "" && !slices.Contains(c.MemberNames(), c.Primary) {
		p.add("primary", "name one of the members", "%s is not a member", c.Primary)
	}
	if c.PrimaryReselect != "" && c.Primary == "" && !c.anyPrio() {
		p.add("primary_reselect", "state primary, or remove it", "there is no primary")
	}
	if c.Primary != "" && c.anyPrio() {
		p.add("primary", "use one of the two", "the members have prio too, which primary overrules")
	}
}

func (c Config) anyPrio() bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool { return m.Prio != nil && *m.Prio != 0 })
}

func (c Config) checkMonitor(p *problems) {
	hasARP := positive(c.ARPInterval)
	switch {
	case positive(c.MIIMon) && hasARP:
		p.add("miimon", "use miimon or arp_interval", "the kernel monitors by miimon or by arp_interval, not by both")
	case c.MIIMon != nil && *c.MIIMon == 0 && !hasARP:
		p.add("miimon", "use 100, or remove it", "0 turns monitoring off: a dead member would go on being used")
	}
	if !hasARP {
		return
	}
	for _, o := range options {
		if _, ok := c.stated()[o.key]; ok && o.monitor == miiMonitor && o.key != "miimon" {
			p.add(o.key, "remove it, or use miimon", "it belongs to miimon, and arp_interval is stated")
		}
	}
}

func (c Config) checkARP(p *problems) {
	if !withARP.has(c.mode()) {
		return
	}
	if !positive(c.ARPInterval) {
		for _, o := range options {
			if _, ok := c.stated()[o.key]; ok && o.monitor == arpMonitor && o.key != "arp_interval" {
				p.add(o.key, "state arp_interval, or remove it", "it belongs to arp_interval, which is not stated")
			}
		}
		return
	}
	if len(c.ARPTargets) == 0 {
		p.add("arp_interval", "state arp_ip_targets, such as the gateway", "there is nobody to ask: arp_ip_targets is missing")
	}
	if len(c.ARPTargets) > maxARPTargets {
		p.add("arp_ip_targets", fmt.Sprintf("use at most %d", maxARPTargets), "%d are listed", len(c.ARPTargets))
	}
	if c.ARPAllTargets != "" && (c.ARPValidate == "" || c.ARPValidate == "none") {
		p.add("arp_all_targets", "state arp_validate, or remove it", "it has no effect without arp_validate")
	}
	c.checkARPTargets(p)
}

func (c Config) checkARPTargets(p *problems) {
	for i, target := range c.ARPTargets {
		switch {
		case !target.Is4():
			p.add("arp_ip_targets", "use IPv4 addresses", "%s is not an IPv4 address", target)
		case target.IsUnspecified() || target.IsMulticast() || target.IsLoopback() || target == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
			p.add("arp_ip_targets", "use the address of a host on the segment", "%s never answers", target)
		case slices.Contains(c.ARPTargets[:i], target):
			p.add("arp_ip_targets", "list it once", "%s is listed twice", target)
		case slices.ContainsFunc(c.Addresses, func(own netip.Prefix) bool { return own.Addr() == target }):
			p.add("arp_ip_targets", "use the address of another host", "%s is the bond's own address", target)
		}
	}
}

// checkDelays: the driver counts delays in whole intervals of miimon and would
// round down silently.
func (c Config) checkDelays(p *problems) {
	interval := defaultMIIMon
	if c.MIIMon != nil {
		interval = *c.MIIMon
	}
	if interval <= 0 || c.monitor() == arpMonitor {
		return
	}
	for _, d := range []struct {
		key   string
		value *int
	}{{"up_delay", c.UpDelay}, {"down_delay", c.DownDelay}, {"peer_notif_delay", c.PeerNotifDelay}} {
		if positive(d.value) && findOption(d.key).modes.has(c.mode()) && *d.value%interval != 0 {
			p.add(d.key, fmt.Sprintf("use %d or %d", *d.value/interval*interval, (*d.value/interval+1)*interval),
				"%d is not a multiple of miimon (%d)", *d.value, interval)
		}
	}
}

func (c Config) checkLinks(p *problems) {
	if c.MinLinks != nil && len(c.Members) > 0 && *c.MinLinks > len(c.Members) {
		p.add("min_links", fmt.Sprintf("use at most %d", len(c.Members)), "%d links can never work: there are %d members", *c.MinLinks, len(c.Members))
	}
	if c.HashPolicy != "" && c.mode() == BalanceTLB && (c.TLBDynamicLB == nil || *c.TLBDynamicLB) {
		p.add("xmit_hash_policy", "set tlb_dynamic_lb to false, or remove it", "balance-tlb uses it only without tlb_dynamic_lb")
	}
}

func positive(n *int) bool { return n != nil && *n > 0 }
