package bond

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The team driver's generic netlink family (linux/if_team.h).
const (
	teamFamily     = "team"
	teamVersion    = 1
	teamOptionsGet = 2

	teamIndex      = 1 // TEAM_ATTR_TEAM_IFINDEX
	teamOptionList = 2 // TEAM_ATTR_LIST_OPTION

	teamOptionName = 1
	teamOptionData = 4
	teamOptionPort = 6
)

// addTeam reads what the team driver says of itself: its mode, and the active
// port in the modes that have one. Nothing is ever set: that is teamd's business.
func addTeam(s *Status, all map[int]rawLink) error {
	index := 0
	for _, l := range all {
		if l.name == s.Name {
			index = l.index
		}
	}
	options, err := teamOptions(index)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return nil // it went away meanwhile, or the driver tells administrators only
	}
	if err != nil {
		return fmt.Errorf("read the options of the team: %w", err)
	}
	for _, o := range options {
		switch text(o[teamOptionName]) {
		case "mode":
			s.Mode = text(o[teamOptionData])
		case "activeport":
			s.Active = all[number(o[teamOptionData])].name
		case "enabled":
			if m := s.find(all[number(o[teamOptionPort])].name); m != nil {
				_, m.Active = o[teamOptionData] // a flag: it is there or not
			}
		}
	}
	if s.Active != "" {
		for i := range s.Members {
			s.Members[i].Active = s.Members[i].Name == s.Active
		}
	}
	return nil
}

// teamOptions returns the attributes of each option of a team.
func teamOptions(index int) ([]attributes, error) {
	family, err := netlink.GenlFamilyGet(teamFamily)
	if err != nil {
		return nil, err
	}
	req := nl.NewNetlinkRequest(int(family.ID), 0)
	req.AddData(&nl.Genlmsg{Command: teamOptionsGet, Version: teamVersion})
	req.AddData(nl.NewRtAttr(teamIndex, nl.Uint32Attr(uint32(index))))
	msgs, err := req.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return nil, err
	}
	var options []attributes
	for _, msg := range msgs {
		if len(msg) < nl.SizeofGenlmsg {
			continue
		}
		top, err := parseAttributes(msg[nl.SizeofGenlmsg:])
		if err != nil {
			return nil, err
		}
		list := top[teamOptionList]
		for len(list) >= unix.SizeofRtAttr {
			item, rest, err := nextAttribute(list)
			if err != nil {
				return nil, err
			}
			o, err := parseAttributes(item)
			if err != nil {
				return nil, err
			}
			options, list = append(options, o), rest
		}
	}
	return options, nil
}
