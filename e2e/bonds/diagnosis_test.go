package bonds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"vipd/cluster/api"
	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// wired is a host with three bonds besides its own interface: one by LACP, one that asks by ARP, and one that others
// built.
func wired(h *lab.Host) (string, error) {
	for i := range 6 {
		if _, err := h.AddPort(fmt.Sprintf("eth%d", i+1)); err != nil {
			return "", err
		}
	}
	// Not what vipd would have chosen.
	err := ips(h.Namespace, "link add old0 type bond mode active-backup miimon 70 num_grat_arp 2",
		"link set eth5 master old0", "link set eth6 master old0", "link set old0 up", "address add 10.7.0.1/24 dev old0")
	return `
bonds:
- name: lag0
  mode: 802.3ad
  members: [eth1, eth2]
  miimon: 20ms
  lacp_rate: fast
- name: arp0
  members: [eth3, eth4]
  primary: eth3
  arp_interval: 200ms
  arp_ip_targets: [10.8.0.100]
  arp_validate: all
  addresses: [10.8.0.1/24]
- name: old0
  members: [eth5, eth6]
  miimon: 100ms
`, err
}

// What is wrong with a bond is said in words, and counts.
func TestHostsDiagnoses(t *testing.T) {
	s := form(t, harness.Options{Nodes: 1, Prepare: wired})
	s.must(ips(s.Lab.Client.Namespace, "address add 10.8.0.100/24 dev eth0"))
	s.must(ips(s.Lab.Switch, "link add lag type bond mode 802.3ad miimon 20 lacp_rate fast",
		"link set node1-eth1 down", "link set node1-eth1 master lag", "link set node1-eth2 down", "link set node1-eth2 master lag", "link set lag up"))
	n := s.Nodes[0]
	s.Run("adopted", func(t *testing.T) { (&scene{t, s.Cluster}).adopts(n) })
	s.Run("LACP", func(t *testing.T) { (&scene{t, s.Cluster}).losesLACP(n) })
	s.Run("upstream", func(t *testing.T) { (&scene{t, s.Cluster}).losesUpstream(n) })
	s.Run("failover", func(t *testing.T) { (&scene{t, s.Cluster}).failsOver(n) })
}

// A bond that others made is watched and otherwise left as it is, until the file says manage.
func (s *scene) adopts(n *harness.Node) {
	b := s.becomes(n, "old0", "two usable links", usable(2))
	if b.Ours || b.Interval != 70 {
		s.Errorf("the bond of others: %+v", b)
	}
	s.says(s.ip(n.Host.Namespace, "-d link show old0"), "miimon 70", "num_grat_arp 2")
	s.says(s.vipctl(n, "bond", "plan"), "old0 was made by others: manage: true takes it over", "lag0 is as the node file says")
	s.rewrite(n, "- name: old0", "- name: old0\n  manage: true")
	s.says(s.vipctl(n, "bond", "plan"), "set miimon of old0 from 70 to 100")
	s.says(s.vipctl(n, "bond", "apply"), "old0 changed:", "set miimon of old0 from 70 to 100")
	s.says(s.ip(n.Host.Namespace, "-d link show old0"), "miimon 100")
	s.says(s.ip(n.Host.Namespace, "address show dev old0"), "10.7.0.1/24")
}

// The switch forgets one port's LACP.
func (s *scene) losesLACP(n *harness.Node) {
	s.becomes(n, "lag0", "both links in one aggregator", func(b api.BondStatus) bool { return b.LACP != nil && b.LACP.Ports == 2 && len(b.Findings) == 0 })
	s.must(ips(s.Lab.Switch, "link set node1-eth2 nomaster", "link set node1-eth2 master br0", "link set node1-eth2 up"))
	s.becomes(n, "lag0", "a diagnosis", func(b api.BondStatus) bool {
		return b.Usable == 1 && len(b.Findings) > 0 && strings.Contains(fmt.Sprint(b.Findings), "nobody answers LACP")
	})
	text := s.vipctl(n, "bond", "show", "lag0")
	s.says(text, "eth2: nobody answers LACP on it: it is not used; configure its switch port for LACP like the others", "lacp: aggregator 2, partner 00:00:00:00:00:00", "1 of 2")
	s.Logf("vipctl bond show lag0:\n%s", text)
}

// Behind links with a carrier the network is dead: first behind one, then behind both, and the group cannot stay.
func (s *scene) losesUpstream(n *harness.Node) {
	s.becomes(n, "arp0", "both links answered", func(b api.BondStatus) bool { return b.Usable == 2 && b.Active == "eth3" })
	group := harness.Group("far", "10.8.0.50")
	group.Interface, group.Addresses[0].Interface = "arp0", "arp0"
	_, err := s.Apply(s.wait(), group)
	s.must(err)
	s.must(s.AwaitHolder(s.wait(), "far", n))
	s.must(n.Host.More[2].Cut())
	b := s.becomes(n, "arp0", "eth3 silent", func(b api.BondStatus) bool { return b.Usable == 1 && b.Active == "eth4" })
	if !b.Members[0].Carrier {
		s.Error("eth3 lost its carrier")
	}
	s.says(s.vipctl(n, "bond", "show", "arp0"), "eth3: it has a carrier, but none of 10.8.0.100 answers: the network behind it is dead")
	s.must(s.AwaitHolder(s.wait(), "far", n))
	s.must(n.Host.More[3].Cut())
	s.must(s.AwaitGroup(s.wait(), "far", "is held by nobody", func(g api.GroupStatus) bool {
		return g.Holder == "" && strings.Contains(g.Nodes[0].Why, "arp0 has no")
	}))
	s.await("the address is gone", func(context.Context) error {
		out, err := ip(n.Host.Namespace, "address show dev arp0")
		if err == nil && strings.Contains(out, "10.8.0.50") {
			err = errors.New(out)
		}
		return err
	})
	s.must(errors.Join(n.Host.More[2].Mend(), n.Host.More[3].Mend()))
	s.must(s.AwaitHolder(s.wait(), "far", n))
}

// An operator chooses the active member.
func (s *scene) failsOver(n *harness.Node) {
	b := s.becomes(n, "old0", "two usable links", usable(2))
	other := map[string]string{"eth5": "eth6", "eth6": "eth5"}[b.Active]
	s.says(s.vipctl(n, "bond", "failover", "old0", other), other+" is the active member of old0")
	b = s.bond(n, "old0")
	if b.Active != other || !strings.Contains(fmt.Sprint(b.Events), "an operator made "+other+" the active member") {
		s.Errorf("after the failover: %+v", b)
	}
}
