package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vipd/cluster/api"
	"vipd/cluster/state"
	"vipd/e2e/harness"
)

// earlierCommit is the vipd that all nodes begin with. It reads less of the cluster's commands than the present one, so
// that there is something to raise, keeps Raft's log in another form, and has what the other faults ask of a daemon.
const earlierCommit = "ae249d51cd58dcf1db7173ce16ed7dbdfaa3b9d7"

// upgradeWay is how a daemon is replaced. The new program is always there first, as a package leaves it.
type upgradeWay int

const (
	byRestart       upgradeWay = 1 + iota
	byRestartOnHold            // the addresses stay
	byKill                     // the daemon ends by kill -9
	killedMidway               // the new one is killed while it starts, and started again
	upgradeWays     = killedMidway
)

// downgradeWay is how the daemon ended that an earlier one is started after.
type downgradeWay int

const (
	afterStop     downgradeWay = 1 + iota
	afterKill                  // what Raft wrote last is where an earlier vipd does not look
	downgradeWays = afterKill
)

// refusals are what an earlier vipd says, last of all, where it may not go on.
var refusals = map[string]string{
	"this vipd is too old for its cluster": "refused: too old for its cluster",
	"and goes on in journal":               "refused: what Raft wrote last is in a journal",
}

// releases is which vipd the nodes run.
type releases struct {
	// earlier is the commit of which the nodes' first vipd is; empty: all run the present one from the beginning.
	earlier string

	mu       sync.Mutex
	raised   time.Duration // when the cluster was seen to use what an earlier vipd cannot read; 0: never
	attempts []attempt
}

// attempt is what came of starting an earlier vipd on what the present one left.
type attempt struct {
	Node    string        `json:"node"`
	At      time.Duration `json:"at_ns"`
	Outcome string        `json:"outcome"`
	Wrong   bool          `json:"wrong,omitempty"` // it must not be
}

// findEarlier sees to it that there is the vipd of an earlier commit. A clone without it has all other faults.
func (a *arena) findEarlier(ctx context.Context, commit string) {
	if commit == "" {
		a.note("nothing was upgraded, which was not asked for")
		return
	}
	if _, err := harness.BinariesOf(ctx, commit); err != nil {
		a.note("nothing was upgraded: %v", err)
		a.say("nothing will be upgraded: %v", err)
		return
	}
	a.releases.earlier = commit
}

// upgrade replaces a node's vipd by the present one.
func upgrade(ctx context.Context, a *arena, f Fault) error {
	n := a.Node(f.Target)
	if err := n.Upgrade(ctx); err != nil {
		return err
	}
	switch upgradeWay(f.Value) {
	case byRestartOnHold:
		return a.terminateUnderHold(ctx, n)
	case byKill:
		return a.kill(ctx, n)
	case killedMidway:
		// The moment is the schedule's: somewhere between the first instruction and a lease.
		return errors.Join(a.terminate(ctx, n), a.killStarting(ctx, n, f.At%(400*ms)))
	default:
		return a.terminate(ctx, n)
	}
}

// killStarting has a daemon start and kills it a moment later.
func (a *arena) killStarting(ctx context.Context, n *harness.Node, later time.Duration) error {
	if err := a.revive(ctx, n); err != nil {
		return err
	}
	select {
	case <-time.After(later):
	case <-ctx.Done():
	}
	return a.kill(ctx, n)
}

// upgraded has the present vipd run, whatever runs now.
func upgraded(ctx context.Context, a *arena, f Fault) error {
	n := a.Node(f.Target)
	if err := n.Upgrade(ctx); err != nil {
		return err
	}
	if s, err := n.Status(ctx); err == nil && s.Version == a.releases.earlier {
		if err := a.terminate(ctx, n); err != nil {
			return err
		}
	}
	return a.revive(ctx, n)
}

// downgrade starts an earlier vipd on what the present one left, and looks what it does: as long as the cluster may write
// nothing that it cannot read it serves on; afterwards it says so and ends.
func downgrade(ctx context.Context, a *arena, f Fault) error {
	n := a.Node(f.Target)
	made := attempt{Node: n.Name, At: a.since()}
	raised := a.releases.isRaised()
	stop := a.terminate
	if downgradeWay(f.Value) == afterKill {
		stop = a.kill
	}
	if err := errors.Join(stop(ctx, n), n.Downgrade(ctx, a.releases.earlier)); err != nil {
		return err
	}
	made.Outcome, made.Wrong = outcome(a.startEarlier(ctx, n), !n.Running(), raised, n.Log(4<<10))
	a.releases.add(made)
	a.say("the earlier vipd on %s: %s", n, made.Outcome)
	return nil
}

