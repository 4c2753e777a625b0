package sim

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"vipd/cluster/state"
)

// TestEachRuleIsNeeded leaves out one safety rule at a time and expects that schedules which provoke it
// make two nodes answer for one address, and that none of them does with the rule in force.
func TestEachRuleIsNeeded(t *testing.T) {
	for name, c := range map[string]struct {
		omit   Rules
		script func(*world) time.Duration // nil: random faults
		nodes  int
		lease  int
		seeds  uint64
	}{
		"durable withdrawals":             {omit: Rules{DurableWithdrawal: true}, script: forgetfulVoter, nodes: 3, seeds: 100},
		"a majority of withdrawals":       {omit: Rules{WithdrawalMajority: true}, seeds: 150},
		"counting from sending":           {omit: Rules{SendTime: true}, script: sleepingHolder, nodes: 3, seeds: 100},
		"dead epochs get no grant":        {omit: Rules{EpochCheck: true}, script: alternatingSilence, nodes: 5, seeds: 100},
		"the wait after a restart":        {omit: Rules{RestartWait: true}, script: restartingVoters, nodes: 5, seeds: 100},
		"the remembered ceiling":          {omit: Rules{Ceiling: true}, script: shorterProfile, nodes: 5, lease: 3, seeds: 100},
		"the wait between voter changes":  {omit: Rules{ChangeWait: true}, script: shrinkingVoters, nodes: 5, seeds: 100},
		"refusing an older configuration": {omit: Rules{ConfigRefusal: true}, script: shrinkingVoters, nodes: 5, seeds: 100},
		"the ceiling of a long promise":   {omit: Rules{LongPromise: true}, script: pausedHold, nodes: 5, lease: 1, seeds: 100},
		"announcing a long lease":         {omit: Rules{LongAnnounced: true}, script: shrinkingHold, nodes: 5, lease: 1, seeds: 100},
		"counting a long lease":           {omit: Rules{LongCounted: true}, script: shrinkingHold, nodes: 5, lease: 1, seeds: 100},
		"the wait after a long lease":     {omit: Rules{LongEnd: true}, script: shrinkingHoldAtItsEnd, nodes: 5, lease: 3, seeds: 400},
		"an heir's view":                  {omit: Rules{HeirIndex: true}, script: lateAppend, nodes: 3, lease: 2, seeds: 100},
		"waiting for debts":               {omit: Rules{Debts: true}, seeds: 50},
		"clock rates and margin":          {omit: Rules{Slack: true}, script: slowHolder, nodes: 3, lease: 3, seeds: 200},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{script: c.script, nodes: c.nodes, voters: c.nodes, profile: c.lease}
			found := uint64(0)
			for seed := uint64(1); seed <= c.seeds && found == 0; seed++ {
				o.Seed, o.Omit = seed, c.omit
				var two *TwoHolders
				if errors.As(Run(o), &two) {
					found = seed
				}
			}
			if found == 0 {
				t.Fatalf("without the rule no two holders in %d schedules", c.seeds)
			}
			t.Logf("without the rule, two holders with seed %d", found)
			for seed := uint64(1); seed <= found+20; seed++ {
				o.Seed, o.Omit = seed, Rules{}
				if err := Run(o); err != nil {
					report(t, o, err)
				}
			}
		})
	}
}

// TestReplayedRenewals shows what sequence numbers are for: a recorded renewal makes nobody hold, but it
// would keep a dead member in office.
func TestReplayedRenewals(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		o := Options{Seed: seed, script: replayedRenewals, nodes: 3, voters: 3, profile: 2}
		if err := Run(o); err != nil {
			report(t, o, err)
		}
		o.Omit.SeqCheck = true
		var nobody *NoHolder
		if err := Run(o); !errors.As(err, &nobody) {
			t.Errorf("seed %d: a recorded renewal, granted each time, ended with %v; want the dead member not replaced", seed, err)
		}
	}
}

// TestSomeHolder plays faults that last and leave a majority which can talk: everything has a holder.
func TestSomeHolder(t *testing.T) {
	for name, o := range map[string]Options{
		"withdrawn by one voter, then another died": {script: withdrawnThenAlone, nodes: 3, voters: 3},
		"reaches one voter of a majority":           {script: cutOffHolder, nodes: 5, voters: 5},
	} {
		t.Run(name, func(t *testing.T) {
			for o.Seed = 1; o.Seed <= 40; o.Seed++ {
				if err := Run(o); err != nil {
					report(t, o, err)
				}
			}
		})
	}
}

// TestFailoverTakesOneLeaseAndOneCommit kills the host of a holder and measures until everything has a
// holder again: no longer than a promise, and what withdrawing, electing, committing and taking need.
func TestFailoverTakesOneLeaseAndOneCommit(t *testing.T) {
	limit := timingOf(state.LAN).Promise() + 100*time.Millisecond
	for name, victim := range map[string]func(play) *node{
		"a holder": func(p play) *node { return p.holder },
		"the leader": func(p play) *node {
			moveAll(p.leader, p.leader)
			return p.leader
		},
	} {
		t.Run(name, func(t *testing.T) {
			var took []time.Duration
			for seed := uint64(1); seed <= 40; seed++ {
				o := Options{Seed: seed, nodes: 5, voters: 5, profile: 2}
				o.script = func(w *world) time.Duration {
					return direct(w, func(p play) {
						dead := victim(p)
						w.after(150*time.Millisecond, func() { took = append(took, w.failover(dead, limit)) })
					})
				}
				if err := Run(o); err != nil {
					report(t, o, err)
				}
			}
			slices.Sort(took)
			if len(took) < 30 {
				t.Fatalf("only %d of 40 clusters came about", len(took))
			}
			t.Logf("median %v, longest %v of %d", took[len(took)/2], took[len(took)-1], len(took))
		})
	}
}

// failover kills a host and returns how long it takes until everything has a holder.
func (w *world) failover(n *node, limit time.Duration) time.Duration {
	n.crash(true)
	start := w.now
	for w.failure == nil && w.settled() != nil {
		if w.now > start+limit {
			w.failure = w.settled()
		}
		w.runUntil(w.now + time.Millisecond)
	}
	return w.now - start
}

// TestSchedulesDoWhatTheyShould looks for the things that random schedules are there to bring about.
func TestSchedulesDoWhatTheyShould(t *testing.T) {
	var trace bytes.Buffer
	for seed := range uint64(100) {
		if err := Run(Options{Seed: seed, Trace: &trace}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	for _, what := range []string{
		"campaigns", "expires", "changes voters", "is paused", "crashes, host true", "crashes, host false", "stops",
		"persist withdrawal", "is over", "older voter configuration", "not ready", "unknown epoch", "withdrawn",
		"holds for", "leaves its lease", "goes on with the lease", "lower lease ceiling",
		"hears that debts", "the network splits", "set profile", "set groups", "gives up epoch", "before Raft",
	} {
		if n := bytes.Count(trace.Bytes(), []byte(what)); n < 10 {
			t.Errorf("%q happened %d times in 100 schedules", what, n)
		}
	}
}
