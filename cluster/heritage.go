package cluster

import (
	"sync"
	"time"

	"vipd/cluster/lease"
)

// heritage remembers what each group's last speaker was, so that its successor can go on as that. It is soft:
// who knows nothing begins as a backup, as any router does.
type heritage struct {
	self   string
	silent func(node string) time.Duration

	mu    sync.Mutex
	roles map[string]role // by group
}

// role is what a group's speaker said last.
type role struct {
	node   string
	serial uint64
	master bool
	at     lease.Instant // when it said so
	ended  lease.Instant // when it said nothing of the group any more; 0: it did not
}

// hear takes in what a node says of the groups that it speaks for.
func (h *heritage) hear(node string, groups map[string]spoken) {
	now := bootNow()
	h.mu.Lock()
	defer h.mu.Unlock()
	for group, r := range h.roles {
		if _, speaks := groups[group]; r.node == node && !speaks && r.ended == 0 {
			r.ended = now
			h.roles[group] = r
		}
	}
	for group, s := range groups {
		if s.Alone && node != h.self {
			continue // what it holds without a lease does not go on with anybody else
		}
		if s.Serial >= h.roles[group].serial {
			h.roles[group] = role{node: node, serial: s.Serial, master: s.isMaster(), at: now}
		}
	}
}

// inherits reports whether whoever spoke for a group before the assignment of a serial was master, and was so
// less than a while ago. A speaker that said so and has kept its lease since is still it.
func (h *heritage) inherits(group string, serial uint64, within time.Duration) bool {
	h.mu.Lock()
	r, known := h.roles[group]
	h.mu.Unlock()
	if !known || !r.master || r.serial > serial {
		return false
	}
	if r.ended != 0 {
		return bootNow().Sub(r.ended) < within
	}
	return min(bootNow().Sub(r.at), h.silent(r.node)) < within
}
