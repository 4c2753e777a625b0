package spec

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vipd/cluster/conf"
	"vipd/cluster/state"
)

// vrrpSection is the YAML form of a group's vrrp.
type vrrpSection struct {
	RouterID     int            `yaml:"virtual_router_id"`
	Version      *int           `yaml:"version,omitempty"`
	AdvertInt    *conf.Duration `yaml:"advert_int,omitempty"`
	AuthPass     string         `yaml:"auth_pass,omitempty"`
	Priority     *int           `yaml:"priority,omitempty"`
	UnicastPeers []ip           `yaml:"unicast_peers,omitempty"`
	Excluded     []ip           `yaml:"excluded,omitempty"`
	ChecksumAsV2 bool           `yaml:"v3_checksum_as_v2,omitempty"`
	VirtualMAC   bool           `yaml:"virtual_mac,omitempty"`
}

// ip is an address without a prefix length.
type ip struct{ netip.Addr }

func (a ip) MarshalYAML() (any, error) { return a.String(), nil }

func (a *ip) ParseScalar(text string) error {
	parsed, err := netip.ParseAddr(text)
	switch {
	case err != nil && strings.Contains(text, "/"):
		return conf.Problem{Text: fmt.Sprintf("%s is not an address", quoted(text)), Remedy: "write it without a prefix length"}
	case err != nil:
		return conf.Problem{Text: fmt.Sprintf("%s is not an address", quoted(text)), Remedy: "write it as 192.168.1.2 or fe80::2"}
	case parsed.Zone() != "":
		return conf.Problem{Text: fmt.Sprintf("%s has a zone", text), Remedy: "remove it; the group's interface counts"}
	}
	a.Addr = parsed
	return nil
}

// defaultAdvertInt is keepalived's, and the RFCs'.
const defaultAdvertInt = time.Second

// outOfRange stands for a number that does not fit its type, which the checks then refuse.
const outOfRange = 0

// defaultVersion is keepalived's: 3 is all that IPv6 has, and IPv4's peers mostly speak 2.
func defaultVersion(g state.Group) uint8 {
	if list := g.Advertised(); len(list) > 0 && list[0].Is6() {
		return 3
	}
	return 2
}

// state fills in the defaults; g has the section's group, but for the section.
func (v vrrpSection) state(g state.Group) *state.VRRP {
	s := &state.VRRP{
		RouterID: small(v.RouterID), AdvertInt: defaultAdvertInt, AuthPass: v.AuthPass,
		UnicastPeers: addrs(v.UnicastPeers), Excluded: addrs(v.Excluded),
		ChecksumAsV2: v.ChecksumAsV2, VirtualMAC: v.VirtualMAC,
	}
	g.VRRP = s
	s.Version = defaultVersion(g)
	if v.AdvertInt != nil {
		s.AdvertInt = time.Duration(*v.AdvertInt)
	}
	if v.Version != nil {
		s.Version = small(*v.Version)
	}
	if v.Priority != nil {
		s.Priority = cmp.Or(*v.Priority, -1) // a zero that was written is refused
	}
	return s
}

func small(n int) uint8 {
	if n < 0 || n > 255 {
		return outOfRange
	}
	return uint8(n)
}

func addrs(list []ip) []netip.Addr {
	var out []netip.Addr
	for _, a := range list {
		out = append(out, a.Addr)
	}
	return out
}

// sectionOf leaves out what is a default.
func sectionOf(g state.Group) *vrrpSection {
	s := g.VRRP
	v := &vrrpSection{RouterID: int(s.RouterID), AuthPass: s.AuthPass, ChecksumAsV2: s.ChecksumAsV2, VirtualMAC: s.VirtualMAC}
	if s.Version != defaultVersion(g) {
		version := int(s.Version)
		v.Version = &version
	}
	if s.AdvertInt != defaultAdvertInt {
		interval := conf.Duration(s.AdvertInt)
		v.AdvertInt = &interval
	}
	if s.Priority != 0 {
		v.Priority = &s.Priority
	}
	for _, a := range s.UnicastPeers {
		v.UnicastPeers = append(v.UnicastPeers, ip{a})
	}
	for _, a := range s.Excluded {
		v.Excluded = append(v.Excluded, ip{a})
	}
	return v
}

// vrrpChanges compares two versions of a section. The password does not appear.
func vrrpChanges(old, new *state.VRRP) []string {
	switch {
	case old == nil && new == nil:
		return nil
	case old == nil:
		return []string{fmt.Sprintf("+ vrrp (virtual_router_id %d)", new.RouterID)}
	case new == nil:
		return []string{fmt.Sprintf("- vrrp (virtual_router_id %d)", old.RouterID)}
	}
	var changes []string
	field := func(name string, before, after any) {
		if a, b := fmt.Sprint(before), fmt.Sprint(after); a != b {
			changes = append(changes, fmt.Sprintf("%s %s → %s", name, a, b))
		}
	}
	field("virtual_router_id", old.RouterID, new.RouterID)
	field("version", old.Version, new.Version)
	field("advert_int", conf.Duration(old.AdvertInt), conf.Duration(new.AdvertInt))
	field("vrrp priority", unsetZero(old.Priority), unsetZero(new.Priority))
	field("unicast_peers", old.UnicastPeers, new.UnicastPeers)
	field("excluded", old.Excluded, new.Excluded)
	field("v3_checksum_as_v2", old.ChecksumAsV2, new.ChecksumAsV2)
	field("virtual_mac", old.VirtualMAC, new.VirtualMAC)
	if old.AuthPass != new.AuthPass {
		changes = append(changes, "another auth_pass")
	}
	return slices.Clip(changes)
}

func unsetZero(n int) string {
	if n == 0 {
		return "unset"
	}
	return fmt.Sprint(n)
}
