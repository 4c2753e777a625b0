package nodefile

import (
	"fmt"
	"net/netip"

	"vipd/bond"
	"vipd/cluster/conf"
)

// Bond is one bond as it is written; Config is what it means. The keys are the kernel's.
type Bond struct {
	Name    string   `yaml:"name"`
	Mode    string   `yaml:"mode"`
	Members []Member `yaml:"members"`
	Manage  bool     `yaml:"manage"`

	Addresses []Prefix `yaml:"addresses"`
	Gateway   Address  `yaml:"gateway"`
	Gateway6  Address  `yaml:"gateway6"`
	MTU       *int     `yaml:"mtu"` // bytes

	MIIMon     *Millis `yaml:"miimon"`
	UseCarrier *bool   `yaml:"use_carrier"`
	UpDelay    *Millis `yaml:"up_delay"`
	DownDelay  *Millis `yaml:"down_delay"`

	ARPInterval   *Millis   `yaml:"arp_interval"`
	ARPTargets    []Address `yaml:"arp_ip_targets"`
	ARPValidate   string    `yaml:"arp_validate"`
	ARPAllTargets string    `yaml:"arp_all_targets"`
	ARPMissedMax  *int      `yaml:"arp_missed_max"`

	Primary         string  `yaml:"primary"`
	PrimaryReselect string  `yaml:"primary_reselect"`
	FailOverMAC     string  `yaml:"fail_over_mac"`
	NumGratARP      *int    `yaml:"num_grat_arp"`
	PeerNotifDelay  *Millis `yaml:"peer_notif_delay"`
	ResendIGMP      *int    `yaml:"resend_igmp"`

	MinLinks        *int   `yaml:"min_links"`
	HashPolicy      string `yaml:"xmit_hash_policy"`
	AllSlavesActive *bool  `yaml:"all_slaves_active"`
	PacketsPerSlave *int   `yaml:"packets_per_slave"`

	LACPRate   string `yaml:"lacp_rate"`
	LACPActive *bool  `yaml:"lacp_active"`
	ADSelect   string `yaml:"ad_select"`
	ADSysPrio  *int   `yaml:"ad_actor_sys_prio"`
	ADPortKey  *int   `yaml:"ad_user_port_key"`

	TLBDynamicLB *bool    `yaml:"tlb_dynamic_lb"`
	LPInterval   *Seconds `yaml:"lp_interval"`
}

// Member is an interface of a bond: its name, or a mapping with the name and prio.
type Member struct {
	Name string `yaml:"name"`
	Prio *int   `yaml:"prio"`
}

// ParseScalar reads a name.
func (m *Member) ParseScalar(text string) error {
	m.Name = text
	return nil
}

// Prefix is an address with the length of its network's prefix.
type Prefix struct{ netip.Prefix }

// ParseScalar reads an address as it is written in a file.
func (p *Prefix) ParseScalar(text string) error {
	parsed, err := netip.ParsePrefix(text)
	if err != nil {
		return conf.Problem{Text: fmt.Sprintf("%q is not an address with a prefix length", conf.Short(text)), Remedy: "write it as 192.168.1.10/24 or 2001:db8::10/64"}
	}
	p.Prefix = parsed
	return nil
}

// Config is the bond as the package bond knows it.
func (b Bond) Config() bond.Config {
	c := bond.Config{
		Name: b.Name, Mode: b.Mode, Manage: b.Manage,
		Gateway: b.Gateway.Addr, Gateway6: b.Gateway6.Addr, MTU: b.MTU,
		MIIMon: (*int)(b.MIIMon), UseCarrier: b.UseCarrier, UpDelay: (*int)(b.UpDelay), DownDelay: (*int)(b.DownDelay),
		ARPInterval: (*int)(b.ARPInterval), ARPValidate: b.ARPValidate, ARPAllTargets: b.ARPAllTargets, ARPMissedMax: b.ARPMissedMax,
		Primary: b.Primary, PrimaryReselect: b.PrimaryReselect, FailOverMAC: b.FailOverMAC,
		NumGratARP: b.NumGratARP, PeerNotifDelay: (*int)(b.PeerNotifDelay), ResendIGMP: b.ResendIGMP,
		MinLinks: b.MinLinks, HashPolicy: b.HashPolicy, AllSlavesActive: b.AllSlavesActive, PacketsPerSlave: b.PacketsPerSlave,
		LACPRate: b.LACPRate, LACPActive: b.LACPActive, ADSelect: b.ADSelect, ADSysPrio: b.ADSysPrio, ADPortKey: b.ADPortKey,
		TLBDynamicLB: b.TLBDynamicLB, LPInterval: (*int)(b.LPInterval),
	}
	for _, m := range b.Members {
		c.Members = append(c.Members, bond.Member(m))
	}
	for _, a := range b.Addresses {
		c.Addresses = append(c.Addresses, a.Prefix)
	}
	for _, a := range b.ARPTargets {
		c.ARPTargets = append(c.ARPTargets, a.Addr)
	}
	return c
}

// BondConfigs are the bonds as the package bond knows them.
func (f *File) BondConfigs() []bond.Config {
	configs := make([]bond.Config, len(f.Bonds))
	for i, b := range f.Bonds {
		configs[i] = b.Config()
	}
	return configs
}

// checkBonds applies the rules of the package bond. What a bond is said to be while one of its values could not
// be read would only confuse.
func (f *File) checkBonds(doc *conf.Document) {
	unread := make([]bool, len(f.Bonds))
	for i := range f.Bonds {
		unread[i] = doc.Failed(bondKey(i))
	}
	for _, p := range bond.ValidateAll(f.BondConfigs()) {
		if !unread[p.Bond] {
			doc.Add(bondKey(p.Bond)+"."+p.Key, p.Text, p.Remedy)
		}
	}
}

func bondKey(i int) string { return fmt.Sprintf("bonds[%d]", i) }
