package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// clientNumber is the client's place in the address plan.
const clientNumber = 100

// Host is one machine of the lab.
//
// Number N of network 0 (eth0) has 10.9.0.N/24, fd09::N/64 (N in hexadecimal
// there) and the MAC 02:00:00:09:00:N; network 1 (eth1) has 10.10.0.N/24,
// fd0a::N/64 and 02:00:00:0a:00:N. node1 is number 1, the client 100.
type Host struct {
	// Name is "node1", "client", ...
	Name string
	*Namespace
	// The host's connection to the first network.
	*Port
	// Second is the connection to the second network, nil without
	// Options.SecondNetwork.
	Second *Port
	// Dir is an empty directory for the host's configuration and data. Logs
	// of its processes go there too.
	Dir string

	// More are the ports that AddPort made.
	More []*Port

	lab *Lab
}

// Port is an interface of a host together with the cable to the switch.
type Port struct {
	// Interface is the name within the host.
	Interface string
	// IPv4 and IPv6 are the host's own addresses with their prefix lengths.
	IPv4, IPv6 netip.Prefix
	MAC        net.HardwareAddr

	lab    *Lab
	bridge *netlink.Bridge
	link   *netlink.Veth // the switch's end
	relay  *relay        // that stands between it and the bridge; nil: none. The lab's mutex guards it
}

// hostSysctls make addresses usable at once (no duplicate address detection)
// and keep the segment free of traffic that nobody asked for.
var hostSysctls = [][2]string{
	{"ipv6/conf/all/disable_ipv6", "0"},
	{"ipv6/conf/default/disable_ipv6", "0"},
	{"ipv6/conf/all/accept_dad", "0"},
	{"ipv6/conf/default/accept_dad", "0"},
	{"ipv6/conf/default/accept_ra", "0"},
	{"ipv6/conf/default/router_solicitations", "0"},
	{"ipv4/conf/all/rp_filter", "0"},
	{"ipv4/conf/default/rp_filter", "0"},
}

func (l *Lab) newHost(name string, number, networks int) (*Host, error) {
	dir, err := l.hostDir(name)
	if err != nil {
		return nil, err
	}
	ns, err := newNamespace(namespaceName(l.ID, name), hostSysctls)
	if err != nil {
		return nil, err
	}
	h := &Host{Name: name, Namespace: ns, Dir: dir, lab: l}
	for network := range networks {
		p, err := l.connect(h, number, network)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("connect %s to network %d: %w", name, network, err), ns.remove())
		}
		if network == 0 {
			h.Port = p
		} else {
			h.Second = p
		}
	}
	return h, nil
}

// connect makes the cable between a host and the bridge of a network, and
// gives the host its addresses there.
func (l *Lab) connect(h *Host, number, network int) (*Port, error) {
	p := planPort(number, network)
	p.lab = l
	p.bridge = &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("br%d", network)}}
	bridge, err := l.Switch.nl.LinkByName(p.bridge.Name)
	if err != nil {
		return nil, err
	}
	p.bridge.Index = bridge.Attrs().Index

	name := h.Name
	if network > 0 {
		name += fmt.Sprintf("-%d", network+1)
	}
	if err := p.plug(h, name); err != nil {
		return nil, err
	}
	return p, h.configure(p)
}

// AddPort gives the host another cable to the first network, as a second link of a bond. The interface has no
// address and is down.
func (h *Host) AddPort(name string) (*Port, error) {
	p := &Port{Interface: name, MAC: net.HardwareAddr{2, 0, 1, byte(len(h.More)), h.MAC[4], h.MAC[5]}, lab: h.lab, bridge: h.Port.bridge}
	if err := p.plug(h, h.Name+"-"+name); err != nil {
		return nil, fmt.Errorf("add port %s to %s: %w", name, h, err)
	}
	h.More = append(h.More, p)
	return p, nil
}

// plug makes the cable to the bridge, whose end there has a name of its own.
func (p *Port) plug(h *Host, name string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.MasterIndex = p.bridge.Index
	attrs.Flags = net.FlagUp
	p.link = netlink.NewVeth(attrs)
	p.link.PeerName = p.Interface
	p.link.PeerHardwareAddr = p.MAC
	p.link.PeerNamespace = netlink.NsFd(h.handle)
	return p.lab.Switch.nl.LinkAdd(p.link)
}

func planPort(number, network int) *Port {
	n, net := byte(number), byte(9+network)
	return &Port{
		Interface: fmt.Sprintf("eth%d", network),
		IPv4:      netip.PrefixFrom(netip.AddrFrom4([4]byte{10, net, 0, n}), 24),
		IPv6:      netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 1: net, 15: n}), 64),
		MAC:       []byte{2, 0, 0, net, 0, n},
	}
}

func (h *Host) configure(p *Port) error {
	link, err := h.nl.LinkByName(p.Interface)
	if err != nil {
		return err
	}
	for _, prefix := range []netip.Prefix{p.IPv4, p.IPv6} {
		addr := &netlink.Addr{IPNet: &net.IPNet{
			IP:   prefix.Addr().AsSlice(),
			Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
		}}
		if prefix.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := h.nl.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("add %s: %w", prefix, err)
		}
	}
	return h.nl.LinkSetUp(link)
}

// String returns the host's name.
func (h *Host) String() string { return h.Name }
