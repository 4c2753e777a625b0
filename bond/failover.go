package bond

import (
	"fmt"
	"slices"

	"github.com/vishvananda/netlink/nl"
)

// Failover makes a working member the active one. Where the bond has a primary
// that works, the kernel may go back to it at the next change of any link, as
// primary_reselect says.
func Failover(bond, member string) error {
	s, err := ReadStatus(bond)
	if err != nil {
		return err
	}
	if err := canFailover(s, member); err != nil {
		return fmt.Errorf("make %s the active member of %s: %w", member, bond, err)
	}
	index, err := indexOf(bond)
	if err != nil {
		return err
	}
	to, err := indexOf(member)
	if err != nil {
		return err
	}
	err = setLinkInfo(index, nl.IFLA_INFO_KIND, nl.IFLA_INFO_DATA, nl.NewRtAttr(bondActiveMember, nl.Uint32Attr(uint32(to))))
	if err == nil {
		s, err = ReadStatus(bond)
	}
	if err == nil && s.Active != member {
		err = fmt.Errorf("the kernel keeps %s", orNone(s.Active))
	}
	if err != nil {
		return fmt.Errorf("make %s the active member of %s: %w", member, bond, err)
	}
	return nil
}

// canFailover says why a member cannot become the active one, if so.
func canFailover(s Status, member string) error {
	if !s.Exists || s.Kind != "bond" {
		return fmt.Errorf("there is no bond %s", s.Name)
	}
	if mode, _ := ParseMode(s.Mode); !mode.hasActiveMember() {
		return fmt.Errorf("mode %s has no active member", s.Mode)
	}
	i := slices.IndexFunc(s.Members, func(m MemberStatus) bool { return m.Name == member })
	if i < 0 {
		return fmt.Errorf("%s is not a member", member)
	}
	if !s.usable(s.Members[i]) {
		return fmt.Errorf("its link is %s", orNone(s.Members[i].Link))
	}
	return nil
}
