package vip

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	ifaProto = 11 // IFA_PROTO, include/uapi/linux/if_addr.h
	// devconfPromoteSecondaries is IPV4_DEVCONF_PROMOTE_SECONDARIES, include/uapi/linux/ip.h.
	devconfPromoteSecondaries = 20
	// inetConf is IFLA_INET_CONF, include/uapi/linux/if_link.h.
	inetConf = 1
	// skipStats is RTEXT_FILTER_SKIP_STATS, include/uapi/linux/rtnetlink.h.
	skipStats = 1 << 3
	forever   = 0xffffffff
)

// observed is one address as the kernel reports it.
type observed struct {
	key
	label     string     // IPv4 only
	broadcast netip.Addr // IPv4 only
	scope     uint8
	proto     uint8
	flags     uint32
	peer      netip.Addr // the other end of a point-to-point link
}

// key is what the kernel tells addresses apart by.
type key struct {
	index  uint32 // of the interface
	prefix netip.Prefix
}

func newRequest(kind uint16, flags uint16, body nl.NetlinkRequestData) *nl.NetlinkRequest {
	r := &nl.NetlinkRequest{NlMsghdr: unix.NlMsghdr{Type: kind, Flags: unix.NLM_F_REQUEST | flags}}
	r.AddData(body)
	return r
}

func dumpAddresses() *nl.NetlinkRequest {
	return newRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP, nl.NewIfAddrmsg(unix.AF_UNSPEC))
}

func dumpLinks() *nl.NetlinkRequest {
	r := newRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP, nl.NewIfInfomsg(unix.AF_UNSPEC))
	r.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)))
	return r
}

// addressRequest is what adding and removing have in common. With a peer, IPv4 tells addresses apart by it as well.
func addressRequest(kind, flags uint16, c change) *nl.NetlinkRequest {
	ip, peer := c.key.prefix.Addr(), c.address.Peer
	body := nl.NewIfAddrmsg(unix.AF_INET)
	if ip.Is6() {
		body.Family = unix.AF_INET6
	}
	body.Prefixlen, body.Index = uint8(c.key.prefix.Bits()), c.key.index
	r := newRequest(kind, flags|unix.NLM_F_ACK, body)
	r.AddData(nl.NewRtAttr(unix.IFA_LOCAL, ip.AsSlice()))
	if !peer.IsValid() {
		peer = ip
	}
	r.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, peer.AsSlice()))
	if ip.Is4() {
		body.Scope = scopeNumber(c.address.Scope)
	}
	return r
}

// putAddress adds an address (flags NLM_F_CREATE|NLM_F_EXCL) or renews the one that is there
// (NLM_F_REPLACE). valid is in seconds.
func putAddress(flags uint16, c change, valid uint32) *nl.NetlinkRequest {
	r := addressRequest(unix.RTM_NEWADDR, flags, c)
	lifetimes := nl.IfaCacheInfo{IfaCacheinfo: unix.IfaCacheinfo{Valid: valid, Prefered: valid}}
	if c.address.deprecated() {
		lifetimes.Prefered = 0
	}
	r.AddData(nl.NewRtAttr(unix.IFA_CACHEINFO, lifetimes.Serialize()))
	if c.flags != 0 {
		r.AddData(nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(c.flags)))
	}
	if c.address.Label != "" {
		r.AddData(nl.NewRtAttr(unix.IFA_LABEL, nl.ZeroTerminated(c.address.Label)))
	}
	if c.address.Broadcast.IsValid() {
		r.AddData(nl.NewRtAttr(unix.IFA_BROADCAST, c.address.Broadcast.AsSlice()))
	}
	r.AddData(nl.NewRtAttr(ifaProto, nl.Uint8Attr(Mark)))
	return r
}

func deleteAddress(c change) *nl.NetlinkRequest { return addressRequest(unix.RTM_DELADDR, 0, c) }

// promoteSecondaries tells an interface to keep the other addresses of a subnet when the first one is
// removed.
func promoteSecondaries(index uint32) *nl.NetlinkRequest {
	body := nl.NewIfInfomsg(unix.AF_UNSPEC)
	body.Index = int32(index)
	r := newRequest(unix.RTM_SETLINK, unix.NLM_F_ACK, body)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(inetConf, nil).AddRtAttr(devconfPromoteSecondaries, nl.Uint32Attr(1))
	r.AddData(spec)
	return r
}

// answer returns what the kernel said to a request: nil, or its error with the reason in words, if it
// gave one.
func answer(m syscall.NetlinkMessage) error {
	if len(m.Data) < 4 {
		return nil // the end of a dump may say nothing
	}
	errno := int32(nl.NativeEndian().Uint32(m.Data))
	if errno == 0 {
		return nil
	}
	code := syscall.Errno(-errno)
	// With NETLINK_CAP_ACK, the error is followed by the request's header alone.
	const attributes = 4 + unix.SizeofNlMsghdr
	if m.Header.Flags&unix.NLM_F_ACK_TLVS == 0 || len(m.Data) < attributes {
		return code
	}
	words, err := nl.ParseRouteAttrAsMap(m.Data[attributes:])
	if said, ok := words[unix.NLMSGERR_ATTR_MSG]; err == nil && ok {
		return fmt.Errorf("%w (%s)", code, strings.TrimRight(string(said.Value), "\x00"))
	}
	return code
}

// parseAddress decodes RTM_NEWADDR and RTM_DELADDR.
func parseAddress(m syscall.NetlinkMessage) (observed, error) {
	if len(m.Data) < unix.SizeofIfAddrmsg {
		return observed{}, fmt.Errorf("address message of %d bytes", len(m.Data))
	}
	body := nl.DeserializeIfAddrmsg(m.Data)
	attributes, err := nl.ParseRouteAttr(m.Data[unix.SizeofIfAddrmsg:])
	if err != nil {
		return observed{}, fmt.Errorf("address message: %w", err)
	}
	a := observed{flags: uint32(body.Flags), scope: body.Scope}
	var local, remote netip.Addr
	for _, attr := range attributes {
		switch attr.Attr.Type {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(attr.Value)
		case unix.IFA_ADDRESS:
			remote, _ = netip.AddrFromSlice(attr.Value)
		case unix.IFA_LABEL:
			a.label = nl.BytesToString(attr.Value)
		case unix.IFA_BROADCAST:
			a.broadcast, _ = netip.AddrFromSlice(attr.Value)
		case unix.IFA_FLAGS:
			if len(attr.Value) >= 4 {
				a.flags = nl.NativeEndian().Uint32(attr.Value)
			}
		case ifaProto:
			if len(attr.Value) >= 1 {
				a.proto = attr.Value[0]
			}
		}
	}
	// IPv6 leaves out the local address where there is no peer.
	if !local.IsValid() {
		local = remote
	}
	if remote != local {
		a.peer = remote
	}
	a.key = key{index: body.Index, prefix: netip.PrefixFrom(local, int(body.Prefixlen))}
	if !a.prefix.IsValid() {
		return observed{}, fmt.Errorf("address message without an address")
	}
	return a, nil
}
