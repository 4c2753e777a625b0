package sim

import "time"

// queue is a heap of events by time; those of one instant run in the order they were pushed.
type queue struct {
	events []event
	pushed uint64
}

type event struct {
	at  time.Duration
	seq uint64
	fn  func()
}

func (e event) before(f event) bool { return e.at < f.at || e.at == f.at && e.seq < f.seq }

func (q *queue) push(at time.Duration, fn func()) {
	q.pushed++
	q.events = append(q.events, event{at: at, seq: q.pushed, fn: fn})
	for i := len(q.events) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.events[i].before(q.events[parent]) {
			return
		}
		q.events[i], q.events[parent] = q.events[parent], q.events[i]
		i = parent
	}
}

// pop takes the first event if it is not later than end.
func (q *queue) pop(end time.Duration) (time.Duration, func(), bool) {
	if len(q.events) == 0 || q.events[0].at > end {
		return 0, nil, false
	}
	first, last := q.events[0], len(q.events)-1
	q.events[0] = q.events[last]
	q.events[last] = event{}
	q.events = q.events[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && q.events[child].before(q.events[least]) {
				least = child
			}
		}
		if least == i {
			return first.at, first.fn, true
		}
		q.events[i], q.events[least] = q.events[least], q.events[i]
		i = least
	}
}
