package bond

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// mark is the alias of a bond that this package created. It survives the
// daemon and shows in "ip link".
const mark = "vipd"

// Actual is what Observe found: one bond and the interfaces around it.
type Actual struct {
	Name    string
	Exists  bool   // a link of this name, of whatever kind
	Kind    string // "bond" unless something else has the name
	Ours    bool   // made by this package
	Options map[string]string
	Link    Link     // the bond itself
	Members []string // in the order in which they joined
	Uppers  []Link   // VLANs and the like on top of the bond
	// Links holds the members and the further links that were asked for, as far
	// as they exist.
	Links map[string]Link
}

// Link is one network interface.
type Link struct {
	Name      string
	Index     int
	Kind      string // "" for hardware
	Up        bool   // administratively
	Carrier   bool
	Loopback  bool
	MTU       int
	MAC       string
	PermMAC   string
	Master    string   // the bond, bridge or team that it belongs to
	Uppers    []string // VLANs and the like on top of it
	Prio      string   // of a bond's member, a number; "" where the kernel has none
	Addresses []Address
	Routes    []Route // without those that come with the addresses by themselves
}

// carries reports whether taking the link down would lose addresses or routes.
func (l Link) carries() bool { return len(l.Addresses)+len(l.Routes) > 0 }

// Address is one address of a link, with everything the kernel knows about it.
type Address struct{ raw netlink.Addr }

// Prefix returns the address and its prefix length.
func (a Address) Prefix() netip.Prefix {
	ip, _ := netip.AddrFromSlice(a.raw.IP)
	bits, _ := a.raw.Mask.Size()
	return netip.PrefixFrom(ip.Unmap(), bits)
}

// String returns address/length.
func (a Address) String() string { return a.Prefix().String() }

// Route is one route over a link, with everything the kernel knows about it.
type Route struct{ raw netlink.Route }

// String describes the route without its link, as "ip route" does.
func (r Route) String() string {
	s := "default"
	if !r.isDefault() {
		s = r.raw.Dst.String()
	}
	if r.raw.Gw != nil {
		s += " via " + r.raw.Gw.String()
	}
	if r.raw.Priority != 0 {
		s += fmt.Sprintf(" metric %d", r.raw.Priority)
	}
	if r.raw.Table != 0 && r.raw.Table != unix.RT_TABLE_MAIN {
		s += fmt.Sprintf(" table %d", r.raw.Table)
	}
	return s
}

func (r Route) isDefault() bool {
	if r.raw.Dst == nil {
		return true
	}
	bits, _ := r.raw.Dst.Mask.Size()
	return bits == 0
}

// gateway returns the router, if the route has one.
func (r Route) gateway() netip.Addr {
	gw, _ := netip.AddrFromSlice(r.raw.Gw)
	return gw.Unmap()
}

// Observe reads the bond called name and the links in others, usually the
// members that it shall have. It is no error if any of them does not exist.
func Observe(name string, others ...string) (Actual, error) {
	all, err := links()
	if err != nil {
		return Actual{}, fmt.Errorf("observe %s: %w", name, err)
	}
	actual := Actual{Name: name, Options: make(map[string]string), Links: make(map[string]Link)}
	var bond rawLink
	for _, l := range all {
		if l.name == name {
			bond = l
		}
	}
	for _, index := range slices.Sorted(maps.Keys(all)) {
		l := all[index]
		isMember := bond.index != 0 && l.master == bond.index
		if isMember {
			actual.Members = append(actual.Members, l.name)
		}
		if !isMember && !slices.Contains(others, l.name) {
			continue
		}
		if actual.Links[l.name], err = observeLink(l, all); err != nil {
			return Actual{}, fmt.Errorf("observe %s: %w", name, err)
		}
	}
	if bond.index == 0 {
		return actual, nil
	}
	actual.Exists, actual.Kind, actual.Ours = true, bond.kind, bond.alias == mark
	for _, o := range options {
		if value, ok := bond.data[o.attr]; ok {
			actual.Options[o.key] = o.decode(value, func(index int) string { return all[index].name })
		}
	}
	completeOptions(actual.Options)
	if actual.Link, err = observeLink(bond, all); err != nil {
		return Actual{}, fmt.Errorf("observe %s: %w", name, err)
	}
	for _, index := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(actual.Link.Uppers, all[index].name) {
			continue
		}
		upper, err := observeLink(all[index], all)
		if err != nil {
			return Actual{}, fmt.Errorf("observe %s: %w", name, err)
		}
		actual.Uppers = append(actual.Uppers, upper)
	}
	return actual, nil
}

