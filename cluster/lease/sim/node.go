package sim

import (
	"fmt"
	"net/netip"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// node is one host: what survives its daemon, and the daemon.
type node struct {
	w      *world
	name   string
	clock  clock
	disk   disk
	kernel kernel
	gen    int // counts the starts and ends of its daemon; what belongs to an earlier one is void

	running, paused bool
	backlog         []func() // what happened while it was paused
	process
}

// process is the daemon: all of it is lost when it ends.
type process struct {
	raft
	holder    *lease.Holder
	voter     *lease.Voter
	tally     lease.Tally
	challenge lease.Challenger
	against   uint64 // the epoch of a leader that it stands against
	change    lease.ChangeGate

	state    *state.State
	longest  time.Duration // the longest lease that anyone may count by, as the gate was told last
	applied  uint64        // by Raft
	applying bool
	atStart  uint64 // last index of the log at the start
	ready    bool

	start    string // names this start in Register
	starts   int
	epoch    uint64
	retiring uint64 // the epoch it wants to retire; 0: none
	stopping bool
	released map[uint64]bool

	until   lease.Instant // while leased: the end of the lease
	leased  bool
	long    longLease
	taken   *left                    // what the process before left
	heir    *left                    // the same, until it is known what becomes of it
	arrived map[string]lease.Instant // ends counted from arrival, when that rule is left out
	wakeAt  time.Duration

	jobs        []func()
	reconciling bool
	dirty       bool
}

func newNode(w *world, name string, log []entry) *node {
	n := &node{w: w, name: name}
	n.clock = clock{offset: lease.Instant(w.between(time.Hour, 100*time.Hour)), ppm: w.rng.Int64N(10001)}
	if w.chance(0.5) {
		n.clock.ppm = 10000 * w.rng.Int64N(2)
	}
	n.kernel = kernel{n: n, carried: map[netip.Addr]bool{}}
	n.disk = disk{n: n, durable: durable{term: 1, log: log, withdrawn: map[string]uint64{}}}
	return n
}

func (n *node) local() lease.Instant { return n.clock.read(n.w.now) }

func (n *node) logf(format string, args ...any) {
	n.w.logf("%s: %s", n.name, fmt.Sprintf(format, args...))
}

// boot starts the daemon with what the disk has.
func (n *node) boot() {
	n.gen++
	n.running, n.paused, n.backlog = true, false, nil
	d := n.disk.durable
	now := n.local()
	n.process = process{
		raft:     raft{term: d.term, voted: d.voted, log: d.log[:len(d.log):len(d.log)], heard: now},
		state:    state.New(),
		atStart:  uint64(len(d.log)),
		released: map[uint64]bool{},
	}
	n.patience = n.w.between(300*time.Millisecond, 600*time.Millisecond)
	n.holder = lease.NewHolder(n.name)
	n.newStart()
	n.newVoter(now)
	n.toldConfig()
	if n.heir = n.inherit(); n.heir == nil {
		n.job(func() { n.kernel.reset() }) // a predecessor's addresses
	}
	n.later(n.w.between(0, 20*time.Millisecond), n.duties)
	if n.w.tracing() {
		n.logf("starts with %d entries", len(d.log))
	}
}

// newStart chooses the name by which the next Register is known to be this daemon's own.
func (n *node) newStart() {
	n.starts++
	n.start = fmt.Sprintf("%s-%d-%d", n.name, n.gen, n.starts)
}

// crash ends the daemon at once. The kernel goes on unless the host ends too.
func (n *node) crash(host bool) {
	if !n.running {
		return
	}
	n.gen++
	n.running, n.paused, n.backlog = false, false, nil
	n.disk.crash()
	if host {
		n.kernel.reset()
		n.disk.hold = nil // of another boot
	}
	if n.w.tracing() {
		n.logf("crashes, host %v", host)
	}
}

// pause stops the daemon; the kernel and what comes from outside go on.
func (n *node) pause(d time.Duration) {
	if !n.running || n.paused {
		return
	}
	if n.w.tracing() {
		n.logf("is paused for %v", d)
	}
	n.paused = true
	gen := n.gen
	n.w.after(d, func() {
		if n.gen == gen {
			n.resume()
		}
	})
}

// resume lets the daemon see what piled up, in some order.
func (n *node) resume() {
	if n.w.tracing() {
		n.logf("resumes with %d things to do", len(n.backlog))
	}
	n.paused = false
	backlog, gen := n.backlog, n.gen
	n.backlog = nil
	if n.w.chance(0.5) {
		n.w.rng.Shuffle(len(backlog), func(i, j int) { backlog[i], backlog[j] = backlog[j], backlog[i] })
	}
	for i, fn := range backlog {
		n.w.after(time.Duration(i)*10*time.Microsecond, func() {
			if n.gen == gen {
				n.deliver(fn)
			}
		})
	}
}

// deliver runs fn in the daemon, when it runs.
func (n *node) deliver(fn func()) {
	switch {
	case !n.running:
	case n.paused:
		n.backlog = append(n.backlog, fn)
	default:
		fn()
	}
}

// later runs fn in the daemon in d, unless it has ended by then.
func (n *node) later(d time.Duration, fn func()) {
	gen := n.gen
	n.w.after(d, func() {
		if n.gen == gen {
			n.deliver(func() {
				if n.gen == gen {
					fn()
				}
			})
		}
	})
}

// job queues work on the kernel. Jobs are done one after the other, each after a moment.
func (n *node) job(fn func()) {
	n.jobs = append(n.jobs, fn)
	if len(n.jobs) == 1 {
		n.work()
	}
}

func (n *node) work() {
	delay := n.w.between(20*time.Microsecond, 500*time.Microsecond)
	if n.w.chance(0.02) {
		delay = n.w.between(0, 20*time.Millisecond)
	}
	n.later(delay, func() {
		n.jobs[0]()
		n.jobs = n.jobs[1:]
		if len(n.jobs) > 0 {
			n.work()
		}
	})
}
