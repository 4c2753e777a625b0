package bond

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Change is one step of a plan. Its String says what it does.
type Change interface {
	fmt.Stringer
	// apply makes the change. It fails without effect.
	apply() error
	// inverse is the change that takes this one back, nil where there is nothing
	// to take back.
	inverse() Change
}

type createBond struct {
	name string
	mode Mode
}

func (c createBond) String() string  { return fmt.Sprintf("create bond %s, mode %s", c.name, c.mode) }
func (c createBond) inverse() Change { return deleteBond(c) }
func (c createBond) apply() error {
	if err := createLink(c.name, c.mode); err != nil {
		return err
	}
	link, err := netlink.LinkByName(c.name)
	if err == nil {
		err = netlink.LinkSetAlias(link, mark)
	}
	if err != nil {
		return errors.Join(err, deleteBond(c).apply())
	}
	return nil
}

type deleteBond createBond

func (c deleteBond) String() string  { return "delete bond " + c.name }
func (c deleteBond) inverse() Change { return createBond(c) }
func (c deleteBond) apply() error    { return onLink(c.name, netlink.LinkDel) }

type setOption struct{ bond, key, from, to string }

func (c setOption) String() string {
	return fmt.Sprintf("set %s of %s from %s to %s", c.key, c.bond, orNone(c.from), orNone(c.to))
}
func (c setOption) inverse() Change { return setOption{c.bond, c.key, c.to, c.from} }
func (c setOption) apply() error {
	index, err := indexOf(c.bond)
	if err != nil {
		return err
	}
	setting, err := findOption(c.key).encode(c.to, indexOf)
	if err != nil {
		return err
	}
	return setLinkInfo(index, nl.IFLA_INFO_KIND, nl.IFLA_INFO_DATA, setting)
}

type setPrio struct {
	member   string
	from, to int
}

func (c setPrio) String() string {
	return fmt.Sprintf("set prio of %s from %d to %d", c.member, c.from, c.to)
}
func (c setPrio) inverse() Change { return setPrio{c.member, c.to, c.from} }
func (c setPrio) apply() error {
	index, err := indexOf(c.member)
	if err != nil {
		return err
	}
	value := nl.NewRtAttr(memberPrio, nl.Uint32Attr(uint32(int32(c.to))))
	return setLinkInfo(index, nl.IFLA_INFO_SLAVE_KIND, nl.IFLA_INFO_SLAVE_DATA, value)
}

type enslave struct{ bond, member string }

func (c enslave) String() string  { return fmt.Sprintf("add member %s to %s", c.member, c.bond) }
func (c enslave) inverse() Change { return release(c) }
func (c enslave) apply() error {
	index, err := indexOf(c.bond)
	if err != nil {
		return err
	}
	return onLink(c.member, func(l netlink.Link) error { return netlink.LinkSetMasterByIndex(l, index) })
}

type release enslave

func (c release) String() string  { return fmt.Sprintf("remove member %s from %s", c.member, c.bond) }
func (c release) inverse() Change { return enslave(c) }
func (c release) apply() error    { return onLink(c.member, netlink.LinkSetNoMaster) }

type setUp struct{ link string }

func (c setUp) String() string  { return "bring " + c.link + " up" }
func (c setUp) inverse() Change { return setDown(c) }
func (c setUp) apply() error    { return onLink(c.link, netlink.LinkSetUp) }

type setDown struct{ link string }

func (c setDown) String() string  { return "bring " + c.link + " down" }
func (c setDown) inverse() Change { return setUp(c) }
func (c setDown) apply() error    { return onLink(c.link, netlink.LinkSetDown) }

type setMTU struct {
	link     string
	from, to int
}

func (c setMTU) String() string {
	return fmt.Sprintf("set mtu of %s from %d to %d", c.link, c.from, c.to)
}
func (c setMTU) inverse() Change { return setMTU{c.link, c.to, c.from} }
func (c setMTU) apply() error {
	return onLink(c.link, func(l netlink.Link) error { return netlink.LinkSetMTU(l, c.to) })
}

// keepMAC gives a bond the hardware address that the host was known by.
type keepMAC struct{ link, mac string }

func (c keepMAC) String() string  { return fmt.Sprintf("keep hardware address %s on %s", c.mac, c.link) }
func (c keepMAC) inverse() Change { return c } // the same before and after
func (c keepMAC) apply() error {
	mac, err := net.ParseMAC(c.mac)
	if err != nil {
		return err
	}
	return onLink(c.link, func(l netlink.Link) error { return netlink.LinkSetHardwareAddr(l, mac) })
}

type addAddress struct {
	link    string
	address Address
}

func (c addAddress) String() string  { return fmt.Sprintf("add address %s to %s", c.address, c.link) }
func (c addAddress) inverse() Change { return delAddress(c) }
func (c addAddress) apply() error {
	a := c.address.raw
	a.Flags &^= unix.IFA_F_TENTATIVE | unix.IFA_F_PERMANENT | unix.IFA_F_SECONDARY | unix.IFA_F_DADFAILED
	if a.IP.To4() == nil {
		a.Flags |= unix.IFA_F_NODAD // it was this host's already, or is asked for
	}
	a.Label = labelFor(c.link, a.Label)
	return onLink(c.link, func(l netlink.Link) error { return ignore(unix.EEXIST, netlink.AddrAdd(l, &a)) })
}

// labelFor moves the part behind the colon of an address label to another link.
func labelFor(link, label string) string {
	_, suffix, ok := strings.Cut(label, ":")
	if moved := link + ":" + suffix; ok && len(moved) <= maxNameLen {
		return moved
	}
	return ""
}

type delAddress addAddress

func (c delAddress) String() string {
	return fmt.Sprintf("remove address %s from %s", c.address, c.link)
}
func (c delAddress) inverse() Change { return addAddress(c) }
func (c delAddress) apply() error {
	a := netlink.Addr{IPNet: c.address.raw.IPNet, Peer: c.address.raw.Peer}
	return onLink(c.link, func(l netlink.Link) error { return ignore(unix.EADDRNOTAVAIL, netlink.AddrDel(l, &a)) })
}

type addRoute struct {
	link  string
	route Route
}

func (c addRoute) String() string  { return fmt.Sprintf("add route %s over %s", c.route, c.link) }
func (c addRoute) inverse() Change { return delRoute(c) }
func (c addRoute) apply() error {
	r, err := c.route.over(c.link)
	if err != nil {
		return err
	}
	return ignore(unix.EEXIST, netlink.RouteAdd(&r))
}

type delRoute addRoute

func (c delRoute) String() string  { return fmt.Sprintf("remove route %s over %s", c.route, c.link) }
func (c delRoute) inverse() Change { return addRoute(c) }
func (c delRoute) apply() error {
	r, err := c.route.over(c.link)
	if err != nil {
		return err
	}
	return ignore(unix.ESRCH, netlink.RouteDel(&r))
}

// over returns the kernel's form of the route with another link.
func (r Route) over(link string) (netlink.Route, error) {
	index, err := indexOf(link)
	if err != nil {
		return netlink.Route{}, err
	}
	raw := r.raw
	raw.LinkIndex = index
	raw.Flags &= unix.RTNH_F_ONLINK
	return raw, nil
}

func onLink(name string, do func(netlink.Link) error) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return do(link)
}

func indexOf(name string) (int, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return 0, fmt.Errorf("find %s: %w", name, err)
	}
	return link.Attrs().Index, nil
}

func ignore(which, err error) error {
	if errors.Is(err, which) {
		return nil
	}
	return err
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
