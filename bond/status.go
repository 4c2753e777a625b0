package bond

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Status is how a bond, a team device or a plain interface is doing. It holds
// what was read at one moment and nothing derived from earlier ones.
type Status struct {
	Name   string `json:"name"`
	Exists bool   `json:"exists"`
	Kind   string `json:"kind,omitempty"` // bond, team, other kinds of links; empty for hardware
	Ours   bool   `json:"ours,omitempty"` // a bond that this package made
	// Lower is the link that a VLAN, macvlan or the like sits on in the end; empty for all others.
	Lower string `json:"lower,omitempty"`
	Up    bool   `json:"up"` // administratively
	// Carrier is the kernel's own verdict whether frames can pass.
	Carrier bool   `json:"carrier"`
	MAC     string `json:"mac,omitempty"`
	MTU     int    `json:"mtu,omitempty"`
	// Mode, Monitor and what follows are for bonds only. Monitor is miimon,
	// arp_interval or none; Interval its milliseconds.
	Mode       string         `json:"mode,omitempty"`
	Monitor    string         `json:"monitor,omitempty"`
	Interval   int            `json:"interval_ms,omitempty"`
	ARPTargets string         `json:"arp_ip_targets,omitempty"`
	MinLinks   int            `json:"min_links,omitempty"`
	Active     string         `json:"active_member,omitempty"`
	Primary    string         `json:"primary,omitempty"`
	LACP       *LACPBond      `json:"lacp,omitempty"`
	Members    []MemberStatus `json:"members,omitempty"`
}

// LACPBond is what 802.3ad negotiated for the bond (IEEE 802.1AX).
type LACPBond struct {
	Aggregator int    `json:"aggregator"` // the active one
	Ports      int    `json:"ports"`      // in it
	ActorKey   int    `json:"actor_key"`
	PartnerKey int    `json:"partner_key"`
	PartnerMAC string `json:"partner_mac"` // zeros: nobody answers
}

// MemberStatus is one member of a bond or port of a team.
type MemberStatus struct {
	Name    string `json:"name"`
	Up      bool   `json:"up"`
	Carrier bool   `json:"carrier"`
	// Link is the monitor's verdict: up, fail (down_delay runs), down, or back
	// (up_delay runs). Without a monitor it stays up. Empty for team ports.
	Link     string      `json:"link,omitempty"`
	Active   bool        `json:"active"`   // carries traffic, as far as the mode says so
	Failures int         `json:"failures"` // times the link was lost, since it joined
	PermMAC  string      `json:"perm_mac,omitempty"`
	Speed    int         `json:"speed_mbit,omitempty"` // 0: unknown
	Duplex   string      `json:"duplex,omitempty"`     // full or half
	LACP     *LACPMember `json:"lacp,omitempty"`
}

// LACPMember is what 802.3ad negotiated for one member.
type LACPMember struct {
	Aggregator   int       `json:"aggregator"`
	Actor        PortState `json:"actor_state"`
	Partner      PortState `json:"partner_state"`
	PartnerMAC   string    `json:"partner_mac,omitempty"`
	ActorChurn   string    `json:"actor_churn,omitempty"` // none, monitoring, churned
	PartnerChurn string    `json:"partner_churn,omitempty"`
}

// PortState is the state octet of LACP (IEEE 802.1AX, 6.4.2.3).
type PortState uint8

var portStateNames = []string{
	"active", "short timeout", "aggregating", "in sync", "collecting", "distributing", "defaulted", "expired",
}

// MarshalText writes the names of the bits that are set, joined by commas.
func (p PortState) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *PortState) UnmarshalText(text []byte) error {
	*p = 0
	if len(text) == 0 {
		return nil
	}
	for name := range strings.SplitSeq(string(text), ", ") {
		bit := slices.Index(portStateNames, name)
		if bit < 0 {
			return fmt.Errorf("%q is no state of an LACP port", name)
		}
		*p |= 1 << bit
	}
	return nil
}

// String lists the bits that are set.
func (p PortState) String() string {
	var set []string
	for bit, name := range portStateNames {
		if p&(1<<bit) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, ", ")
}

const noMAC = "00:00:00:00:00:00"

var linkVerdicts = []string{"up", "fail", "down", "back"} // BOND_LINK_*, linux/if_bonding.h

// ReadStatus reads the state of a bond, a team or any other link. A link that
// does not exist is no error.
func ReadStatus(name string) (Status, error) {
	all, err := links()
	if err != nil {
		return Status{}, fmt.Errorf("read status of %s: %w", name, err)
	}
	return statusOf(name, all)
}

