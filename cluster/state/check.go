package state

import (
	"reflect"
	"slices"
	"time"
)

// Check is something that each node looks at on itself, and that groups may depend on. Exactly one of Script, TCP,
// HTTP, Process, File and Interface says what it is.
type Check struct {
	Name      string        `json:"name"`
	Script    *ScriptCheck  `json:"script,omitempty"`
	TCP       string        `json:"tcp,omitempty"` // host:port that has to accept a connection
	HTTP      *HTTPCheck    `json:"http,omitempty"`
	Process   *ProcessCheck `json:"process,omitempty"`
	File      string        `json:"file,omitempty"`      // whose number, times the weight, is added to the priority
	Interface string        `json:"interface,omitempty"` // that has to be up and running
	Ping      *PingCheck    `json:"ping,omitempty"`
	ARP       *ARPCheck     `json:"arp,omitempty"`
	Bond      *BondCheck    `json:"bond,omitempty"`

	Interval time.Duration `json:"interval"`
	Timeout  time.Duration `json:"timeout"`
	Rise     int           `json:"rise"`   // successes in a row that end a failure
	Fall     int           `json:"fall"`   // failures in a row that make one
	Weight   int           `json:"weight"` // of groups that name no other
	// InitFail takes it for failing until it has run; else the node is not asked to take anything until then.
	InitFail bool `json:"init_fail,omitempty"`
	Reverse  bool `json:"reverse,omitempty"` // of groups that do not say otherwise
}

// ScriptCheck is a program whose exit status 0 means well.
type ScriptCheck struct {
	Path string   `json:"path"`
	Args []string `json:"args,omitempty"`
}

// HTTPCheck is a URL that has to answer with a status.
type HTTPCheck struct {
	URL      string `json:"url"`
	Status   int    `json:"status"`
	Insecure bool   `json:"insecure,omitempty"` // certificates are not verified
	Follow   bool   `json:"follow,omitempty"`   // redirects
}

// ProcessCheck is a process that has to run.
type ProcessCheck struct {
	Name        string `json:"name"`
	FullCommand bool   `json:"full_command,omitempty"` // Name is the whole command line
	Quorum      int    `json:"quorum"`                 // so many at least
	QuorumMax   int    `json:"quorum_max,omitempty"`   // so many at most; 0: no limit
}

// PingCheck is an address that has to answer ICMP's echo requests.
type PingCheck struct {
	Address   string `json:"address"`
	Interface string `json:"interface,omitempty"` // that requests leave through; empty: by the routes
	Count     int    `json:"count"`               // requests of a run, at most
	Answers   int    `json:"answers"`             // so many have to be answered
}

// ARPCheck is an address on an interface's network that has to answer for itself: by ARP, or by IPv6's neighbour discovery.
type ARPCheck struct {
	Address   string `json:"address"`
	Interface string `json:"interface"`
}

// BondCheck is a bond or team that has to have links which can be used.
type BondCheck struct {
	Name  string `json:"name"`
	Links int    `json:"links,omitempty"` // so many at least; 0: all that it has
}

// MaxWeight bounds a weight on both sides, MaxFileWeight that of a file check; keepalived's. Beyond them nothing would
// change, since a priority is from 1 to 254.
const (
	MaxWeight     = 253
	MaxFileWeight = 254
)

// CheckUse is a group's dependence on a check. A negative weight is taken off while the check fails, a positive one
// added while it does not. Reversed, the weight has the other sign, at the same times; and without a weight the node
// cannot hold the group while the check does not fail. That is keepalived's.
type CheckUse struct {
	Name    string `json:"name"`
	Weight  int    `json:"weight"`
	Reverse bool   `json:"reverse,omitempty"`
}

// Adds is what the use adds to a priority while the check fails or does not, and the most that it can add.
func (u CheckUse) Adds(fails bool) (by, most int) {
	weight := u.Weight
	if u.Reverse {
		weight = -weight
	}
	if fails == (u.Weight < 0) {
		by = weight
	}
	return by, max(weight, 0)
}

// Excludes reports whether a node cannot hold the group while the check fails, or does not.
func (u CheckUse) Excludes(fails bool) bool { return u.Weight == 0 && fails != u.Reverse }

// ReversedVersion is the first version with reversed checks, and with checks by ping, by arp and of bonds.
const ReversedVersion = 9

// needs is the oldest version that has all of the check.
func (c *Check) needs() int {
	if c.Reverse || c.Ping != nil || c.ARP != nil || c.Bond != nil {
		return ReversedVersion
	}
	return 2
}

// WeightLimit is how large a check's weight may be, positive or negative.
func (c *Check) WeightLimit() int {
	if c.File != "" {
		return MaxFileWeight
	}
	return MaxWeight
}

// Same reports whether two versions of a check look at the same thing in the same way, so that what is known of one
// holds for the other.
func (c *Check) Same(other *Check) bool {
	a, b := *c, *other
	a.Weight, b.Weight, a.Reverse, b.Reverse = 0, 0, false, false
	return reflect.DeepEqual(a, b)
}

// UsedOn reports whether a node may ever hold a group that depends on a check, so that it has to run it.
func (s *State) UsedOn(node, check string) bool {
	n := s.Nodes[node]
	if n == nil || n.Witness {
		return false
	}
	for _, g := range s.Groups {
		if g.Excludes(n) == "" && slices.ContainsFunc(g.Checks, func(u CheckUse) bool { return u.Name == check }) {
			return true
		}
	}
	return false
}
