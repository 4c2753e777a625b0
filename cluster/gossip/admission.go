package gossip

import (
	"net/netip"
	"time"
)

// A datagram of somebody unknown costs a derived key, ten times what one of a member does; and memberlist makes a cipher
// for each of its packets. So that a flood of strangers does not keep a node from reading what members say, only so many
// are looked at: of each host that was a member's before, some, since its daemon may have been started anew; of all
// others together, a limited number. Somebody new in the middle of a flood is heard after a while, for he says what he
// has to say many times.
const (
	provedRate  = 100 // looked at each second, and at once
	provedHosts = 256
	otherRate   = 500
)

// admission is used by one goroutine.
type admission struct {
	proved map[netip.Addr]*buckets
	others buckets
}

// buckets are of one host, or of all others.
type buckets struct{ senders, packets bucket }

// sender reports whether what an unknown sender on a host says is looked at.
func (a *admission) sender(host netip.Addr, now time.Time) bool {
	if b := a.proved[host]; b != nil {
		return b.senders.take(provedRate, now)
	}
	return a.others.senders.take(otherRate, now)
}

// packet reports whether memberlist gets a packet.
func (a *admission) packet(host netip.Addr, now time.Time) bool {
	if b := a.proved[host]; b != nil {
		return b.packets.take(provedRate, now)
	}
	return a.others.packets.take(otherRate, now)
}

// prove notes that somebody on a host has the key.
func (a *admission) prove(host netip.Addr) {
	if a.proved[host] != nil {
		return
	}
	if a.proved == nil || len(a.proved) >= provedHosts {
		a.proved = map[netip.Addr]*buckets{}
	}
	a.proved[host] = &buckets{}
}

// bucket has what its rate is for a second at most; the zero one is full.
type bucket struct {
	used float64
	at   time.Time
}

func (b *bucket) take(rate float64, now time.Time) bool {
	b.used = max(0, b.used-rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.used+1 > rate {
		return false
	}
	b.used++
	return true
}
