package bond

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes of linux/if_link.h.
const (
	bondActiveMember = 2
	bondADInfo       = 23

	memberState     = 1
	memberMII       = 2
	memberFailures  = 3
	memberPermMAC   = 4
	memberAggregate = 6
	memberActor     = 7
	memberPartner   = 8
	memberPrio      = 9
)

// skipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h.
const skipStats = 1 << 3

const maxDumps = 10

// attrTypeMask is NLA_TYPE_MASK of linux/netlink.h.
const attrTypeMask = 1<<14 - 1

// attributes are netlink attributes by number.
type attributes map[uint16][]byte

// rawLink is a link as the kernel describes it. Values in data and memberData
// are for kind "bond" and member kind "bond".
type rawLink struct {
	index, master, mtu int
	lower              int // the link it sits on, for kinds like vlan
	name, kind, alias  string
	memberKind         string
	flags              uint32
	carrier            bool
	mac, permMAC       net.HardwareAddr
	data, memberData   attributes
}

// links reads every link of this namespace, by index.
func links() (map[int]rawLink, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)))
	msgs, err := untilConsistent(func() ([][]byte, error) { return req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK) })
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	found := make(map[int]rawLink, len(msgs))
	for _, msg := range msgs {
		l, err := parseLink(msg)
		if err != nil {
			return nil, fmt.Errorf("list links: %w", err)
		}
		found[l.index] = l
	}
	return found, nil
}

// untilConsistent repeats a dump that was interrupted by a change.
func untilConsistent[T any](dump func() (T, error)) (T, error) {
	for n := 1; ; n++ {
		found, err := dump()
		if n == maxDumps || !errors.Is(err, netlink.ErrDumpInterrupted) {
			return found, err
		}
	}
}

// parseLink reads one RTM_NEWLINK message without its netlink header.
func parseLink(msg []byte) (rawLink, error) {
	if len(msg) < unix.SizeofIfInfomsg {
		return rawLink{}, errors.New("link message too short")
	}
	head := nl.DeserializeIfInfomsg(msg)
	a, err := parseAttributes(msg[unix.SizeofIfInfomsg:])
	if err != nil {
		return rawLink{}, err
	}
	info, err := parseAttributes(a[unix.IFLA_LINKINFO])
	if err != nil {
		return rawLink{}, err
	}
	l := rawLink{
		index: int(head.Index), flags: head.Flags,
		name: text(a[unix.IFLA_IFNAME]), alias: text(a[unix.IFLA_IFALIAS]), kind: text(info[nl.IFLA_INFO_KIND]),
		memberKind: text(info[nl.IFLA_INFO_SLAVE_KIND]),
		master:     number(a[unix.IFLA_MASTER]), mtu: number(a[unix.IFLA_MTU]), carrier: number(a[unix.IFLA_CARRIER]) == 1,
		lower: number(a[unix.IFLA_LINK]),
		mac:   a[unix.IFLA_ADDRESS], permMAC: a[unix.IFLA_PERM_ADDRESS],
	}
	if l.kind == "bond" {
		l.data, err = parseAttributes(info[nl.IFLA_INFO_DATA])
	}
	if l.memberKind == "bond" && err == nil {
		l.memberData, err = parseAttributes(info[nl.IFLA_INFO_SLAVE_DATA])
	}
	return l, err
}

// parseAttributes splits a sequence of attributes, the last one of each type
// counting.
func parseAttributes(b []byte) (attributes, error) {
	a := make(attributes)
	for len(b) >= unix.SizeofRtAttr {
		kind := binary.NativeEndian.Uint16(b[2:]) & attrTypeMask
		value, rest, err := nextAttribute(b)
		if err != nil {
			return nil, err
		}
		a[kind], b = value, rest
	}
	return a, nil
}

// nextAttribute takes the first attribute off a sequence: a length that includes
// its own header of four bytes, a type, and a value padded to four bytes.
func nextAttribute(b []byte) (value, rest []byte, err error) {
	size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
	if size < unix.SizeofRtAttr || size > len(b) {
		return nil, nil, fmt.Errorf("netlink attribute %d: bad length %d", kind, size)
	}
	return b[unix.SizeofRtAttr:size], b[min(len(b), (size+3)&^3):], nil
}

// number reads an unsigned integer of the host's byte order; 0 if it is missing.
func number(b []byte) int {
	switch len(b) {
	case 1:
		return int(b[0])
	case 2:
		return int(binary.NativeEndian.Uint16(b))
	case 4:
		return int(binary.NativeEndian.Uint32(b))
	}
	return 0
}

func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }

// setLinkInfo changes driver settings of a link: INFO_DATA of its own kind, or
// INFO_SLAVE_DATA of the bond it belongs to.
func setLinkInfo(index, kindAttr, dataAttr int, setting *nl.RtAttr) error {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(kindAttr, nl.NonZeroTerminated("bond"))
	info.AddRtAttr(dataAttr, nil).AddChild(setting)
	req.AddData(info)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// createLink adds a bond of the given mode, without members.
func createLink(name string, mode Mode) error {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bond"))
	info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(int(findOption("mode").attr), nl.Uint8Attr(uint8(mode)))
	req.AddData(info)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return errors.New("the kernel has no bonding driver (modprobe bonding)")
	}
	return err
}
