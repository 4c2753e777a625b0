package vrrp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// vmacGroup is the link group of the interfaces that we made ("vipd" in ASCII), so that nobody else's is
// touched. Unlike an alias, the kernel sets it in the same step that makes the interface.
const vmacGroup = 0x76697064

// ErrForeign is wrapped when an interface has the name of a virtual router's and is not ours.
var ErrForeign = errors.New("the interface is not ours")

// VirtualMAC is the interface that gives a virtual router its MAC address: a macvlan on the real one.
type VirtualMAC struct {
	Parent string // the real interface
	VRID   uint8
	IPv6   bool
	Name   string // empty: vrrp.VRID or vrrp6.VRID, keepalived's and ours
	// LinkLocal is put on the interface if it is valid: IPv6 sends from a link-local address only where it
	// is. The parent's own will do.
	LinkLocal netip.Addr
}

// MAC is the address that the protocol assigns (RFC 9568 section 7.3).
func (v VirtualMAC) MAC() net.HardwareAddr {
	family := byte(1)
	if v.IPv6 {
		family = 2
	}
	return net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, family, v.VRID}
}

// LinkName is the interface's name.
func (v VirtualMAC) LinkName() string {
	switch {
	case v.Name != "":
		return v.Name
	case v.IPv6:
		return fmt.Sprintf("vrrp6.%d", v.VRID)
	}
	return fmt.Sprintf("vrrp.%d", v.VRID)
}

// VMACState is what exists under the name.
type VMACState struct {
	Exists bool
	Ours   bool // made by us, on whatever parent
	Right  bool // the kind, parent and MAC address that are wanted
	Up     bool
	// Addressed says that it has LinkLocal, or needs none.
	Addressed bool
}

// VMACOp is a step of a plan.
type VMACOp string

// The steps.
const (
	RemoveVMAC  VMACOp = "remove"
	CreateVMAC  VMACOp = "create"
	RaiseVMAC   VMACOp = "raise"
	AddressVMAC VMACOp = "address"
)

// Observe looks at the kernel.
func (v VirtualMAC) Observe() (VMACState, error) {
	link, err := netlink.LinkByName(v.LinkName())
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return VMACState{}, nil
	}
	if err != nil {
		return VMACState{}, fmt.Errorf("find interface %s: %w", v.LinkName(), err)
	}
	parent, err := netlink.LinkByName(v.Parent)
	if err != nil {
		return VMACState{}, fmt.Errorf("find interface %s: %w", v.Parent, err)
	}
	addressed, err := v.addressed(link)
	a := link.Attrs()
	return VMACState{
		Exists:    true,
		Ours:      a.Group == vmacGroup,
		Right:     link.Type() == "macvlan" && a.ParentIndex == parent.Attrs().Index && bytes.Equal(a.HardwareAddr, v.MAC()),
		Up:        a.Flags&net.FlagUp != 0,
		Addressed: addressed,
	}, err
}

func (v VirtualMAC) addressed(link netlink.Link) (bool, error) {
	if !v.LinkLocal.IsValid() {
		return true, nil
	}
	list, err := addrList(link, netlink.FAMILY_V6)
	if err != nil {
		return false, fmt.Errorf("list addresses of %s: %w", v.LinkName(), err)
	}
	return slices.ContainsFunc(list, func(a netlink.Addr) bool { return fromIP(a.IP) == v.LinkLocal.WithZone("") }), nil
}

// Plan is the steps from a state to the wanted interface, or to none. It is empty when nothing is to do,
// and an error when somebody else's interface is in the way; one is not in the way of having none.
func (v VirtualMAC) Plan(s VMACState, wanted bool) ([]VMACOp, error) {
	switch {
	case !wanted && s.Exists && s.Ours:
		return []VMACOp{RemoveVMAC}, nil
	case !wanted:
		return nil, nil
	case s.Exists && !s.Ours:
		return nil, fmt.Errorf("make %s on %s: %w", v.LinkName(), v.Parent, ErrForeign)
	}
	var ops []VMACOp
	if s.Exists && !s.Right {
		ops = append(ops, RemoveVMAC)
		s = VMACState{}
	}
	if !s.Exists {
		ops = append(ops, CreateVMAC)
	}
	if !s.Up {
		ops = append(ops, RaiseVMAC)
	}
	if !s.Addressed && v.LinkLocal.IsValid() {
		ops = append(ops, AddressVMAC)
	}
	return ops, nil
}

// Execute performs the steps.
func (v VirtualMAC) Execute(ops []VMACOp) error {
	for _, op := range ops {
		var err error
		switch op {
		case RemoveVMAC:
			err = v.remove()
		case CreateVMAC:
			err = v.create()
		case RaiseVMAC:
			err = v.raise()
		case AddressVMAC:
			err = v.address()
		}
		if err != nil {
			return fmt.Errorf("%s interface %s on %s: %w", op, v.LinkName(), v.Parent, err)
		}
	}
	return nil
}

// Ensure makes the interface, or removes it when it is not wanted. Doing it twice changes nothing.
func (v VirtualMAC) Ensure(wanted bool) error {
	s, err := v.Observe()
	if err != nil {
		return err
	}
	ops, err := v.Plan(s, wanted)
	if err != nil {
		return err
	}
	return v.Execute(ops)
}

func (v VirtualMAC) remove() error {
	link, err := netlink.LinkByName(v.LinkName())
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}

// create makes the macvlan with our mark in one step. Private mode: virtual routers of one host have
// nothing to tell each other.
func (v VirtualMAC) create() error {
	parent, err := netlink.LinkByName(v.Parent)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.HardwareAddr, attrs.Group = v.LinkName(), parent.Attrs().Index, v.MAC(), vmacGroup
	return netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE})
}

// raise sets the interface up. It must get no address of its own making first: a link-local one made from
// the virtual MAC would be the same on every router.
func (v VirtualMAC) raise() error {
	for _, s := range []struct{ path, value string }{
		{filepath.Join("ipv6/conf", v.LinkName(), "addr_gen_mode"), "1"},
		{filepath.Join("ipv6/conf", v.LinkName(), "accept_ra"), "0"},
		{filepath.Join("ipv4/conf", v.LinkName(), "arp_ignore"), "1"},
		{filepath.Join("ipv4/conf", v.LinkName(), "rp_filter"), "0"},
	} {
		err := os.WriteFile(filepath.Join("/proc/sys/net", s.path), []byte(s.value), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // a kernel without IPv6 has none of its settings
			return err
		}
	}
	link, err := netlink.LinkByName(v.LinkName())
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// address puts LinkLocal on the interface, without asking around for duplicates: it is the parent's.
func (v VirtualMAC) address() error {
	link, err := netlink.LinkByName(v.LinkName())
	if err != nil {
		return err
	}
	ip := v.LinkLocal.WithZone("")
	return netlink.AddrReplace(link, &netlink.Addr{
		IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(64, 128)},
		Flags: unix.IFA_F_NODAD,
	})
}
