package bond

import "math"

// option is one setting of the bonding driver. Values are handled as text in
// the form the node file has: a number, one of the names, addresses joined by
// commas, or the name of a link.
type option struct {
	key     string // in the node file
	attr    uint16 // IFLA_BOND_*, linux/if_link.h
	kind    kind
	min     int
	max     int
	names   []string // of values 0, 1, 2 ...
	unset   string   // the kernel's default, wanted where the file says nothing
	modes   modeSet  // where the option means something
	monitor monitor  // which monitor it belongs to
	when    when     // what the driver asks for before it changes the option
}

// kind is how a value is carried in the netlink attribute.
type kind int

const (
	u8 kind = iota
	u16
	u32
	addressList
	linkIndex
)

// monitor is a way of finding out whether a member works.
type monitor int

const (
	noMonitor monitor = iota
	miiMonitor
	arpMonitor
)

// when is the state in which an option can be changed.
type when int

const (
	always when = iota
	bondDown
	noMembers // and down
)

const maxARPTargets = 16 // BOND_MAX_ARP_TARGETS, net/bonding.h

var offOn = []string{"off", "on"}

// options are in the order in which they are set. The order matters: the mode
// resets others, each monitor switches the other one off, and delays are kept
// as multiples of miimon.
var options = []option{
	{key: "mode", attr: 1, kind: u8, names: modeNames, modes: anyMode, when: noMembers},
	{key: "fail_over_mac", attr: 13, kind: u8, names: []string{"none", "active", "follow"}, unset: "none", modes: 1 << ActiveBackup, when: noMembers},
	{key: "arp_validate", attr: 9, kind: u32, unset: "none", modes: withARP, monitor: arpMonitor,
		names: []string{"none", "active", "backup", "all", "filter", "filter_active", "filter_backup"}},
	{key: "arp_all_targets", attr: 10, kind: u32, names: []string{"any", "all"}, unset: "any", modes: 1 << ActiveBackup, monitor: arpMonitor},
	{key: "arp_ip_targets", attr: 8, kind: addressList, modes: withARP, monitor: arpMonitor},
	{key: "arp_interval", attr: 7, kind: u32, max: math.MaxInt32, unset: "0", modes: withARP, monitor: arpMonitor},
	{key: "arp_missed_max", attr: 30, kind: u8, min: 1, max: 255, unset: "2", modes: withARP, monitor: arpMonitor},
	{key: "miimon", attr: 3, kind: u32, max: math.MaxInt32, unset: "0", modes: anyMode, monitor: miiMonitor},
	{key: "up_delay", attr: 4, kind: u32, max: math.MaxInt32, unset: "0", modes: anyMode, monitor: miiMonitor},
	{key: "down_delay", attr: 5, kind: u32, max: math.MaxInt32, unset: "0", modes: anyMode, monitor: miiMonitor},
	{key: "peer_notif_delay", attr: 28, kind: u32, max: 300000, unset: "0", modes: withIdle, monitor: miiMonitor},
	{key: "use_carrier", attr: 6, kind: u8, names: offOn, unset: "on", modes: anyMode, monitor: miiMonitor},
	{key: "primary_reselect", attr: 12, kind: u8, names: []string{"always", "better", "failure"}, unset: "always", modes: withActive},
	{key: "xmit_hash_policy", attr: 14, kind: u8, unset: "layer2", modes: withHash,
		names: []string{"layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"}},
	{key: "lacp_rate", attr: 21, kind: u8, names: []string{"slow", "fast"}, unset: "slow", modes: 1 << LACP, when: bondDown},
	{key: "lacp_active", attr: 29, kind: u8, names: offOn, unset: "on", modes: 1 << LACP, when: bondDown},
	{key: "ad_select", attr: 22, kind: u8, names: []string{"stable", "bandwidth", "count"}, unset: "stable", modes: 1 << LACP, when: bondDown},
	{key: "ad_actor_sys_prio", attr: 24, kind: u16, min: 1, max: 65535, unset: "65535", modes: 1 << LACP, when: bondDown},
	{key: "ad_user_port_key", attr: 25, kind: u16, max: 1023, unset: "0", modes: 1 << LACP, when: bondDown},
	{key: "min_links", attr: 18, kind: u32, max: math.MaxInt32, unset: "0", modes: anyMode},
	{key: "num_grat_arp", attr: 16, kind: u8, max: 255, unset: "1", modes: withIdle},
	{key: "all_slaves_active", attr: 17, kind: u8, names: offOn, unset: "off", modes: withIdle},
	{key: "packets_per_slave", attr: 20, kind: u32, max: 65535, unset: "1", modes: 1 << BalanceRR},
	{key: "resend_igmp", attr: 15, kind: u32, max: 255, unset: "1", modes: withActive | 1<<BalanceRR},
	{key: "tlb_dynamic_lb", attr: 27, kind: u8, names: offOn, unset: "on", modes: 1<<BalanceTLB | 1<<BalanceALB, when: bondDown},
	{key: "lp_interval", attr: 19, kind: u32, min: 1, max: math.MaxInt32, unset: "1", modes: 1<<BalanceTLB | 1<<BalanceALB},
	{key: "primary", attr: 11, kind: linkIndex, modes: withActive},
}

// findOption returns the option with a key; the key must exist.
func findOption(key string) option {
	for _, o := range options {
		if o.key == key {
			return o
		}
	}
	panic("bond: no option " + key)
}
