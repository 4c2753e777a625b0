package vrrp

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
)

const sysctls = "/proc/sys/net"

// parentARP is what an interface does about ARP for addresses that are not its own (the kernel's
// ip-sysctl.rst). As long as a virtual MAC is up on it, it must not answer for the addresses there, nor name
// them as the sender of its own requests: either would teach the neighbours the interface's own MAC address.
type parentARP struct{ ignore, announce int }

// quietARP is the least that is needed: answer only for addresses of the interface, and ask from one.
var quietARP = parentARP{ignore: 1, announce: 2}

// aliasMark begins the alias of a virtual MAC that is up. It says what its parent's settings were, so that
// whoever takes the interface off can restore them, even after a crash.
const aliasMark = "vipd: before, its parent had "

func (p parentARP) String() string {
	return fmt.Sprintf("%sarp_ignore=%d arp_announce=%d", aliasMark, p.ignore, p.announce)
}

func parseAlias(alias string) (p parentARP, ok bool) {
	n, err := fmt.Sscanf(alias, aliasMark+"arp_ignore=%d arp_announce=%d", &p.ignore, &p.announce)
	return p, err == nil && n == 2
}

// quieten changes the parent's settings and notes on the virtual MAC what they were. Where another one did
// so already, it is that one's note which is true.
func quieten(link netlink.Link) error {
	parent, err := netlink.LinkByIndex(link.Attrs().ParentIndex)
	if err != nil {
		return err
	}
	name := parent.Attrs().Name
	before, noted := parseAlias(link.Attrs().Alias)
	if !noted {
		if before, noted, err = notedBy(link); err != nil {
			return err
		}
	}
	if !noted {
		if before, err = readARP(name); err != nil {
			return err
		}
	}
	if err := netlink.LinkSetAlias(link, before.String()); err != nil {
		return fmt.Errorf("note the settings of %s: %w", name, err)
	}
	return writeARP(name, parentARP{max(before.ignore, quietARP.ignore), max(before.announce, quietARP.announce)})
}

// unquieten gives the parent back its settings, unless another virtual MAC is up on it.
func unquieten(link netlink.Link) error {
	fresh, err := netlink.LinkByIndex(link.Attrs().Index)
	if err != nil {
		return err
	}
	before, noted := parseAlias(fresh.Attrs().Alias)
	if !noted {
		return nil
	}
	if _, others, err := notedBy(link); err != nil || others {
		return errors.Join(err, netlink.LinkSetAlias(link, ""))
	}
	parent, err := netlink.LinkByIndex(link.Attrs().ParentIndex)
	if err != nil {
		return err
	}
	return errors.Join(writeARP(parent.Attrs().Name, before), netlink.LinkSetAlias(link, ""))
}

// notedBy returns what another virtual MAC on the same parent noted.
func notedBy(except netlink.Link) (parentARP, bool, error) {
	links, err := linkList()
	if err != nil {
		return parentARP{}, false, err
	}
	for _, l := range links {
		a := l.Attrs()
		if p, ok := parseAlias(a.Alias); ok && a.ParentIndex == except.Attrs().ParentIndex && a.Index != except.Attrs().Index {
			return p, true, nil
		}
	}
	return parentARP{}, false, nil
}

func arpSetting(iface, name string) string { return filepath.Join(sysctls, "ipv4/conf", iface, name) }

func readARP(iface string) (p parentARP, err error) {
	for name, value := range map[string]*int{"arp_ignore": &p.ignore, "arp_announce": &p.announce} {
		text, err := os.ReadFile(arpSetting(iface, name))
		if err != nil {
			return p, err
		}
		if *value, err = strconv.Atoi(strings.TrimSpace(string(text))); err != nil {
			return p, fmt.Errorf("read %s of %s: %w", name, iface, err)
		}
	}
	return p, nil
}

func writeARP(iface string, p parentARP) error {
	for name, value := range map[string]int{"arp_ignore": p.ignore, "arp_announce": p.announce} {
		if err := os.WriteFile(arpSetting(iface, name), []byte(strconv.Itoa(value)), 0); err != nil {
			return err
		}
	}
	return nil
}