// completeOptions adds what the kernel leaves out of its answer while it is
// empty.
func completeOptions(found map[string]string) {
	for _, key := range []string{"primary", "arp_ip_targets"} {
		if _, ok := found[key]; !ok && len(found) > 0 {
			found[key] = ""
		}
	}
}

// stacked are the kinds of links that sit on top of another one.
var stacked = []string{"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"}

func observeLink(l rawLink, all map[int]rawLink) (Link, error) {
	link := Link{
		Name: l.name, Index: l.index, Kind: l.kind, MTU: l.mtu, Master: all[l.master].name,
		Up: l.flags&unix.IFF_UP != 0, Carrier: l.carrier, Loopback: l.flags&unix.IFF_LOOPBACK != 0,
		MAC: l.mac.String(), PermMAC: l.permMAC.String(),
	}
	for _, upper := range all {
		if upper.lower == l.index && slices.Contains(stacked, upper.kind) {
			link.Uppers = append(link.Uppers, upper.name)
		}
	}
	slices.Sort(link.Uppers)
	if perm, ok := l.memberData[memberPermMAC]; ok {
		link.PermMAC = netHardwareAddr(perm)
	}
	if prio, ok := l.memberData[memberPrio]; ok {
		link.Prio = fmt.Sprint(int32(number(prio)))
	}
	var err error
	if link.Addresses, err = addressesOf(l); err != nil {
		return Link{}, err
	}
	link.Routes, err = routesOf(l)
	return link, err
}

func netHardwareAddr(b []byte) string {
	parts := make([]string, len(b))
	for i, x := range b {
		parts[i] = fmt.Sprintf("%02x", x)
	}
	return strings.Join(parts, ":")
}

// addressesOf lists the addresses that somebody gave to a link: not those that
// the kernel makes up by itself (link-local, from router advertisements).
func addressesOf(l rawLink) ([]Address, error) {
	link := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: l.index, Name: l.name}}
	list, err := untilConsistent(func() ([]netlink.Addr, error) { return netlink.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses of %s: %w", l.name, err)
	}
	var own []Address
	for _, a := range list {
		made := a.IP.IsLinkLocalUnicast() || a.Flags&(unix.IFA_F_MANAGETEMPADDR|unix.IFA_F_TEMPORARY) != 0
		// For IPv4 the flag IFA_F_TEMPORARY means "secondary".
		if !made || a.IP.To4() != nil {
			own = append(own, Address{a})
		}
	}
	return own, nil
}

// routesOf lists the routes over a link that somebody added. Those through
// several links at once are left out.
func routesOf(l rawLink) ([]Route, error) {
	filter := &netlink.Route{LinkIndex: l.index, Table: unix.RT_TABLE_UNSPEC}
	list, err := untilConsistent(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, filter, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return nil, fmt.Errorf("list routes over %s: %w", l.name, err)
	}
	var own []Route
	for _, r := range list {
		byItself := r.Protocol == unix.RTPROT_KERNEL || r.Protocol == unix.RTPROT_RA || r.Table == unix.RT_TABLE_LOCAL
		if !byItself && r.Type == unix.RTN_UNICAST {
			own = append(own, Route{r})
		}
	}
	// Routes through a gateway need those that reach it.
	slices.SortStableFunc(own, func(a, b Route) int { return len(a.raw.Gw) - len(b.raw.Gw) })
	return own, nil
}
