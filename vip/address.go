package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Mark is the IFA_PROTO of every address this package adds. The kernel's own values are 1 to 3, and
// routing daemons use those that /etc/iproute2/rt_addrprotos lists; 0x76 is the letter v.
const Mark = 0x76

// maxLabel is the longest label of an IPv4 address, in bytes: IFNAMSIZ without the final zero.
const maxLabel = 15

// Why an address is not on this host although it is wanted. Failure.Err wraps one of them, or what
// the kernel said.
var (
	// ErrForeign: somebody else has the address on that interface, and it was left as it is.
	ErrForeign = errors.New("exists, not ours: left untouched")
	// ErrNoInterface: the interface does not exist on this host.
	ErrNoInterface = errors.New("no such interface on this host")
	// ErrInvalid: no host can have such an address.
	ErrInvalid = errors.New("invalid address")
)

// Address is one virtual address as this host should carry it. It is comparable.
type Address struct {
	Prefix    netip.Prefix // with the host part, as 192.168.1.100/24
	Interface string
	Label     string // IPv4 only and ignored for IPv6; empty is the interface's name

	// Peer is the other end of a point-to-point link, whose network the prefix length is then of; zero: none.
	Peer          netip.Addr
	Broadcast     netip.Addr // IPv4 only; zero: none
	Scope         string     // IPv4 only: link, host, site or a number; empty: global
	NoPrefixRoute bool       // the address brings no connected route
	PreferredLft  string     // "0": deprecated, "forever": not so; empty: deprecated for IPv6
}

// String returns the address as "192.168.1.100/24 on eth0".
func (a Address) String() string { return a.Prefix.String() + " on " + a.Interface }

func (a Address) validate() error {
	switch ip := a.Prefix.Addr(); {
	case !a.Prefix.IsValid():
		return fmt.Errorf("%w: it has no prefix length that fits", ErrInvalid)
	case ip.Is4In6():
		return fmt.Errorf("%w: write %s as IPv4", ErrInvalid, ip)
	case ip.IsUnspecified() || ip.IsMulticast() || ip.IsLoopback():
		return fmt.Errorf("%w: %s is not one host's", ErrInvalid, ip)
	case len(a.Label) > maxLabel:
		return fmt.Errorf("%w: label %q is longer than %d bytes", ErrInvalid, a.Label, maxLabel)
	case a.Peer.IsValid() && a.Peer.Is6() != ip.Is6():
		return fmt.Errorf("%w: its peer %s is of the other family", ErrInvalid, a.Peer)
	}
	return nil
}

// normal returns the address the way observation describes it, so that the two compare.
func (a Address) normal() Address {
	if a.Prefix.Addr().Is6() || a.Label == a.Interface {
		a.Label = ""
	}
	if a.Peer == a.Prefix.Addr() {
		a.Peer = netip.Addr{}
	}
	lft := "0"
	switch {
	case a.Prefix.Addr().Is6():
		a.Broadcast, a.Scope = netip.Addr{}, ""
	default:
		a.Scope, lft = scopeName(scopeNumber(a.Scope)), "forever"
	}
	if a.PreferredLft == lft {
		a.PreferredLft = ""
	}
	return a
}

// deprecated reports whether the host does not choose the address as a source by itself.
func (a Address) deprecated() bool {
	return a.PreferredLft == "0" || a.PreferredLft == "" && a.Prefix.Addr().Is6()
}

// scopes are those of routes and of IPv4 addresses that have a name.
var scopes = map[string]uint8{"global": unix.RT_SCOPE_UNIVERSE, "site": unix.RT_SCOPE_SITE, "link": unix.RT_SCOPE_LINK, "host": unix.RT_SCOPE_HOST}

// scopeNumber reads a name or a number; what is neither is global.
func scopeNumber(text string) uint8 {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil {
		return uint8(n)
	}
	return scopes[text]
}

// scopeName is what scopeNumber reads back, empty for global.
func scopeName(n uint8) string {
	if n == unix.RT_SCOPE_UNIVERSE {
		return ""
	}
	for name, number := range scopes {
		if number == n {
			return name
		}
	}
	return strconv.Itoa(int(n))
}

// Outcome is what a Set did. Each fact in it was read back from the kernel.
type Outcome struct {
	// Added are those that were not there and now are.
	Added []Address
	// Removed are those that this Host had, that are not wanted any more (or not like this), and that are
	// gone, whoever took them away.
	Removed []Address
	// Present are the wanted ones that are on the host and ours.
	Present []netip.Addr
	// Failed are the wanted ones that are not there and the unwanted ones that still are.
	Failed []Failure
}

// Failure is an address that is not as it should be, and why.
type Failure struct {
	Address Address
	Err     error
}

func (f Failure) String() string { return fmt.Sprintf("%s: %v", f.Address, f.Err) }

// Changed reports whether anything was added or removed.
func (o Outcome) Changed() bool { return len(o.Added)+len(o.Removed) > 0 }

// Has reports whether the address is on this host and ours.
func (o Outcome) Has(ip netip.Addr) bool { return slices.Contains(o.Present, ip) }
