package storage

import (
	"sync"
	"time"
)

// HangsAfter is how long a write takes on a disk that is said to hang. The slowest that are merely slow take
// a few hundred milliseconds.
const HangsAfter = time.Second

// pending are the writes that have not returned yet. Nothing can be done about one that hangs, but somebody
// may want to know.
type pending struct {
	hangs chan struct{} // capacity 1: a write began HangsAfter ago

	mu     sync.Mutex
	last   uint64
	writes map[uint64]time.Time
}

func newPending() *pending {
	return &pending{hangs: make(chan struct{}, 1), writes: map[uint64]time.Time{}}
}

// begin notes a write, which lasts until the function that it returns is called.
func (p *pending) begin() (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	id := p.last
	p.writes[id] = time.Now()
	timer := time.AfterFunc(HangsAfter, func() {
		select {
		case p.hangs <- struct{}{}:
		default:
		}
	})
	return func() {
		timer.Stop()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.writes, id)
	}
}

// oldest returns for how long the write has been under way that began first; 0 if there is none.
func (p *pending) oldest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	longest := time.Duration(0)
	for _, began := range p.writes {
		longest = max(longest, time.Since(began))
	}
	return longest
}

// Hangs tells of each write that did not return within HangsAfter, at that moment; of several that come
// together it tells once.
func (r *Raft) Hangs() <-chan struct{} { return r.writes.pending.hangs }

// Hanging returns for how long a write has been under way, if that is HangsAfter or more; else 0.
func (r *Raft) Hanging() time.Duration {
	if d := r.writes.pending.oldest(); d >= HangsAfter {
		return d
	}
	return 0
}
