package cluster

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/state"
)

// Intervals of the clerk.
const (
	clerkRetry = 20 * time.Millisecond
	clerkRest  = time.Second     // at most, after command upon command was refused
	clerkLimit = 2 * time.Second // of one command
)

// clerk has the leader write down what concerns this node alone: that its daemon has started, and that it
// let go of what it owed. Nothing on the way of a failover waits for it.
type clerk struct {
	self    wireName
	log     *slog.Logger
	view    func() *state.State
	propose func(context.Context, state.Command) (state.Result, error)
	vacant  func() bool // this host carries nothing
	// longOver reports whether a long lease that the state knows of is over.
	longOver func() bool
	wake     chan struct{}

	refused bool          // something was, in this step
	pause   time.Duration // after the last refusal
	rests   lease.Instant // until then

	mu       sync.Mutex
	letGo    map[uint64]state.Tenure // debts to be settled, by serial
	spent    state.Tenure            // to be retired once nothing is carried
	stopping bool
}

// Run writes until ctx ends.
func (c *clerk) Run(ctx context.Context) error {
	lookRound(ctx, c.wake, func() time.Duration { return c.turn(ctx) })
	return nil
}

// turn takes a step, and returns how long to wait for the next. A command that is refused stands in the log all the
// same, and whoever follows the log is woken by it: without a rest a lasting refusal would fill all disks.
func (c *clerk) turn(ctx context.Context) time.Duration {
	if wait := c.rests.Sub(bootNow()); wait > 0 {
		return wait
	}
	c.refused = false
	done := c.step(ctx)
	if c.refused {
		c.pause = min(max(2*c.pause, clerkRetry), clerkRest)
		c.rests = bootNow().Add(c.pause)
		return c.pause
	}
	c.pause = 0
	if !done {
		return clerkRetry
	}
	return untilBeat()
}

// settle has debts written off once the clerk is woken: those who wait for them have been told.
func (c *clerk) settle(who state.Tenure, serials []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, serial := range serials {
		c.letGo[serial] = who
	}
}

// retire has an epoch of this node written off once it carries nothing.
func (c *clerk) retire(who state.Tenure) {
	c.mu.Lock()
	c.spent = who
	c.mu.Unlock()
	kick(c.wake)
}

// stop keeps the clerk from registering this node again.
func (c *clerk) stop() {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
}

// resume undoes stop.
func (c *clerk) resume() {
	c.mu.Lock()
	c.stopping = false
	c.mu.Unlock()
	kick(c.wake)
}

// step writes what there is to write; false asks for another try soon.
func (c *clerk) step(ctx context.Context) bool {
	view := c.view()
	settled := c.settleOwed(ctx, view)
	c.endLong(ctx, view)
	return c.register(ctx, view) && settled
}

func (c *clerk) register(ctx context.Context, view *state.State) bool {
	c.mu.Lock()
	stopping, spent := c.stopping, c.spent
	c.mu.Unlock()
	me := view.Nodes[c.self.node]
	switch {
	case me == nil || stopping:
		return true
	case me.Leaving:
		return c.bowOut(ctx, me)
	case me.Live() && me.Epoch == spent.Epoch:
		if !c.vacant() {
			return false
		}
		_, err := c.do(ctx, state.Command{Retire: &state.Retire{Tenure: spent}})
		return err == nil
	case me.Live():
		// This start's own, or an earlier one's that the voters will find silent.
		return me.Start == c.self.start
	case !c.vacant():
		return false
	}
	_, err := c.do(ctx, state.Command{Register: &state.Register{
		Node: c.self.node, Instance: c.self.instance, Start: c.self.start,
	}})
	return err == nil
}

// bowOut ends this start's epoch on a member that an operator took out while it was alive: the state has it let go of
// everything, and only when its epoch is dead do the others go on without it.
func (c *clerk) bowOut(ctx context.Context, me *state.Node) bool {
	if !me.Live() || me.Start != c.self.start {
		return true
	}
	if !c.vacant() {
		return false
	}
	_, err := c.do(ctx, state.Command{Retire: &state.Retire{Tenure: state.Tenure{Node: me.Name, Epoch: me.Epoch}}})
	return err == nil
}

// endLong has the long lease of a restart-hold written off when it is over.
func (c *clerk) endLong(ctx context.Context, view *state.State) {
	me := view.Nodes[c.self.node]
	if me == nil || me.LongLease == 0 || me.Start != c.self.start || !c.longOver() {
		return
	}
	// Whoever is late with it costs only time between two changes of the voters.
	_, _ = c.do(ctx, state.Command{LongLease: &state.LongLease{Tenure: state.Tenure{Node: c.self.node, Epoch: me.Epoch}}})
}

func (c *clerk) settleOwed(ctx context.Context, view *state.State) bool {
	c.mu.Lock()
	for serial, who := range c.letGo {
		switch d := view.Debts[serial]; {
		case d == nil && serial <= view.LastSerial, d != nil && (state.Tenure{Node: d.Node, Epoch: d.Epoch}) != who:
			delete(c.letGo, serial)
		}
	}
	owed := maps.Clone(c.letGo)
	c.mu.Unlock()
	byTenure := map[state.Tenure][]uint64{}
	for _, serial := range slices.Sorted(maps.Keys(owed)) {
		byTenure[owed[serial]] = append(byTenure[owed[serial]], serial)
	}
	ok := true
	for who, serials := range byTenure {
		if _, err := c.do(ctx, state.Command{Settle: &state.Settle{Tenure: who, Serials: serials}}); err != nil {
			ok = false
		}
	}
	return ok
}

func (c *clerk) do(ctx context.Context, cmd state.Command) (state.Result, error) {
	limited, cancel := context.WithTimeout(ctx, clerkLimit)
	defer cancel()
	cmd.At, cmd.By = time.Now(), c.self.node
	result, err := c.propose(limited, cmd)
	c.refused = c.refused || result.Err != nil
	if err = errors.Join(err, result.Err); err != nil && ctx.Err() == nil {
		c.log.Debug("the leader did not take a command", "command", cmd.Name(), "error", err)
	}
	return result, err
}
