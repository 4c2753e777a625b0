package probe

import (
	"net/netip"
	"time"
)

// Report is what a probe found out. Its JSON has durations in nanoseconds.
type Report struct {
	Start     time.Time       `json:"start"`
	End       time.Time       `json:"end"`
	Prober    Prober          `json:"prober"`
	Marks     []Mark          `json:"marks,omitempty"`
	Addresses []AddressReport `json:"addresses"`
}

// Prober says how well the prober itself ran.
type Prober struct {
	// Interval and CensusInterval are the real ones, after stretching to
	// [Options.MaxRate].
	Interval       time.Duration `json:"interval_ns"`
	CensusInterval time.Duration `json:"census_interval_ns"`
	Sent           int           `json:"sent"`
	Received       int           `json:"received"`
	// Refused counts frames that the interface did not take, as while its
	// link was down. They are counted as sent too.
	Refused int `json:"refused"`
	// Dropped counts frames the kernel had no room for.
	Dropped int `json:"dropped"`
	// Gap is the longest time between two rounds of sending.
	Gap time.Duration `json:"gap_ns"`
	// Stalls are the gaps of several milliseconds.
	Stalls []Stall `json:"stalls,omitempty"`
	// CPU is the processor time of the probing thread. It includes the
	// kernel's work for the packets, much of it that of the answering hosts.
	CPU time.Duration `json:"cpu_ns"`
	// Realtime is true if the thread ran under SCHED_FIFO.
	Realtime bool `json:"realtime"`
}

// AddressReport is what was seen of one address.
type AddressReport struct {
	Addr netip.Addr `json:"addr"`
	// First is the first answer of any stream, zero if there was none.
	First time.Time `json:"first"`
	// FirstHost is who gave it.
	FirstHost string       `json:"first_host"`
	Echo      StreamReport `json:"echo"`
	Resolve   StreamReport `json:"resolve"`
	// Census counts answers of both census streams by host.
	Census        map[string]int `json:"census,omitempty"`
	Changes       []Change       `json:"changes,omitempty"`
	Announcements []Announcement `json:"announcements,omitempty"`
	DoubleAnswers []DoubleAnswer `json:"double_answers,omitempty"`
}

// StreamReport is what was seen of one stream of requests.
type StreamReport struct {
	Sent int `json:"sent"`
	// Answered counts requests answered within the timeout, Lost all others.
	Answered int `json:"answered"`
	Lost     int `json:"lost"`
	// Longest is the longest silence of any length, Silences are those longer
	// than the threshold, in order.
	Longest  Silence   `json:"longest"`
	Silences []Silence `json:"silences,omitempty"`
}

// Silence is the time between two consecutive answers.
type Silence struct {
	Start    time.Time     `json:"start"`
	End      time.Time     `json:"end"`
	Duration time.Duration `json:"duration_ns"`
	// Before and After are the hosts that answered last and first.
	Before string `json:"before"`
	After  string `json:"after,omitempty"`
	// Open is true if nobody answered until the end of the recording.
	Open bool `json:"open,omitempty"`
	// Stalled is how much of the time the prober itself stalled.
	Stalled time.Duration `json:"stalled_ns,omitempty"`
}

// Change is the moment another host began to answer, outside of double answers.
type Change struct {
	At   time.Time `json:"at"`
	From string    `json:"from"`
	To   string    `json:"to"`
	// Gap is the time since From's last answer, over all streams.
	Gap time.Duration `json:"gap_ns"`
}

// Announcement is a gratuitous ARP or unsolicited neighbour advertisement.
type Announcement struct {
	At   time.Time `json:"at"`
	Host string    `json:"host"`
}

// DoubleAnswer is a time during which two hosts answered, from the first answer
// to the last that prove it.
type DoubleAnswer struct {
	Addr  netip.Addr `json:"addr"`
	At    time.Time  `json:"at"`
	Until time.Time  `json:"until"`
	// Hosts are the two, by name.
	Hosts [2]string `json:"hosts"`
	// Proofs counts the answers that lie around one of the other host.
	Proofs int `json:"proofs"`
}

// Address returns the part about one address, or nil.
func (r *Report) Address(addr netip.Addr) *AddressReport {
	for i := range r.Addresses {
		if r.Addresses[i].Addr == addr {
			return &r.Addresses[i]
		}
	}
	return nil
}

// DoubleAnswers returns those of all addresses.
func (r *Report) DoubleAnswers() []DoubleAnswer {
	var all []DoubleAnswer
	for _, a := range r.Addresses {
		all = append(all, a.DoubleAnswers...)
	}
	return all
}
