package consensus

import (
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// troubleAfter is how long a peer cannot be reached before it is said: what is shorter is a connection that was closed,
	// as when the secret is rotated, and made anew.
	troubleAfter = time.Second
	// troubleEach is how often it is said again.
	troubleEach = 30 * time.Second
)

// reach says which peers cannot be reached. A leader tries each many times a second, for hours if it is off, and Raft
// itself would log every attempt.
type reach struct {
	log *slog.Logger

	mu       sync.Mutex
	troubles map[raft.ServerID]*trouble
}

// trouble is a peer that cannot be reached.
type trouble struct {
	since, said time.Time // said is zero before it was
	attempts    int       // since then
}

// note takes in how an attempt to send to a peer ended.
func (r *reach) note(id raft.ServerID, target raft.ServerAddress, err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.troubles[id]
	switch {
	case err == nil && t != nil:
		delete(r.troubles, id)
		if !t.said.IsZero() {
			r.log.Info("raft: a node is reachable again", "peer", id, "after", now.Sub(t.since).Round(time.Millisecond))
		}
	case err == nil:
	case t == nil:
		if r.troubles == nil {
			r.troubles = map[raft.ServerID]*trouble{}
		}
		r.troubles[id] = &trouble{since: now, attempts: 1}
	default:
		t.attempts++
		if t.said.IsZero() && now.Sub(t.since) < troubleAfter || now.Sub(t.said) < troubleEach {
			return
		}
		r.log.Warn("raft: a node cannot be reached", "peer", id, "address", target,
			"for", now.Sub(t.since).Round(time.Second), "attempts", t.attempts, "error", err)
		t.said, t.attempts = now, 0
	}
}

// toldByReach reports whether reach says better what a message of Raft says of each attempt.
func toldByReach(message string) bool {
	switch message {
	case "failed to heartbeat to", "failed to appendEntries to", "failed to contact", "failed to make requestVote RPC":
		return true
	}
	return false
}
