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

// Waits of the elector.
const (
	campaignLimit = 500 * time.Millisecond
	// secondTry bounds the random wait after which the voters that were not first stand for election,
	// should the first have failed.
	secondTryMin = 50 * time.Millisecond
	secondTryMax = 200 * time.Millisecond
)

// elector replaces a leader whose lease a majority of voters withdrew: the voter with the newest log
// stands for election at once, the others after a short random wait if there is still no other leader.
// Raft's own timeouts stay behind it.
type elector struct {
	node string
	log  *slog.Logger
	raft *consensus.Node
	// successor is the conductor's.
	successor func(voters []string, leader string, epoch uint64) string
	wake      chan struct{}
	asked     chan string // the leader who gives up asks this node to stand

	mu         sync.Mutex
	challenger lease.Challenger
}

// Run stands for election when it is due, until ctx ends.
func (e *elector) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	second := "" // the silent leader that a second try is waiting for
	if voters, err := voterNames(e.raft); err == nil && slices.Equal(voters, []string{e.node}) {
		e.campaign(ctx, "", "it is the only voter")
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case leader := <-e.asked:
			e.campaign(ctx, leader, "the leader gave up")
		case <-timer.C:
			if leader, first := e.due(); leader != "" && leader == second && first != "" {
				e.campaign(ctx, leader, "no other voter replaced it")
			}
			second = ""
		case <-e.wake:
			leader, first := e.due()
			switch {
			case leader == "" || leader == second:
			case first == e.node:
				e.campaign(ctx, leader, "a majority withdrew its lease")
				fallthrough
			default:
				second = leader
				resetTimer(timer, secondTryMin+rand.N(secondTryMax-secondTryMin))
			}
		}
	}
}

// due returns the leader that has to be replaced and who should be first to stand; empty when there is
// none, or when this node does not vote.
func (e *elector) due() (leader, first string) {
	view := e.raft.View()
	if !slices.Contains(view.Voters.Names, e.node) {
		return "", ""
	}
	leader, _ = e.raft.Leader()
	n := view.Nodes[leader]
	if !n.Live() || leader == e.node {
		return "", ""
	}
	if !e.note(view)[leader] {
		return "", ""
	}
	if first = e.successor(view.Voters.Names, leader, n.Epoch); first == "" {
		return "", ""
	}
	return leader, first
}

// note takes down which members a majority withdrew, and returns those to be challenged if they lead. It is
// due after each withdrawal: what counts is who led when the majority came about.
func (e *elector) note(view *state.State) map[string]bool {
	term := e.raft.Term()
	e.mu.Lock()
	defer e.mu.Unlock()
	stands := map[string]bool{}
	for name, epoch := range view.LiveEpochs() {
		if e.successor(view.Voters.Names, name, epoch) != "" {
			stands[name] = e.challenger.Stands(name, epoch, term)
		}
	}
	return stands
}

func (e *elector) campaign(ctx context.Context, leader, why string) {
	e.log.Info("standing for election", "old_leader", leader, "reason", why)
	limited, cancel := context.WithTimeout(ctx, campaignLimit)
	defer cancel()
	if err := e.raft.Campaign(limited); err != nil {
		e.log.Warn("stand for election", "error", err)
	}
}
