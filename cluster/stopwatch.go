package cluster

import (
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// carriedAt is a group that this node carries, since when, and how long after it first waited for it.
type carriedAt struct {
	group  string
	serial uint64
	at     lease.Instant
	waited time.Duration // 0: it did not have to wait for another to let go
}

// stopwatch notes when groups that were assigned to this node are carried.
type stopwatch struct {
	waiting map[string]waitingSince
	carried map[string]uint64 // serials, by group
}

type waitingSince struct {
	serial uint64
	at     lease.Instant
}

// wait takes in what others have yet to let go of.
func (s *stopwatch) wait(now lease.Instant, waiting []state.Holding) {
	for _, h := range waiting {
		if s.waiting[h.Group].serial != h.Serial {
			if s.waiting == nil {
				s.waiting = map[string]waitingSince{}
			}
			s.waiting[h.Group] = waitingSince{h.Serial, now}
		}
	}
}

// stop takes in all that is carried, and nothing else is waited for; it returns what is so since the last time.
func (s *stopwatch) stop(now lease.Instant, waiting, held []state.Holding) []carriedAt {
	partly := map[string]bool{}
	for _, h := range waiting {
		partly[h.Group] = true
	}
	var fresh []carriedAt
	for _, h := range held {
		if partly[h.Group] || s.carried[h.Group] == h.Serial {
			continue
		}
		if s.carried == nil {
			s.carried = map[string]uint64{}
		}
		s.carried[h.Group] = h.Serial
		f := carriedAt{group: h.Group, serial: h.Serial, at: now}
		if w := s.waiting[h.Group]; w.serial == h.Serial {
			f.waited = now.Sub(w.at)
		}
		delete(s.waiting, h.Group)
		fresh = append(fresh, f)
	}
	return fresh
}
