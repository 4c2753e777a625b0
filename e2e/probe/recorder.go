package probe

import (
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// blockSize is how many events are allocated at once: half a megabyte.
const blockSize = 20000

// recorder collects a recording while others look at it.
type recorder struct {
	mu     sync.Mutex
	rec    Recording
	blocks [][]Event
	ended  bool // rec.End is valid

	// latest says, by address and known host, when the newest answered request
	// was sent; a last place is for everybody. Those who look at it all the time
	// must not make the prober wait for a lock.
	latest [][]atomic.Int64
	names  []string
}

func newRecorder(o Options) *recorder {
	r := &recorder{rec: Recording{
		Start: time.Now(), Addrs: o.Addrs, Hosts: slices.Clone(o.Hosts), Sent: make([][streams]int, len(o.Addrs)),
		Timeout: o.Timeout, Window: o.Window, Threshold: o.Threshold,
		Prober: Prober{Interval: o.Interval, CensusInterval: o.CensusInterval},
	}}
	r.latest = make([][]atomic.Int64, len(o.Addrs))
	for i := range r.latest {
		r.latest[i] = make([]atomic.Int64, len(o.Hosts)+1)
	}
	for _, h := range o.Hosts {
		r.names = append(r.names, h.Name)
	}
	return r
}

func (r *recorder) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.blocks) - 1
	if last < 0 || len(r.blocks[last]) == blockSize {
		r.blocks = append(r.blocks, make([]Event, 0, blockSize))
		last++
	}
	r.blocks[last] = append(r.blocks[last], e)
	r.note(e)
}

// note remembers an answer for those who await one.
func (r *recorder) note(e Event) {
	if e.Announcement {
		return
	}
	latest := r.latest[e.Addr]
	latest[len(r.names)].Store(e.Sent)
	if int(e.Host) < len(r.names) {
		latest[e.Host].Store(e.Sent)
	}
}

// merge adds what another recorder handed over.
func (r *recorder) merge(u update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(u.Events) > 0 {
		r.blocks = append(r.blocks, u.Events)
		r.rec.End, r.ended = time.Unix(0, u.Events[len(u.Events)-1].Received), true
	}
	if u.Rest != nil {
		r.rec, r.ended = *u.Rest, true
	}
	for _, e := range u.Events {
		r.note(e)
	}
}

// since returns a copy of the events from the nth on and how many there are now.
func (r *recorder) since(n int) ([]Event, int) {
	r.mu.Lock()
	blocks := slices.Clone(r.blocks)
	r.mu.Unlock()
	var events []Event
	total := 0
	for _, b := range blocks {
		if from := max(n-total, 0); from < len(b) {
			events = append(events, b[from:]...)
		}
		total += len(b)
	}
	return events, total
}

// host finds the index of a MAC, adding an unknown one under its own name.
func (r *recorder) host(mac [6]byte) uint16 {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.rec.Hosts {
		if [6]byte(r.rec.Hosts[i].MAC) == mac {
			return uint16(i)
		}
	}
	hw := net.HardwareAddr(slices.Clone(mac[:]))
	r.rec.Hosts = append(r.rec.Hosts, Station{Name: hw.String(), MAC: hw})
	return uint16(len(r.rec.Hosts) - 1)
}

// virtual reports whether the host is one in name only, see [Station].
func (r *recorder) virtual(host uint16) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rec.Hosts[host].virtual()
}

// update changes the recording's counters.
func (r *recorder) update(fn func(*Recording)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn(&r.rec)
}

// end fixes the end of the recording.
func (r *recorder) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rec.End, r.ended = time.Now(), true
}

// snapshot copies the blocks' headers under the lock and the events after it,
// so that the prober does not wait for long. Without events it copies the rest.
func (r *recorder) snapshot(events bool) Recording {
	r.mu.Lock()
	rec := r.rec
	rec.Hosts = slices.Clone(rec.Hosts)
	rec.Sent = slices.Clone(rec.Sent)
	rec.Prober.Stalls = slices.Clone(rec.Prober.Stalls)
	blocks := slices.Clone(r.blocks)
	if !r.ended {
		rec.End = time.Now()
	}
	r.mu.Unlock()
	if events {
		rec.Events = slices.Concat(blocks...)
	}
	return rec
}

// answeredSince reports whether a known host, or with an empty name anybody,
// has answered for the address of that index a request sent since.
func (r *recorder) answeredSince(addr int, host string, since int64) bool {
	latest := r.latest[addr]
	if host == "" {
		return latest[len(r.names)].Load() >= since
	}
	i := slices.Index(r.names, host)
	return i >= 0 && latest[i].Load() >= since
}
