package probe

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// stallAfter is the gap between two rounds of sending, beyond the planned one,
// that is recorded as a stall.
const stallAfter = 4 * time.Millisecond

// realtimePriority is above that of the daemons: one that is busy for its own ends is not silent for its client.
const realtimePriority = 15

// confirmAfter is the shortest time between two confirmations for one address.
const confirmAfter = 200 * time.Microsecond

// loop is the prober: one thread that sends what is due, reads what arrived and
// sleeps until either happens again.
type loop struct {
	options Options
	rec     *recorder
	ring    *ring
	targets []*target
	byAddr  map[netip.Addr]int
	known   int // hosts of the census
	macs    [][6]byte

	session uint32
	seq     uint32
	main    pace
	census  pace
	// Counters not yet in the recording.
	sent, received, refused int
	accounted               int64
}

// target is the loop's state of one watched address.
type target struct {
	*frames
	index uint16
	// believed is where echo requests go, once learned.
	believed [6]byte
	learned  bool
	// answered is when the newest answer to Echo was received, or the address
	// was learned.
	answered int64
	// Who answered last of those that can be told apart, and when.
	lastHost uint16
	lastAt   int64
	// confirmed is when both sides of a change were last asked again.
	confirmed int64
	// When the newest resolve request from each spare address was sent.
	resolveAt [spares]int64
	round     [2]int // next spare of broadcast and census
	spareOf   map[netip.Addr]int
}

func newLoop(o Options, rec *recorder) *loop {
	l := &loop{options: o, rec: rec, byAddr: map[netip.Addr]int{}, known: len(o.Hosts), session: rand.Uint32()}
	for _, h := range o.Hosts {
		l.macs = append(l.macs, [6]byte(h.MAC))
	}
	return l
}

// prepare makes the frames, which needs the interface's MAC.
func (l *loop) prepare(ifi *net.Interface) {
	for i, addr := range l.options.Addrs {
		source := l.options.Source4
		if addr.Is6() {
			source = l.options.Source6
		}
		t := &target{frames: newFrames(addr, source, ifi.HardwareAddr), index: uint16(i), spareOf: map[netip.Addr]int{}}
		for n, next := 0, source.Next(); n < spares; n, next = n+1, next.Next() {
			t.spareOf[next] = n
		}
		l.targets = append(l.targets, t)
		l.byAddr[addr] = i
	}
}

// run probes until stop is closed; ready is closed after the first requests.
// It takes the thread it is called on for itself.
func (l *loop) run(ready chan<- struct{}, stop <-chan struct{}) error {
	ifi, err := net.InterfaceByName(l.options.Interface)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", l.options.Interface, err)
	}
	if l.ring, err = openRing(ifi); err != nil {
		return err
	}
	defer l.ring.close()
	l.ring.alone = l.options.Separate
	l.prepare(ifi)
	cpu := sharpen()
	l.rec.update(func(r *Recording) { r.Start, r.Prober.Realtime = time.Now(), cpu.realtime })

	now := time.Now().UnixNano()
	l.main = newPace(now, l.options.Interval, len(l.targets))
	l.census = newPace(now, l.options.CensusInterval, len(l.targets))
	tick := min(l.options.Interval, time.Millisecond)
	next, before := now, now
	for first := true; ; {
		if now >= next {
			l.gap(before, now, tick)
			l.receive() // what has arrived is heeded, as in a kernel, although this thread comes late
			l.send(now)
			before = now
			// The grid is kept, but what was missed is not made up for.
			next += (now-next)/int64(tick)*int64(tick) + int64(tick)
			if first || now-l.accounted > int64(100*time.Millisecond) {
				l.accounted = now
				l.account(cpu)
			}
			if first {
				first = false
				close(ready)
			}
			select {
			case <-stop:
				l.finish(cpu)
				return nil
			default:
			}
		}
		l.receive()
		now = time.Now().UnixNano()
		if wait := next - now; wait > 0 {
			l.ring.wait(time.Duration(wait))
			now = time.Now().UnixNano()
		}
	}
}

// finish ends the recording and waits for answers that are on the way, but not
// for those that will not come.
func (l *loop) finish(cpu *cpuClock) {
	l.rec.end()
	for end := time.Now().Add(20 * time.Millisecond); ; {
		l.receive()
		left := time.Until(end)
		if left <= 0 {
			break
		}
		l.ring.wait(left)
	}
	l.account(cpu)
}

func (l *loop) gap(before, now int64, tick time.Duration) {
	gap := time.Duration(now - before)
	l.rec.update(func(r *Recording) {
		r.Prober.Gap = max(r.Prober.Gap, gap)
		if gap > tick+stallAfter {
			r.Prober.Stalls = append(r.Prober.Stalls, Stall{Start: time.Unix(0, before), Duration: gap})
		}
	})
}

func (l *loop) account(cpu *cpuClock) {
	used, dropped := cpu.used(), l.ring.dropped()
	l.rec.update(func(r *Recording) {
		r.Prober.CPU = used
		r.Prober.Sent += l.sent
		r.Prober.Received += l.received
		r.Prober.Refused += l.refused
		r.Prober.Dropped += dropped
	})
	l.sent, l.received, l.refused = 0, 0, 0
}

// pace spreads the requests for n addresses evenly over an interval.
type pace struct {
	start, spacing int64
	n              int
	done           int64
}

// newPace is silent for an interval of zero.
func newPace(start int64, interval time.Duration, n int) pace {
	return pace{start: start, spacing: int64(interval) / int64(n), n: n}
}

// due calls fn for each address whose turn has come by now, each at most once.
func (p *pace) due(now int64, fn func(i int)) {
	if p.spacing == 0 {
		return
	}
	total := (now-p.start)/p.spacing + 1
	p.done = max(p.done, total-int64(p.n))
	for ; p.done < total; p.done++ {
		fn(int(p.done % int64(p.n)))
	}
}

// cpuClock measures the calling thread.
type cpuClock struct {
	start    time.Duration
	realtime bool
}

// sharpen asks for real-time scheduling, or at least for exact timers, for the
// calling thread, and starts measuring its processor time.
func sharpen() *cpuClock {
	err := unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: realtimePriority}, 0)
	// One nanosecond; the default slack is 50 µs. Fails never, matters little.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	c := &cpuClock{realtime: err == nil}
	c.start = c.used()
	return c
}

func (c *cpuClock) used() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano()+u.Stime.Nano()) - c.start
}
