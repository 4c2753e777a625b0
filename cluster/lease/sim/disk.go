package sim

import (
	"maps"
	"time"
)

// durable is what a node finds on its disk after a crash.
type durable struct {
	term      uint64
	voted     string
	log       []entry
	withdrawn map[string]uint64
	ceiling   time.Duration
}

// disk performs writes one after the other. What was not finished at a crash is lost, or not.
type disk struct {
	n       *node
	durable durable
	hold    *left // written by a daemon that stopped, in peace
	writes  []write
	slow    bool
}

type write struct {
	apply func(*durable)
	done  func()
}

// write makes a change durable and then calls done, if the process still lives.
func (d *disk) write(apply func(*durable), done func()) {
	d.writes = append(d.writes, write{apply, done})
	if len(d.writes) == 1 {
		d.start()
	}
}

func (d *disk) start() {
	w := d.n.w
	latency := w.between(50*time.Microsecond, 1500*time.Microsecond)
	if d.slow && w.chance(0.2) {
		latency = w.between(0, 200*time.Millisecond)
	}
	gen := d.n.gen
	w.after(latency, func() {
		if d.n.gen != gen {
			return
		}
		first := d.writes[0]
		d.writes = d.writes[1:]
		first.apply(&d.durable)
		if len(d.writes) > 0 {
			d.start()
		}
		d.n.deliver(first.done)
	})
}

// crash keeps the oldest of the unfinished writes, however many.
func (d *disk) crash() {
	kept := d.n.w.rng.IntN(len(d.writes) + 1)
	for _, w := range d.writes[:kept] {
		w.apply(&d.durable)
	}
	d.writes = nil
}

func (d *disk) remembered() map[string]uint64 { return maps.Clone(d.durable.withdrawn) }
