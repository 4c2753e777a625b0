package keepalived

import (
	"net/netip"
	"time"
)

// Config is one keepalived configuration, with keepalived's defaults filled in.
type Config struct {
	File    string // the file that was read first
	Globals Globals

	Instances  []*Instance
	SyncGroups []*SyncGroup
	Scripts    []*Script
	Processes  []*TrackProcess
	Files      []*TrackFile
	BFDs       []*BFD
	// StaticAddresses are put on their interfaces for good, whoever is master.
	StaticAddresses []Address
	StaticRoutes    []Rule
	StaticRules     []Rule

	// Directives lists everything that was read, in order, with what is known about it before Translate.
	Directives Report
	// Warnings are mistakes that keepalived works around, as this package does.
	Warnings []Problem

	at map[string]int // where each keyword of global_defs is in Directives
}

// Globals is what counts of global_defs.
type Globals struct {
	RouterID           string
	Version            uint8 // vrrp_version; 2 unless set
	Group4, Group6     netip.Addr
	ScriptUser         string // "user" or "user group"
	ScriptSecurity     bool
	Strict             bool
	StartupDelay       time.Duration
	GARP               GARP
	GARPInterval       time.Duration // between two gratuitous ARPs on an interface
	GNAInterval        time.Duration
	LowerPrioNoAdvert  bool
	HigherPrioAdvert   bool
	ChecksumAsV2       bool // v3_checksum_as_v2
	CheckUnicastSource bool
	DownTimerAdverts   int
	NotifyFIFO         string
	DefaultInterface   string // of static addresses
	NetNamespace       string
}

// GARP is how often addresses are announced. Zero values are keepalived's words for "off" where it allows it.
type GARP struct {
	MasterDelay         time.Duration // before the second round
	MasterRepeat        int
	MasterRefresh       time.Duration // between rounds while MASTER
	MasterRefreshRepeat int
	LowerPrioDelay      time.Duration // after an advert of a lower master
	LowerPrioRepeat     int
}

// Instance is a vrrp_instance.
type Instance struct {
	Pos
	Name        string
	Interface   string
	StateMaster bool // state MASTER
	VRID        uint8
	Priority    uint8
	AdvertInt   time.Duration // rounded as the version demands
	Version     uint8
	IPv6        bool // decided by the first address

	AuthType string // "", PASS or AH
	AuthPass string // at most eight bytes

	Addresses []Address // advertised
	Excluded  []Address
	Routes    []Rule
	Rules     []Rule

	UnicastSource    netip.Addr
	MulticastSource  netip.Addr
	MulticastGroup   netip.Addr
	UnicastPeers     []Peer
	UnicastTTL       int // 0 when not set
	CheckUnicast     bool
	NoPreempt        bool
	PreemptDelay     time.Duration
	DownTimerAdverts int

	UseVMAC      bool
	VMACName     string
	VMACXmitBase bool

	GARP              GARP
	LowerPrioNoAdvert bool
	HigherPrioAdvert  bool
	ChecksumAsV2      bool
	NoAccept          bool
	Strict            bool

	Track            Tracking
	DontTrackPrimary bool
	Notify           Notify

	at map[string]int // where each keyword is in Directives
}

// Tracking is what an instance or a sync group watches.
type Tracking struct {
	Scripts, Interfaces, Processes, Files, BFDs []Track
}

// Track is one entry of a track_ block.
type Track struct {
	Pos
	Name      string
	Weight    int
	HasWeight bool // otherwise the weight of what is tracked counts
	Reverse   bool
}

// Notify is the scripts that changes of state run, each as its words.
type Notify struct {
	Master, Backup, Fault, Stop, Any, MasterRxLower []string
}

// Peer is an entry of unicast_peer.
type Peer struct {
	Address        netip.Addr
	MinTTL, MaxTTL int // MaxTTL 0 when not set
}

// Address is a virtual or static address.
type Address struct {
	Pos
	Prefix    netip.Prefix // /32 or /128 unless given
	Dev       string       // empty: the instance's interface
	Label     string
	Scope     string
	Broadcast string // an address, or + or -
	Peer      netip.Addr
	Lifetime  string   // preferred_lft, where it is 0 or forever
	Options   []string // the other words, as written
}

// Rule is a route or a rule, which is kept as written.
type Rule struct {
	Pos
	Words []string
}

// SyncGroup is a vrrp_sync_group.
type SyncGroup struct {
	Pos
	Name      string
	Instances []string
	Track     Tracking
	Notify    Notify
	Weights   bool // sync_group_tracking_weight
}

// Script is a vrrp_script.
type Script struct {
	Pos
	Name     string
	Command  []string
	Interval time.Duration
	Timeout  time.Duration // 0: the interval
	Weight   int
	Reverse  bool
	Rise     int
	Fall     int
	User     string
	InitFail bool
}

// TrackProcess is a vrrp_track_process.
type TrackProcess struct {
	Pos
	Name      string
	Command   []string
	Weight    int
	Reverse   bool
	Quorum    int
	QuorumMax int // negative: no limit
	Delay     time.Duration
	Full      bool
}

// TrackFile is a track_file or vrrp_track_file.
type TrackFile struct {
	Pos
	Name    string
	Path    string
	Weight  int
	Reverse bool
}

// BFD is a bfd_instance, of which only the name is understood.
type BFD struct {
	Pos
	Name string
}
