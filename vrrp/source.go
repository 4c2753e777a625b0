package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrNoSource is wrapped when an interface has no address to send adverts from.
var ErrNoSource = errors.New("no address to send adverts from")

// SourceAddress chooses the address that adverts come from: an interface's primary IPv4 address, or its
// link-local IPv6 address (RFC 9568 sections 5.1.1.1 and 5.1.2.1). It never is one of except, the virtual
// addresses, which may be on the interface already.
func SourceAddress(iface string, ipv6 bool, except []netip.Addr) (netip.Addr, error) {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("find interface %s: %w", iface, err)
	}
	family := netlink.FAMILY_V4
	if ipv6 {
		family = netlink.FAMILY_V6
	}
	list, err := addrList(link, family)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list addresses of %s: %w", iface, err)
	}
	for _, a := range list {
		ip, ok := netip.AddrFromSlice(a.IP)
		if ip = ip.Unmap(); ok && usable(a, ip) && !slices.Contains(except, ip) {
			return ip, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("%s: %w", iface, ErrNoSource)
}

// addrList lists addresses once more when a change in between made the list incomplete.
func addrList(link netlink.Link, family int) (list []netlink.Addr, err error) {
	for range 5 {
		if list, err = netlink.AddrList(link, family); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}

// usable reports whether adverts may come from an interface's address.
func usable(a netlink.Addr, ip netip.Addr) bool {
	if ip.Is6() {
		return ip.IsLinkLocalUnicast() && a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0
	}
	return a.Flags&unix.IFA_F_SECONDARY == 0 && !ip.IsLoopback()
}
