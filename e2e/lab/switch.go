package lab

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// switchSysctls keep the switch silent: it has no addresses of its own.
var switchSysctls = [][2]string{
	{"ipv6/conf/all/disable_ipv6", "1"},
	{"ipv6/conf/default/disable_ipv6", "1"},
}

func (l *Lab) makeSwitch() error {
	ns, err := newNamespace(namespaceName(l.ID, "switch"), switchSysctls)
	if err != nil {
		return err
	}
	l.Switch = ns
	networks := 1
	if l.options.SecondNetwork {
		networks = 2
	}
	for n := range networks {
		if err := l.makeBridge(n); err != nil {
			return fmt.Errorf("create bridge br%d: %w", n, err)
		}
	}
	return nil
}

// makeBridge relies on the kernel's default of no spanning tree, under which a
// port forwards as soon as it joins. The address is fixed, since a bridge would
// otherwise take over the lowest one of its ports.
func (l *Lab) makeBridge(n int) error {
	snooping := false
	attrs := netlink.NewLinkAttrs()
	attrs.Name = fmt.Sprintf("br%d", n)
	attrs.HardwareAddr = net.HardwareAddr{2, 0, 0, byte(9 + n), 1, 0}
	attrs.Flags = net.FlagUp
	return l.Switch.nl.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping})
}
