package announce

import (
	"cmp"
	"container/heap"
	"net/netip"
	"time"
)

const (
	// A full transmit queue drains within milliseconds, or the link is stuck.
	retryAfter = time.Millisecond
	maxRetries = 50
)

// schedule knows what is to be announced when. It reads no clock and sends nothing.
type schedule struct {
	rounds  []time.Duration // since the start, ascending; the first is 0
	entries map[netip.Addr]*entry
	queue   queue
	order   uint64
}

// entry is one address on its way through the rounds.
type entry struct {
	target   Target
	start    time.Time
	due      time.Time
	round    int // the next
	retries  int // of this round
	order    uint64
	position int // in the queue; -1: not scheduled any more
}

// newSchedule announces at once and again after each of repeats, which ascend.
func newSchedule(repeats []time.Duration) *schedule {
	return &schedule{rounds: append([]time.Duration{0}, repeats...), entries: map[netip.Addr]*entry{}}
}

// add starts the rounds of the targets now, anew for those already in some round, and returns their
// entries in the same order.
func (s *schedule) add(now time.Time, targets []Target) []*entry {
	added := make([]*entry, 0, len(targets))
	for _, t := range targets {
		s.stop(t.Addr)
		e := &entry{target: t, start: now, due: now, order: s.order}
		s.order++
		s.entries[t.Addr] = e
		heap.Push(&s.queue, e)
		added = append(added, e)
	}
	return added
}

// stop forgets an address.
func (s *schedule) stop(addr netip.Addr) {
	if e, ok := s.entries[addr]; ok {
		heap.Remove(&s.queue, e.position)
		delete(s.entries, addr)
	}
}

// first returns the entry whose turn it is, or nil when none is due.
func (s *schedule) first(now time.Time) *entry {
	if len(s.queue) == 0 || s.queue[0].due.After(now) {
		return nil
	}
	return s.queue[0]
}

// next returns when the next entry is due, and whether there is any.
func (s *schedule) next() (time.Time, bool) {
	if len(s.queue) == 0 {
		return time.Time{}, false
	}
	return s.queue[0].due, true
}

// done ends a round of an entry.
func (s *schedule) done(e *entry) {
	e.round, e.retries = e.round+1, 0
	if e.round == len(s.rounds) {
		s.stop(e.target.Addr)
		return
	}
	e.due = e.start.Add(s.rounds[e.round])
	heap.Fix(&s.queue, e.position)
}

// retry has the same round done a little later. It reports false, and ends the round, when that did not
// help often enough.
func (s *schedule) retry(e *entry, now time.Time) bool {
	if e.retries++; e.retries > maxRetries {
		s.done(e)
		return false
	}
	e.due = now.Add(retryAfter)
	heap.Fix(&s.queue, e.position)
	return true
}

// queue is a heap of entries, the next one first.
type queue []*entry

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	return cmp.Or(q[i].due.Compare(q[j].due), cmp.Compare(q[i].order, q[j].order)) < 0
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].position, q[j].position = i, j
}

func (q *queue) Push(x any) {
	e := x.(*entry)
	e.position = len(*q)
	*q = append(*q, e)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.position = -1
	return e
}
