package sim

import "time"

// network carries datagrams and Raft's calls alike: each may be lost, late, doubled or overtaken.
type network struct {
	w       *world
	blocked map[[2]string]bool // from, to
	loss    float64
	double  float64
	slow    float64 // share of messages that take up to slowest
	slowest time.Duration
	// drop decides about single messages, for directed schedules; nil: none is dropped.
	drop func(from, to, kind string) bool
}

func newNetwork(w *world) network {
	return network{w: w, blocked: map[[2]string]bool{}}
}

// send delivers fn to a node. kind names the message for traces and directed schedules.
func (x *network) send(from, to, kind string, fn func(*node)) {
	copies := 1
	if from != to {
		if x.blocked[[2]string{from, to}] || x.w.chance(x.loss) || x.drop != nil && x.drop(from, to, kind) {
			return
		}
		if x.w.chance(x.double) {
			copies = 2
		}
	}
	dst := x.w.node(to)
	for range copies {
		x.w.after(x.delay(from == to), func() { dst.deliver(func() { fn(dst) }) })
	}
}

func (x *network) delay(self bool) time.Duration {
	switch {
	case self:
		return x.w.between(0, 100*time.Microsecond)
	case x.w.chance(x.slow):
		return x.w.between(0, x.slowest)
	}
	return x.w.between(50*time.Microsecond, 2*time.Millisecond)
}

// cut stops what from sends to to; the other direction stays.
func (x *network) cut(from, to string) { x.blocked[[2]string{from, to}] = true }

// isolate cuts a node off in both directions.
func (x *network) isolate(name string) {
	for _, other := range x.w.names {
		if other != name {
			x.cut(name, other)
			x.cut(other, name)
		}
	}
}

func (x *network) heal() {
	clear(x.blocked)
	x.loss, x.double, x.slow, x.drop = 0, 0, 0, nil
}