// ReadAll reads the state of links, of what they sit on, and of every bond and
// team of the host, by name.
func ReadAll(names ...string) (map[string]Status, error) {
	all, err := links()
	if err != nil {
		return nil, fmt.Errorf("read status of links: %w", err)
	}
	for _, l := range all {
		if l.kind == "bond" || l.kind == "team" {
			names = append(names, l.name)
		}
	}
	found := make(map[string]Status, len(names))
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if _, read := found[name]; read {
			continue
		}
		if found[name], err = statusOf(name, all); err != nil {
			return nil, err
		}
		if lower := found[name].Lower; lower != "" {
			names = append(names, lower)
		}
	}
	return found, nil
}

// statusOf adds to what netlink says of all links what is found elsewhere.
func statusOf(name string, all map[int]rawLink) (Status, error) {
	s := statusFrom(name, all)
	switch s.Kind {
	case "bond":
		text, err := readProc(name)
		if err != nil {
			return Status{}, fmt.Errorf("read status of %s: %w", name, err)
		}
		addProc(&s, text)
	case "team":
		if err := addTeam(&s, all); err != nil {
			return Status{}, fmt.Errorf("read status of %s: %w", name, err)
		}
	}
	return s, nil
}

// statusFrom picks out what netlink says about one link and its members.
func statusFrom(name string, all map[int]rawLink) Status {
	s := Status{Name: name}
	var self rawLink
	for _, l := range all {
		if l.name == name {
			self = l
		}
	}
	if self.index == 0 {
		return s
	}
	s.Exists, s.Kind, s.Carrier, s.MAC, s.MTU = true, self.kind, self.carrier, self.mac.String(), self.mtu
	s.Up = self.flags&unix.IFF_UP != 0
	s.Lower = lowest(self, all)
	if s.Kind == "bond" {
		s.Ours = self.alias == mark
		s.addBond(self, all)
	}
	if s.Kind != "bond" && s.Kind != "team" {
		return s
	}
	for _, l := range all {
		if l.master == self.index {
			s.Members = append(s.Members, s.member(l))
		}
	}
	slices.SortFunc(s.Members, func(a, b MemberStatus) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// lowest returns the name of the link below a stack of VLANs and the like.
func lowest(l rawLink, all map[int]rawLink) string {
	name := ""
	for range all { // a stack that is deeper than there are links would be a loop
		lower, ok := all[l.lower]
		if !ok || !slices.Contains(stacked, l.kind) {
			break
		}
		l, name = lower, lower.name
	}
	return name
}

func (s *Status) addBond(self rawLink, all map[int]rawLink) {
	get := func(key string) int { return number(self.data[findOption(key).attr]) }
	s.Mode = Mode(get("mode")).String()
	s.Active = all[number(self.data[bondActiveMember])].name
	s.Primary = all[get("primary")].name
	s.MinLinks = get("min_links")
	s.Monitor = "none"
	if n := get("miimon"); n > 0 {
		s.Monitor, s.Interval = "miimon", n
	}
	if n := get("arp_interval"); n > 0 {
		s.Monitor, s.Interval = "arp_interval", n
		s.ARPTargets = decodeTargets(self.data[findOption("arp_ip_targets").attr])
	}
	info, err := parseAttributes(self.data[bondADInfo])
	if s.Mode == LACP.String() && err == nil && len(info) > 0 {
		s.LACP = &LACPBond{
			Aggregator: number(info[1]), Ports: number(info[2]),
			ActorKey: number(info[3]), PartnerKey: number(info[4]), PartnerMAC: netHardwareAddr(info[5]),
		}
	}
}

func (s *Status) member(l rawLink) MemberStatus {
	m := MemberStatus{Name: l.name, Up: l.flags&unix.IFF_UP != 0, Carrier: l.carrier, PermMAC: l.permMAC.String()}
	if l.memberData == nil {
		return m
	}
	m.Active = number(l.memberData[memberState]) == 0
	m.Failures = number(l.memberData[memberFailures])
	m.PermMAC = netHardwareAddr(l.memberData[memberPermMAC])
	if verdict := number(l.memberData[memberMII]); verdict < len(linkVerdicts) {
		m.Link = linkVerdicts[verdict]
	}
	if s.Mode == LACP.String() {
		m.LACP = &LACPMember{
			Aggregator: number(l.memberData[memberAggregate]),
			Actor:      PortState(number(l.memberData[memberActor])),
			Partner:    PortState(number(l.memberData[memberPartner])),
		}
	}
	return m
}
