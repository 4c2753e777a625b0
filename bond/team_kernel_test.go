package bond

import (
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Types of the team driver's options are those of netlink's attributes (net/netlink.h).
const (
	typeU32    = 3
	typeString = 5
)

// setTeam sets an option of team0 as teamd does.
func setTeam(name string, kind uint8, data []byte) error {
	family, err := netlink.GenlFamilyGet(teamFamily)
	if err != nil {
		return err
	}
	index, err := indexOf("team0")
	if err != nil {
		return err
	}
	req := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_ACK)
	req.AddData(&nl.Genlmsg{Command: 1, Version: teamVersion})
	req.AddData(nl.NewRtAttr(teamIndex, nl.Uint32Attr(uint32(index))))
	list := nl.NewRtAttr(teamOptionList|unix.NLA_F_NESTED, nil)
	option := list.AddRtAttr(1|unix.NLA_F_NESTED, nil)
	option.AddRtAttr(teamOptionName, nl.ZeroTerminated(name))
	option.AddRtAttr(3, nl.Uint8Attr(kind))
	option.AddRtAttr(teamOptionData, data)
	req.AddData(list)
	_, err = req.Execute(unix.NETLINK_GENERIC, 0)
	return ignore(unix.ESRCH, err) // set, and nobody listens to the driver's events
}

// Team devices are read, never touched.
func TestKernelTeam(t *testing.T) {
	h, peer := newHost(t, "host"), newHost(t, "switch")
	h.cable("eth0", peer, "p0")
	h.cable("eth1", peer, "p1")
	peer.up("p0", "p1")
	h.must("team", func() error {
		if err := netlink.LinkAdd(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: "team0"}, LinkType: "team"}); err != nil {
			return err
		}
		return setTeam("mode", typeString, nl.ZeroTerminated("activebackup"))
	})
	for _, port := range []string{"eth0", "eth1"} {
		h.must("port", enslave{"team0", port}.apply)
	}
	h.up("team0", "eth0", "eth1")
	activate := func(port string) {
		h.must("make "+port+" active", func() error {
			index, err := indexOf(port)
			if err != nil {
				return err
			}
			return setTeam("activeport", typeU32, nl.Uint32Attr(uint32(index)))
		})
	}
	activate("eth0")
	s := h.becomes("team0", "two usable ports", func(s Status) bool { return s.Usable() == 2 && s.Active == "eth0" })
	if s.Kind != "team" || s.Mode != "activebackup" || len(s.Members) != 2 || !s.Members[0].Active || s.Members[1].Active {
		t.Errorf("status %+v", s)
	}
	activate("eth1")
	h.becomes("team0", "another active port", func(s Status) bool { return s.Active == "eth1" && s.Members[1].Active })
	peer.down("p1")
	s = h.becomes("team0", "one usable port", func(s Status) bool { return s.Usable() == 1 })
	if eligible, adjust, reason := Health(s, Weights{PerMissingLink: 10}); !eligible || adjust != -10 || reason != "team0 has 1 of 2 links usable" {
		t.Errorf("health %v, %d, %q", eligible, adjust, reason)
	}
	peer.down("p0")
	h.becomes("team0", "no port", Status.Dead)
	_, _, err := h.apply(parse(t, "{name: team0, members: [eth0], manage: true}"))
	if err == nil || !strings.Contains(err.Error(), "team0 exists and is no bond (team)") {
		t.Errorf("error %v", err)
	}
}
