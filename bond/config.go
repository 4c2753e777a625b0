package bond

import (
	"net/netip"
	"strconv"
	"strings"
)

// Config is one bond as the node file describes it. A pointer that is nil, an
// empty text or list means "not stated": the kernel's default then, except that
// link monitoring is never off (miimon 100 where no monitor is stated). All
// times are milliseconds unless stated otherwise. Validate before use.
type Config struct {
	Name    string   `yaml:"name"`
	Mode    string   `yaml:"mode"` // active-backup if not stated, which needs nothing from the switch
	Members []Member `yaml:"members"`

	Primary         string `yaml:"primary"`          // a member
	PrimaryReselect string `yaml:"primary_reselect"` // always, better, failure

	MIIMon     *int  `yaml:"miimon"`
	UseCarrier *bool `yaml:"use_carrier"`
	UpDelay    *int  `yaml:"up_delay"`   // the kernel's updelay
	DownDelay  *int  `yaml:"down_delay"` // the kernel's downdelay

	ARPInterval   *int         `yaml:"arp_interval"`
	ARPTargets    []netip.Addr `yaml:"arp_ip_targets"`
	ARPValidate   string       `yaml:"arp_validate"`    // none, active, backup, all, filter, filter_active, filter_backup
	ARPAllTargets string       `yaml:"arp_all_targets"` // any, all
	ARPMissedMax  *int         `yaml:"arp_missed_max"`  // intervals

	LACPRate    string `yaml:"lacp_rate"` // slow (30 s), fast (1 s)
	LACPActive  *bool  `yaml:"lacp_active"`
	ADSelect    string `yaml:"ad_select"` // stable, bandwidth, count
	ADSysPrio   *int   `yaml:"ad_actor_sys_prio"`
	ADPortKey   *int   `yaml:"ad_user_port_key"`
	HashPolicy  string `yaml:"xmit_hash_policy"` // layer2, layer2+3, layer3+4, encap2+3, encap3+4, vlan+srcmac
	MinLinks    *int   `yaml:"min_links"`        // fewer usable links make the node ineligible; the kernel heeds it in 802.3ad only
	FailOverMAC string `yaml:"fail_over_mac"`    // none, active, follow

	NumGratARP     *int `yaml:"num_grat_arp"` // also known as num_peer_notif and num_unsol_na
	PeerNotifDelay *int `yaml:"peer_notif_delay"`

	AllSlavesActive *bool `yaml:"all_slaves_active"`
	PacketsPerSlave *int  `yaml:"packets_per_slave"`
	ResendIGMP      *int  `yaml:"resend_igmp"`
	TLBDynamicLB    *bool `yaml:"tlb_dynamic_lb"`
	LPInterval      *int  `yaml:"lp_interval"` // seconds

	MTU       *int           `yaml:"mtu"`       // bytes; not stated: as it is
	Addresses []netip.Prefix `yaml:"addresses"` // kept on the bond, next to those that are there
	Gateway   netip.Addr     `yaml:"gateway"`   // of the IPv4 default route
	Gateway6  netip.Addr     `yaml:"gateway6"`  // of the IPv6 default route

	// Manage takes over a bond that others made (NetworkManager, ifupdown, ip).
	// Without it such a bond is only watched.
	Manage bool `yaml:"manage"`
}

// Member is one interface of a bond. In the node file it is either a name or a
// mapping with name and prio.
type Member struct {
	Name string `yaml:"name"`
	// Prio is the kernel's per-port priority: among working members the one with
	// the highest becomes the active one. Nil means 0.
	Prio *int `yaml:"prio"`
}

const (
	defaultMode   = ActiveBackup
	defaultMIIMon = 100
)

// MemberNames returns the names of the members in the order of the file.
func (c Config) MemberNames() []string {
	names := make([]string, len(c.Members))
	for i, m := range c.Members {
		names[i] = m.Name
	}
	return names
}

// mode returns the configured mode, which must be a valid one.
func (c Config) mode() Mode {
	if c.Mode == "" {
		return defaultMode
	}
	m, _ := ParseMode(c.Mode)
	return m
}

// monitor returns how the members are monitored.
func (c Config) monitor() monitor {
	if c.ARPInterval != nil && *c.ARPInterval > 0 {
		return arpMonitor
	}
	return miiMonitor
}

// stated returns the options that the file states, by key, as text.
func (c Config) stated() map[string]string {
	s := make(map[string]string)
	for key, text := range map[string]string{
		"mode": c.Mode, "primary": c.Primary, "primary_reselect": c.PrimaryReselect,
		"arp_validate": c.ARPValidate, "arp_all_targets": c.ARPAllTargets, "arp_ip_targets": joinAddrs(c.ARPTargets),
		"lacp_rate": c.LACPRate, "ad_select": c.ADSelect, "xmit_hash_policy": c.HashPolicy, "fail_over_mac": c.FailOverMAC,
	} {
		if text != "" {
			s[key] = text
		}
	}
	for key, number := range map[string]*int{
		"miimon": c.MIIMon, "up_delay": c.UpDelay, "down_delay": c.DownDelay,
		"arp_interval": c.ARPInterval, "arp_missed_max": c.ARPMissedMax,
		"ad_actor_sys_prio": c.ADSysPrio, "ad_user_port_key": c.ADPortKey, "min_links": c.MinLinks,
		"num_grat_arp": c.NumGratARP, "peer_notif_delay": c.PeerNotifDelay,
		"packets_per_slave": c.PacketsPerSlave, "resend_igmp": c.ResendIGMP, "lp_interval": c.LPInterval,
	} {
		if number != nil {
			s[key] = strconv.Itoa(*number)
		}
	}
	for key, yes := range map[string]*bool{
		"use_carrier": c.UseCarrier, "lacp_active": c.LACPActive,
		"all_slaves_active": c.AllSlavesActive, "tlb_dynamic_lb": c.TLBDynamicLB,
	} {
		if yes != nil {
			s[key] = offOn[0]
			if *yes {
				s[key] = offOn[1]
			}
		}
	}
	return s
}

// wanted returns the value that each option shall have, by key. Options that
// the mode or the monitor does not use are left out: their value does not matter.
func (c Config) wanted() map[string]string {
	stated := c.stated()
	stated["mode"] = c.mode().String()
	switch {
	case c.monitor() == arpMonitor:
		stated["miimon"] = "0"
	case c.MIIMon == nil:
		stated["miimon"] = strconv.Itoa(defaultMIIMon)
		fallthrough
	default:
		stated["arp_interval"] = "0"
	}
	w := make(map[string]string)
	for _, o := range options {
		value, isStated := stated[o.key]
		if !isStated {
			value = o.unset
		}
		if o.modes.has(c.mode()) && (o.monitor == noMonitor || o.monitor == c.monitor() || isStated) {
			w[o.key] = value
		}
	}
	return w
}

func joinAddrs(addrs []netip.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return strings.Join(texts, ",")
}
