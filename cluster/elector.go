package cluster

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"vipd/cluster/consensus"
	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// Waits of the elector, each random up to its bound. Unless all have withdrawn, even the first candidate waits a
// little: voters that heard different withdrawals may each take themselves for it. The others give it time for four syncs of a slow disk,
// its own and theirs: two who stand in one term share the votes, and Raft tries again only after its own timeout.
const (
	firstTry      = 3 * time.Millisecond
	laterTry      = 120 * time.Millisecond
	laterTryAfter = 100 * time.Millisecond
	mostDoubled   = 4 // how often the wait doubles while nobody is elected, as where no majority is left
	campaignLimit = 500 * time.Millisecond
	regainAfter   = 50 * time.Millisecond
)

// elector replaces a leader whose lease a majority of voters withdrew: the voter with the newest log
// stands for election at once, the others after a short random wait, and all again until there is another
// leader. Raft's own timeouts stay behind it.
type elector struct {
	node string
	log  *slog.Logger
	raft *consensus.Node
	// successor is the conductor's.
	successor func(voters []string, leader string, epoch uint64) (name string, certain bool)
	wake      chan struct{}
	asked     chan string   // the leader who gives up asks this node to stand
	gaveUp    chan struct{} // this leader asked another to stand

	against string // the silent leader that this node waits to replace
	hasty   bool   // without waiting
	tries   int    // how often it stood against that leader
	term    uint64 // when it looked last

	mu         sync.Mutex
	challenger lease.Challenger
}

// Run stands for election when it is due, until ctx ends.
func (e *elector) Run(ctx context.Context) error {
	timer, regain := time.NewTimer(time.Hour), time.NewTimer(time.Hour)
	defer timer.Stop()
	defer regain.Stop()
	if voters, err := voterNames(e.raft); err == nil && slices.Equal(voters, []string{e.node}) {
		e.campaign(ctx, "", "it is the only voter")
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case leader := <-e.asked:
			e.campaign(ctx, leader, "the leader gave up")
		case <-e.gaveUp:
			resetTimer(regain, regainAfter)
		case <-regain.C:
			// Whoever lacks an entry is not elected, and has ended this node's term all the same.
			if leader, _ := e.raft.Leader(); leader == "" {
				e.campaign(ctx, "", "the one that it asked to lead was not elected")
			}
		case <-timer.C:
			if again := e.stand(ctx); again > 0 {
				resetTimer(timer, again)
			}
		case <-e.wake:
			leader, first, certain := e.due()
			hasty := first == e.node && certain
			if leader == e.against && hasty == e.hasty {
				continue
			}
			e.against, e.hasty, e.tries, e.term = leader, hasty, 0, e.raft.Term()
			switch {
			case hasty:
				resetTimer(timer, 0)
			case first == e.node:
				resetTimer(timer, rand.N(firstTry))
			default:
				resetTimer(timer, later())
			}
		}
	}
}

// later is how long a voter waits that is not the first to stand.
func later() time.Duration { return laterTryAfter + rand.N(laterTry) }

// stand stands for election if the leader is still to be replaced and nobody else stands. It returns when to try again; 0:
// not until something happens.
func (e *elector) stand(ctx context.Context) (again time.Duration) {
	leader, _, _ := e.due()
	switch {
	case leader == "" || leader != e.against:
		e.against = ""
		return 0
	case e.othersStand():
		return 2 * later()
	}
	e.campaign(ctx, leader, "a majority withdrew its lease")
	e.term = e.raft.Term()
	again = later() << min(e.tries, mostDoubled)
	e.tries++
	return again
}

// othersStand reports, once for each term, that somebody else stands for election in it: with a slow disk that takes time.
func (e *elector) othersStand() bool {
	leader, _ := e.raft.Leader()
	term := e.raft.Term()
	stand := leader == "" && term != e.term
	e.term = term
	return stand
}

// due returns the leader that has to be replaced and who should be first to stand, for certain or as far as this node
// knows; empty when there is none, or when this node does not vote.
func (e *elector) due() (leader, first string, certain bool) {
	view := e.raft.View()
	withdrawn := e.note(view)
	leader, _ = e.raft.Leader()
	stands := withdrawn[leader]
	if leader == "" {
		// Somebody ended the term of the one to be replaced, and was not elected, since it lacks an entry.
		leader = e.against
		_, stands = withdrawn[leader]
	}
	if leader == e.node || !stands || !slices.Contains(view.Voters.Names, e.node) {
		return "", "", false
	}
	first, certain = e.successor(view.Voters.Names, leader, view.Nodes[leader].Epoch)
	return leader, first, certain
}

// note takes down which members a majority withdrew, and returns them, and whether they are to be challenged if they
// lead. What counts is who led when the majority came about, so it is due after each withdrawal.
func (e *elector) note(view *state.State) (withdrawn map[string]bool) {
	term := e.raft.Term()
	e.mu.Lock()
	defer e.mu.Unlock()
	withdrawn = map[string]bool{}
	for name, epoch := range view.LiveEpochs() {
		if successor, _ := e.successor(view.Voters.Names, name, epoch); successor != "" {
			withdrawn[name] = e.challenger.Stands(name, epoch, term)
		}
	}
	return withdrawn
}

func (e *elector) campaign(ctx context.Context, leader, why string) {
	e.log.Info("standing for election", "old_leader", leader, "reason", why)
	limited, cancel := context.WithTimeout(ctx, campaignLimit)
	defer cancel()
	if err := e.raft.Campaign(limited); err != nil {
		e.log.Warn("stand for election", "error", err)
	}
}
