package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// setting reads a setting of an interface below /proc/sys/net; -1: there is none. Tests set real ones, in a namespace.
func setting(family, link, name string) int {
	text, err := os.ReadFile("/proc/sys/net/" + family + "/conf/" + link + "/" + name)
	if err != nil {
		return -1
	}
	value, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return -1
	}
	return value
}

// effective is what counts where the kernel takes the greater of an interface's and of all (ip-sysctl.rst).
func effective(link, name string) int {
	return max(setting("ipv4", link, name), setting("ipv4", "all", name))
}

// links are the interfaces that matter: those of groups, or without any all that have addresses.
func (h Host) links() []string {
	var names []string
	for _, u := range h.uses() {
		names = append(names, u.link)
	}
	if len(names) == 0 {
		for name, prefixes := range addresses() {
			if len(prefixes) > 0 {
				names = append(names, name)
			}
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// addresses are the host's IPv4 networks, by interface, loopback left out.
func addresses() map[string][]netip.Prefix {
	found := map[string][]netip.Prefix{}
	all, err := net.Interfaces()
	if err != nil {
		return found
	}
	for _, ifi := range all {
		list, err := ifi.Addrs()
		if err != nil || ifi.Flags&net.FlagLoopback != 0 {
			continue
		}
		for _, a := range list {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				found[ifi.Name] = append(found[ifi.Name], p)
			}
		}
	}
	return found
}

// settings looks at the kernel's settings of the interfaces.
func (h Host) settings(context.Context) []Finding {
	var found []Finding
	own := addresses()
	for _, link := range h.links() {
		if setting("ipv4", link, "arp_ignore") < 0 {
			found = append(found, Finding{Warning, "interface", "groups are on " + link + ", which this host does not have; it cannot hold them",
				"vipctl why GROUP shows what that means; ip link shows what there is"})
			continue
		}
		found = append(found, deaf(link)...)
		found = append(found, shared(link, own)...)
		found = append(found, routing(link, own)...)
		found = append(found, h.secondaries(link, own)...)
		found = append(found, h.ipv6(link)...)
	}
	if n := nonlocal(); n == 0 && len(h.uses()) > 0 {
		found = append(found, Finding{Note, "sysctl", "net.ipv4.ip_nonlocal_bind is 0: a service that listens at a virtual address itself, and not at all, starts on the holder only",
			"sysctl -w net.ipv4.ip_nonlocal_bind=1 net.ipv6.ip_nonlocal_bind=1, if there is such a service"})
	}
	return found
}

func nonlocal() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_nonlocal_bind")
	if err != nil {
		return -1
	}
	return int(text[0] - '0')
}

// deaf finds interfaces that answer no ARP requests for addresses on them.
func deaf(link string) []Finding {
	value := effective(link, "arp_ignore")
	if value < 3 {
		return nil
	}
	where := link
	if setting("ipv4", "all", "arp_ignore") == value {
		where = "all"
	}
	return []Finding{{Problem, "sysctl", fmt.Sprintf("arp_ignore is %d on %s: the host answers no ARP request for a virtual address there", value, link),
		fmt.Sprintf("sysctl -w net.ipv4.conf.%s.arp_ignore=1", where)}}
}

// shared finds a second interface on the same network: with the kernel's defaults, both answer for all addresses, and
// clients may learn the wrong one.
func shared(link string, own map[string][]netip.Prefix) []Finding {
	if effective(link, "arp_ignore") > 0 && effective(link, "arp_announce") > 1 {
		return nil
	}
	for other, prefixes := range own {
		for _, p := range prefixes {
			for _, mine := range own[link] {
				if other != link && p.Overlaps(mine) {
					return []Finding{{Warning, "sysctl", fmt.Sprintf("%s and %s are on one network, %s, and arp_ignore and arp_announce are as by default: "+
						"clients may reach addresses of one through the other", min(link, other), max(link, other), mine.Masked()),
						"sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2"}}
				}
			}
		}
	}
	return nil
}

// routing finds a strict reverse path filter on a host with several networks: what comes to a virtual address from
// where the route back leads elsewhere is dropped.
func routing(link string, own map[string][]netip.Prefix) []Finding {
	if effective(link, "rp_filter") != 1 || len(own) < 2 {
		return nil
	}
	return []Finding{{Warning, "sysctl", fmt.Sprintf("rp_filter is strict on %s, and the host has several networks: packets from clients to which "+
		"the route leads out by another interface are dropped", link), fmt.Sprintf("sysctl -w net.ipv4.conf.%s.rp_filter=2", link)}}
}

// secondaries finds networks of the host that virtual addresses share, from which the kernel would take them along when
// the host's own address is renewed.
func (h Host) secondaries(link string, own map[string][]netip.Prefix) []Finding {
	if effective(link, "promote_secondaries") != 0 {
		return nil
	}
	for _, u := range h.uses() {
		for _, p := range own[link] {
			if u.link == link && u.prefix.Addr() != p.Addr() && u.prefix.Masked() == p.Masked() {
				return []Finding{{Warning, "sysctl", fmt.Sprintf("promote_secondaries is 0 on %s: when the host's own address %s is removed, as DHCP may do, "+
					"the kernel takes the virtual ones of its network along", link, p.Addr()), fmt.Sprintf("sysctl -w net.ipv4.conf.%s.promote_secondaries=1", link)}}
			}
		}
	}
	return nil
}

func (h Host) ipv6(link string) []Finding {
	for _, u := range h.uses() {
		if u.link == link && u.prefix.Addr().Is6() && setting("ipv6", link, "disable_ipv6") != 0 {
			return []Finding{{Problem, "sysctl", fmt.Sprintf("IPv6 is off on %s, and group %s has %s there", link, u.group, u.prefix),
				fmt.Sprintf("sysctl -w net.ipv6.conf.%s.disable_ipv6=0", link)}}
		}
	}
	return nil
}
