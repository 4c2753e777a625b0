package vip

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
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
	}
	return nil
}

// normal returns the address the way observation describes it, so that the two compare.
func (a Address) normal() Address {
	if a.Prefix.Addr().Is6() || a.Label == a.Interface {
		a.Label = ""
	}
	return a
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
