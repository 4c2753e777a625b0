package vrrp

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"net"

	"github.com/vishvananda/netlink"
)

// ErrForeign is wrapped when an interface has the name of a virtual router's and is not ours.
var ErrForeign = errors.New("the interface is not ours")

// VirtualMAC is the interface that gives a virtual router its MAC address: a macvlan on the real one. It is up
// only while its router is master. Else what it sends by itself, such as a multicast report, would have the
// switches look for the address here.
type VirtualMAC struct {
	Parent string // the real interface
	VRID   uint8
	IPv6   bool
	Name   string // empty: vrrp.VRID or vrrp6.VRID, keepalived's and ours
	// Owner tells daemons of one host apart: what another one made is not ours.
	Owner string
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

// linkGroup is the link group of the interfaces that an owner made: a "v" and a digest. Unlike an alias, the
// kernel sets it in the same step that makes the interface.
func linkGroup(owner string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(owner))
	return 'v'<<24 | h.Sum32()&0xffffff
}

// VMACWanted is what shall be there.
type VMACWanted uint8

// What may be wanted.
const (
	NoVMAC   VMACWanted = iota
	VMACDown            // ready to be raised
	VMACUp
)

// VMACState is what exists under the name.
type VMACState struct {
	Exists bool
	Ours   bool // made by us, on whatever parent
	Right  bool // the kind, parent and MAC address that are wanted
	Up     bool
}

// VMACOp is a step of a plan.
type VMACOp string

// The steps.
const (
	RemoveVMAC VMACOp = "remove"
	CreateVMAC VMACOp = "create"
	RaiseVMAC  VMACOp = "raise"
	LowerVMAC  VMACOp = "lower"
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
	a := link.Attrs()
	s := VMACState{Exists: true, Ours: a.Group == linkGroup(v.Owner), Up: a.Flags&net.FlagUp != 0}
	parent, err := netlink.LinkByName(v.Parent)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return s, nil
	}
	if err != nil {
		return VMACState{}, fmt.Errorf("find interface %s: %w", v.Parent, err)
	}
	s.Right = link.Type() == "macvlan" && a.ParentIndex == parent.Attrs().Index && bytes.Equal(a.HardwareAddr, v.MAC())
	return s, nil
}

// Plan is the steps from a state to what is wanted. It is empty when nothing is to do, and an error when
// somebody else's interface is in the way; one is not in the way of having none.
func (v VirtualMAC) Plan(s VMACState, wanted VMACWanted) ([]VMACOp, error) {
	var ops []VMACOp
	switch {
	case wanted == NoVMAC && !s.Ours:
		return nil, nil
	case s.Exists && !s.Ours:
		return nil, fmt.Errorf("make %s on %s: %w", v.LinkName(), v.Parent, ErrForeign)
	}
	if s.Up && (wanted != VMACUp || !s.Right) {
		ops = append(ops, LowerVMAC)
		s.Up = false
	}
	if s.Exists && (wanted == NoVMAC || !s.Right) {
		ops = append(ops, RemoveVMAC)
		s = VMACState{}
	}
	if wanted != NoVMAC && !s.Exists {
		ops = append(ops, CreateVMAC)
	}
	if wanted == VMACUp && !s.Up {
		ops = append(ops, RaiseVMAC)
	}
	return ops, nil
}

// Ensure makes, raises, lowers or removes the interface. Doing it twice changes nothing.
func (v VirtualMAC) Ensure(wanted VMACWanted) error {
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
