package keepalived

import (
	"net/netip"
	"time"
)

// Result is what several nodes' configurations mean together, in neutral terms.
type Result struct {
	Nodes  []string // sorted
	Groups []Group  // in the order of the first node's file
	Checks []Check
	// SyncGroups are groups that move together.
	SyncGroups []Together
}

// Group is a set of addresses that move together: a vrrp_instance on every node that has it.
type Group struct {
	Name       string
	Interface  string            // on most nodes
	Interfaces map[string]string // by node, where it is another
	Addresses  []GroupAddress
	Excluded   []GroupAddress // held, not advertised

	VRID           uint8
	Version        uint8
	AdvertInt      time.Duration
	AuthPass       string // version 2's password; empty for none
	ChecksumAsV2   bool   // version 3's checksum over IPv4 without a pseudo-header
	MulticastGroup netip.Addr
	DownAdverts    int

	// Unicast says that adverts go to Peers one by one. Peers are only those outside: what the nodes sent
	// each other, they have no need for any more.
	Unicast              bool
	Peers                []netip.Addr
	CheckPeers           bool
	MinTTL               int
	UnicastTTL           int                   // 0 when not set
	Sources              map[string]netip.Addr // by node, where one is given
	Priorities           map[string]int        // by node; a node that is missing has no such group
	NoPreempt            bool
	PreemptDelay         time.Duration
	LowerPrioNoAdvert    bool
	HigherPrioSendAdvert bool

	Checks           []Use
	TrackInterfaces  []Use
	DontTrackPrimary bool
	SyncGroup        string
	Notify           Notify
	Routes           [][]string
	Rules            [][]string
	UseVMAC          bool
	VMACName         string
	VMACXmitBase     bool
	GARP             GARP
	GARPInterval     time.Duration
	GNAInterval      time.Duration
}

// GroupAddress is an address of a group.
type GroupAddress struct {
	Prefix netip.Prefix
	Dev    string // empty: the group's interface
	Label  string

	// The words of ip(8) for the rest of its shape.
	Peer          netip.Addr
	Broadcast     netip.Addr
	Scope         string
	NoPrefixRoute bool
	PreferredLft  string
}

// Use is a check or an interface that a group tracks. Weight 0 means that its failure excludes the node.
type Use struct {
	Name    string
	Weight  int
	Reverse bool
}

// CheckKind is what a check looks at.
type CheckKind string

// The kinds.
const (
	CheckScript  CheckKind = "script"
	CheckProcess CheckKind = "process"
	CheckFile    CheckKind = "file"
)

// Check is a vrrp_script, vrrp_track_process or track_file. What does not belong to its kind is zero.
type Check struct {
	Name     string
	Kind     CheckKind
	Command  []string // of the script, or of the process looked for
	User     string
	Interval time.Duration
	Timeout  time.Duration
	Rise     int
	Fall     int
	InitFail bool

	Quorum, QuorumMax int // how many processes there must be; QuorumMax negative: no limit
	Delay             time.Duration
	FullCommand       bool

	Path string // of the file whose number, times the weight, is added to the priority
}

// Together is a vrrp_sync_group.
type Together struct {
	Name            string
	Groups          []string
	Checks          []Use
	TrackInterfaces []Use
	Notify          Notify
}
