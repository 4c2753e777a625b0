package vip

import (
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Interface is a network interface of this host.
type Interface struct {
	Index   int
	Name    string
	Up      bool // switched on by the administrator
	Running bool // and able to carry traffic: it has a carrier
	MAC     net.HardwareAddr
	MTU     int
	Parent  int // of a macvlan: the index of the interface that it is on; 0: it is none
}

func parseLink(m syscall.NetlinkMessage) (Interface, error) {
	if len(m.Data) < unix.SizeofIfInfomsg {
		return Interface{}, fmt.Errorf("link message of %d bytes", len(m.Data))
	}
	body := nl.DeserializeIfInfomsg(m.Data)
	attributes, err := nl.ParseRouteAttr(m.Data[unix.SizeofIfInfomsg:])
	if err != nil {
		return Interface{}, fmt.Errorf("link message: %w", err)
	}
	l := Interface{
		Index:   int(body.Index),
		Up:      body.Flags&unix.IFF_UP != 0,
		Running: body.Flags&(unix.IFF_UP|unix.IFF_RUNNING) == unix.IFF_UP|unix.IFF_RUNNING,
	}
	lower := 0
	for _, attr := range attributes {
		switch attr.Attr.Type {
		case unix.IFLA_IFNAME:
			l.Name = nl.BytesToString(attr.Value)
		case unix.IFLA_ADDRESS:
			l.MAC = slices.Clone(attr.Value)
		case unix.IFLA_MTU:
			if len(attr.Value) >= 4 {
				l.MTU = int(nl.NativeEndian().Uint32(attr.Value))
			}
		case unix.IFLA_LINK:
			if len(attr.Value) >= 4 {
				lower = int(nl.NativeEndian().Uint32(attr.Value))
			}
		case unix.IFLA_LINKINFO:
			if kind, err := linkKind(attr.Value); err != nil {
				return Interface{}, err
			} else if kind == "macvlan" {
				l.Parent = -1
			}
		}
	}
	if l.Parent != 0 {
		l.Parent = lower // of other kinds it may be an index in another network namespace
	}
	return l, nil
}

func linkKind(info []byte) (string, error) {
	attributes, err := nl.ParseRouteAttr(info)
	if err != nil {
		return "", fmt.Errorf("link message: %w", err)
	}
	for _, attr := range attributes {
		if attr.Attr.Type == unix.IFLA_INFO_KIND {
			return nl.BytesToString(attr.Value), nil
		}
	}
	return "", nil
}

func (s *socket) links() (map[string]Interface, error) {
	var links map[string]Interface
	restart := func() { links = map[string]Interface{} }
	err := s.dump(dumpLinks(), restart, func(m syscall.NetlinkMessage) error {
		l, err := parseLink(m)
		links[l.Name] = l
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the network interfaces: %w", err)
	}
	return links, nil
}

func (s *socket) addresses() ([]observed, error) {
	var all []observed
	restart := func() { all = all[:0] }
	err := s.dump(dumpAddresses(), restart, func(m syscall.NetlinkMessage) error {
		a, err := parseAddress(m)
		all = append(all, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the addresses: %w", err)
	}
	return all, nil
}
