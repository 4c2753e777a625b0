package probe

import (
	"net"
	"net/netip"
	"time"
)

// Station is a host that may answer.
type Station struct {
	Name string           `json:"name"`
	MAC  net.HardwareAddr `json:"-"`
}

// virtual reports whether the MAC is a VRRP virtual router's, RFC 9568 section
// 7.3, which does not tell the host behind it.
func (s Station) virtual() bool {
	m := s.MAC
	return len(m) == 6 && m[0] == 0 && m[1] == 0 && m[2] == 0x5e && m[3] == 0 && (m[4] == 1 || m[4] == 2)
}

// Stream is a kind of request.
type Stream uint8

// The streams, see the package's description.
const (
	Echo Stream = iota
	Resolve
	CensusEcho
	CensusResolve
	streams
)

// Event is something received that concerns a watched address.
type Event struct {
	// Received is the kernel's time stamp, Unix time in nanoseconds.
	Received int64
	// Sent is when the answered request was sent, in the same clock; 0 in an
	// announcement.
	Sent int64
	// Addr and Host are indices into the recording's Addrs and Hosts.
	Addr, Host uint16
	Stream     Stream
	// Announcement distinguishes a gratuitous ARP or unsolicited neighbour
	// advertisement from an answer.
	Announcement bool
}

// Mark is a remark of the user in the timeline.
type Mark struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Stall is a time during which the prober sent nothing although it should have.
type Stall struct {
	Start    time.Time     `json:"start"`
	Duration time.Duration `json:"duration_ns"`
}

// Recording is what one probe sent and saw.
type Recording struct {
	Start, End time.Time
	Addrs      []netip.Addr
	// Hosts are the known hosts, then others as they appeared.
	Hosts  []Station
	Events []Event
	// Sent counts requests by address and stream.
	Sent  [][streams]int
	Marks []Mark
	// Prober describes the prober itself.
	Prober Prober
	// Timeout, Window and Threshold are as in [Options].
	Timeout, Window, Threshold time.Duration
}
