package vrrp

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
)

// Execute performs the steps.
func (v VirtualMAC) Execute(ops []VMACOp) error {
	for _, op := range ops {
		var err error
		switch op {
		case RemoveVMAC:
			err = v.withLink(remove)
		case CreateVMAC:
			err = v.create()
		case RaiseVMAC:
			err = v.withLink(v.raise)
		case LowerVMAC:
			err = v.withLink(lower)
		}
		if err != nil {
			return fmt.Errorf("%s interface %s on %s: %w", op, v.LinkName(), v.Parent, err)
		}
	}
	return nil
}

func (v VirtualMAC) withLink(do func(netlink.Link) error) error {
	link, err := netlink.LinkByName(v.LinkName())
	if err != nil {
		return err
	}
	return do(link)
}

// create makes the macvlan with our mark in one step. Private mode: virtual routers of one host have
// nothing to tell each other.
func (v VirtualMAC) create() error {
	parent, err := netlink.LinkByName(v.Parent)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.HardwareAddr, attrs.Group = v.LinkName(), parent.Attrs().Index, v.MAC(), linkGroup(v.Owner)
	return netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE})
}

// raise sets the interface up. It must get no address of its own making first: a link-local one made from
// the virtual MAC would be the same on every router.
func (v VirtualMAC) raise(link netlink.Link) error {
	name := v.LinkName()
	for _, s := range []struct{ setting, value string }{
		{"ipv6/conf/" + name + "/addr_gen_mode", "1"},
		{"ipv6/conf/" + name + "/accept_ra", "0"},
		{"ipv4/conf/" + name + "/arp_ignore", "1"},
		{"ipv4/conf/" + name + "/rp_filter", reversePath()},
	} {
		err := os.WriteFile(filepath.Join(sysctls, s.setting), []byte(s.value), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a kernel without IPv6 has none of its settings
			return err
		}
	}
	if err := quieten(link); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// reversePath is the rp_filter of a virtual MAC. The way back to a neighbour is the parent, which the strict
// filter (1) would take for a forgery. The larger of this and conf/all counts: where that filters, loose (2)
// is the least strict there is, though it lets nothing in before the interface has an address.
func reversePath() string {
	all, err := os.ReadFile(filepath.Join(sysctls, "ipv4/conf/all/rp_filter"))
	if err != nil || strings.TrimSpace(string(all)) == "0" {
		return "0"
	}
	return "2"
}

func lower(link netlink.Link) error {
	return errors.Join(netlink.LinkSetDown(link), unquieten(link))
}

func remove(link netlink.Link) error {
	return errors.Join(unquieten(link), netlink.LinkDel(link)) // it may be down without our having lowered it
}

// RemoveVMACs removes all interfaces that an owner made, which a process that was killed may have left, and
// returns their names.
func RemoveVMACs(owner string) ([]string, error) {
	links, err := linkList()
	if err != nil {
		return nil, err
	}
	var removed []string
	var errs []error
	for _, link := range links {
		if link.Attrs().Group != linkGroup(owner) || link.Type() != "macvlan" {
			continue
		}
		if err := remove(link); err != nil {
			errs = append(errs, fmt.Errorf("remove interface %s: %w", link.Attrs().Name, err))
			continue
		}
		removed = append(removed, link.Attrs().Name)
	}
	return removed, errors.Join(errs...)
}

// linkList lists interfaces once more when a change in between made the list incomplete.
func linkList() (list []netlink.Link, err error) {
	for range 5 {
		if list, err = netlink.LinkList(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	return list, nil
}
