package bond

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// decode turns the value of an option's attribute into text.
func (o option) decode(value []byte, linkName func(index int) string) string {
	switch {
	case o.kind == linkIndex:
		return linkName(number(value))
	case o.kind == addressList:
		return decodeTargets(value)
	case o.names != nil:
		if n := number(value); n < len(o.names) {
			return o.names[n]
		}
	}
	return strconv.Itoa(number(value))
}

// decodeTargets reads the ARP targets: attributes numbered by slot.
func decodeTargets(value []byte) string {
	slots, err := parseAttributes(value)
	if err != nil {
		return ""
	}
	var targets []netip.Addr
	for i := range uint16(maxARPTargets) {
		if a, ok := netip.AddrFromSlice(slots[i]); ok {
			targets = append(targets, a)
		}
	}
	return joinAddrs(targets)
}

// encode turns text into the option's netlink attribute.
func (o option) encode(value string, linkIndexOf func(name string) (int, error)) (*nl.RtAttr, error) {
	if o.kind == addressList {
		return o.encodeTargets(value)
	}
	n, err := o.encodeNumber(value, linkIndexOf)
	if err != nil {
		return nil, err
	}
	switch o.kind {
	case u8:
		return nl.NewRtAttr(int(o.attr), nl.Uint8Attr(uint8(n))), nil
	case u16:
		return nl.NewRtAttr(int(o.attr), nl.Uint16Attr(uint16(n))), nil
	}
	return nl.NewRtAttr(int(o.attr), nl.Uint32Attr(uint32(n))), nil
}

func (o option) encodeNumber(value string, linkIndexOf func(name string) (int, error)) (int, error) {
	if o.kind == linkIndex {
		if value == "" {
			return 0, nil
		}
		return linkIndexOf(value)
	}
	for n, name := range o.names {
		if name == value {
			return n, nil
		}
	}
	return strconv.Atoi(value)
}

func (o option) encodeTargets(value string) (*nl.RtAttr, error) {
	list := nl.NewRtAttr(int(o.attr)|unix.NLA_F_NESTED, nil)
	if value == "" {
		return list, nil
	}
	for i, target := range strings.Split(value, ",") {
		a, err := netip.ParseAddr(target)
		if err != nil {
			return nil, err
		}
		list.AddRtAttr(i, a.AsSlice())
	}
	return list, nil
}
