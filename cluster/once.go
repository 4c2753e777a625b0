package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"vipd/cluster/consensus"
)

// A copy of a call may come long after its sender has given it up: what TCP has not delivered when a connection is closed
// it goes on to send, for minutes, and a leader that is suspended reads it later still. The sender has then asked again,
// been answered, and somebody else may have decided otherwise since. So a proposal names itself and the term whose leader
// it is for. That leader has it committed once, and the leader of any other term not at all:
//
//   - copies of one term find each other here, in the memory of the one who leads then;
//   - what a former leader took in comes into the log before the next leader's first entry, or never. Whoever was
//     answered by the next one, therefore, has had all of it.
const (
	// onceFor is how long a leader remembers a proposal. It is longer than TCP keeps what nobody has acknowledged, after
	// the connection was closed.
	onceFor = 10 * time.Minute
	// onceLimit bounds what a proposal waits for Raft when its sender has gone.
	onceLimit = time.Minute
)

// receipt is what became of a proposal.
type receipt struct {
	id   string
	at   time.Time
	done chan struct{} // closed when out and err are valid
	out  outcome
	err  error
}

// receipts are those of one term, in the order in which they came.
type receipts struct {
	mu    sync.Mutex
	term  uint64
	byID  map[string]*receipt
	order []*receipt
}

// take returns the receipt of a proposal in a term, and whether this is its first copy.
func (r *receipts) take(term uint64, id string, now time.Time) (*receipt, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if term != r.term || r.byID == nil {
		r.term, r.byID, r.order = term, map[string]*receipt{}, nil
	}
	for len(r.order) > 0 && now.Sub(r.order[0].at) > onceFor {
		delete(r.byID, r.order[0].id)
		r.order = r.order[1:]
	}
	if known := r.byID[id]; known != nil {
		return known, false
	}
	taken := &receipt{id: id, at: now, done: make(chan struct{})}
	r.byID[id], r.order = taken, append(r.order, taken)
	return taken, true
}

// proposed has another node's proposal committed, once.
func (m *member) proposed(ctx context.Context, p proposal) (outcome, error) {
	if p.ID == "" { // of an earlier version
		return m.proposeHere(ctx, p)
	}
	term := m.raft.Term()
	if !m.raft.Leads() || term != m.raft.Term() {
		return outcome{}, consensus.ErrNotLeader
	}
	if p.Term != term {
		return outcome{}, &termError{term}
	}
	r, first := m.receipts.take(term, p.ID, time.Now())
	if first {
		go func() {
			// The sender may go away, and ask again for the same.
			limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), onceLimit)
			defer cancel()
			defer close(r.done)
			r.out, r.err = m.proposeHere(limited, p)
		}()
	}
	select {
	case <-r.done:
		return r.out, r.err
	case <-ctx.Done():
		return outcome{}, context.Cause(ctx)
	}
}

// termError refuses a proposal for the leader of another term.
type termError struct{ term uint64 }

func (e *termError) Error() string {
	return fmt.Sprintf("this is for the leader of another term than %d: %v", e.term, consensus.ErrNotLeader)
}

func (e *termError) Unwrap() error { return consensus.ErrNotLeader }

// proposeTo calls the leader with a proposal. The term is what Raft here knows; where it waits for its disk the leader says it.
func (m *member) proposeTo(ctx context.Context, address string, p proposal, out *outcome) error {
	p.Term = m.raft.Term()
	err := m.calls.call(ctx, address, "propose", p, out)
	if refused := (*callError)(nil); errors.As(err, &refused) && refused.Term > p.Term {
		p.Term = refused.Term
		err = m.calls.call(ctx, address, "propose", p, out)
	}
	return err
}

// named gives a proposal its name, by which copies are known.
func (p proposal) named() proposal {
	p.ID = rand.Text()
	return p
}
