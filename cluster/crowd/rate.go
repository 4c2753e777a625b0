package crowd

import (
	"sync"
	"time"
)

// maxHosts bounds the hosts that are counted apart; more than that share what all have.
const maxHosts = 256

// Rate bounds how often strangers may try something: each host, and all together.
type Rate struct {
	host, all bound

	mu    sync.Mutex
	hosts map[string]*bucket
	total bucket
}

// bound is how many tries there are each second, and how many at once.
type bound struct{ each, burst float64 }

// NewRate returns a Rate that lets each host try so many times a second, and twice that at once; all together ten times
// as often.
func NewRate(each float64) *Rate {
	return &Rate{host: bound{each, 2 * each}, all: bound{10 * each, 20 * each}, hosts: map[string]*bucket{}}
}

// Take reports whether a host may try.
func (r *Rate) Take(host string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.hosts[host]
	if b == nil {
		if len(r.hosts) >= maxHosts {
			r.forget(now)
		}
		b = &bucket{}
		r.hosts[host] = b
	}
	return b.take(r.host, now) && r.total.take(r.all, now)
}

// forget drops the hosts that have tried nothing for a while, or else all of them.
func (r *Rate) forget(now time.Time) {
	for host, b := range r.hosts {
		if b.level(r.host, now) == 0 {
			delete(r.hosts, host)
		}
	}
	if len(r.hosts) >= maxHosts {
		clear(r.hosts)
	}
}

// bucket fills with tries and drains with time.
type bucket struct {
	used float64
	at   time.Time
}

func (b *bucket) level(of bound, now time.Time) float64 {
	return max(0, b.used-of.each*now.Sub(b.at).Seconds())
}

func (b *bucket) take(of bound, now time.Time) bool {
	b.used, b.at = b.level(of, now), now
	if b.used+1 > of.burst {
		return false
	}
	b.used++
	return true
}