// startEarlier starts a node's daemon, and returns nil when it has a lease, or else why not.
func (a *arena) startEarlier(ctx context.Context, n *harness.Node) error {
	if err := n.Start(ctx); err != nil {
		return err
	}
	ended := false
	err := harness.Await(ctx, n.Name+" has a lease, or ends", func(ctx context.Context) error {
		if ended = !n.Running(); ended {
			return nil
		}
		s, err := n.Status(ctx)
		if err == nil && !s.Quorum {
			err = errors.New("it has no lease")
		}
		return err
	})
	if ended {
		return errors.New("it ended")
	}
	return err
}

// outcome says in words what became of an earlier vipd that was started, and whether that must not be.
func outcome(err error, ended, raised bool, log string) (text string, wrong bool) {
	said := lastLine(log)
	switch {
	case ended:
		if text := refusal(said); text != "" {
			return text, false
		}
		return "ended: " + said, true
	case err != nil:
		return fmt.Sprintf("undecided when its time was over: %.200s", err), false
	case raised:
		return "served, although the cluster uses what it cannot read", true
	default:
		return "served", false
	}
}

// refusal is what an earlier vipd's last words mean; empty: something else.
func refusal(said string) string {
	for words, text := range refusals {
		if strings.Contains(said, words) {
			return text
		}
	}
	return ""
}

func (r *releases) add(made attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts = append(r.attempts, made)
}

func (r *releases) isRaised() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.raised > 0
}

// followRaise waits until the cluster's history tells that all members read what the present vipd reads.
func (a *arena) followRaise(ctx context.Context) {
	tick := time.NewTicker(500 * ms)
	defer tick.Stop()
	for !a.releases.isRaised() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Who does not answer is asked again.
		_ = a.lookForRaise(ctx)
	}
}

func (a *arena) lookForRaise(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := a.anyMember(limited)
	if err != nil {
		return err
	}
	words := fmt.Sprintf("version %d,", state.CommandVersion)
	_, err = c.Events(limited, api.EventsRequest{Since: time.Now().Add(-time.Minute)}, func(e *state.Event, _ bool) error {
		if e.Kind == state.Raised && strings.Contains(e.Reason, words) && !a.releases.isRaised() {
			a.releases.mu.Lock()
			a.releases.raised = a.since()
			a.releases.mu.Unlock()
			a.say("the cluster uses %s", e.Reason)
		}
		return nil
	})
	return err
}

// allUpgraded is nil when each node runs the present vipd and the cluster may use all that it has.
func (a *arena) allUpgraded(ctx context.Context) error {
	for _, n := range a.Nodes {
		s, err := n.Status(ctx)
		switch {
		case err != nil:
			return err
		case s.Version == a.releases.earlier:
			return fmt.Errorf("%s runs the earlier vipd", n)
		case s.Commands == nil || s.Commands.Version != state.CommandVersion || len(s.Commands.Behind) > 0:
			return fmt.Errorf("%s says %+v of the cluster's commands", n, s.Commands)
		}
	}
	if !a.releases.isRaised() {
		return errors.Join(errors.New("no node's history tells of it"), a.lookForRaise(ctx))
	}
	return nil
}

// upgradeRest upgrades whom the schedule left, as when it was cut short.
func (a *arena) upgradeRest(ctx context.Context) error {
	if a.releases.earlier == "" {
		return nil
	}
	var errs []error
	for _, n := range a.Nodes {
		errs = append(errs, upgraded(ctx, a, Fault{Target: n.Name}))
	}
	return errors.Join(errs...)
}

// verdict is on the upgrades and on the ways back. Err is what all nodes lacked at the end.
func (r *releases) verdict(err error, now time.Duration) Verdict {
	v := Verdict{Question: "nodes are upgraded one by one, and there is a way back only until all are"}
	count := map[string]int{}
	for _, made := range r.attempts {
		if made.Wrong {
			text := fmt.Sprintf("the earlier vipd on %s at %.1f s: %s", made.Node, made.At.Seconds(), made.Outcome)
			v.Findings = append(v.Findings, Finding{made.At, text})
			continue
		}
		kind, _, _ := strings.Cut(made.Outcome, " when")
		count[kind]++
	}
	if err != nil {
		v.Findings = append(v.Findings, Finding{now, err.Error()})
	}
	text := fmt.Sprintf("all may be used since %.1f s", r.raised.Seconds())
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		text += fmt.Sprintf("; of those that went back %d %s", count[kind], kind)
	}
	return v.orElse("%s", text)
}
