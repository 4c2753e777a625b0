package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/wire"
	"vipd/vip/boottime"
)

// minWait keeps a deadline that does not move from taking a processor, which under real-time scheduling
// would take the whole host.
const minWait = 100 * time.Microsecond

// deliver takes in datagrams of the lease: all that were waiting, so that no member is thought silent whose
// renewal is among them.
func (k *keeper) deliver(messages ...wire.Message) {
	k.steps.Lock()
	defer k.steps.Unlock()
	if !k.running {
		return // as if the network had lost them
	}
	k.awake()
	k.tick() // a process that was stopped shuts the gate before it believes anything
	for _, m := range messages {
		k.receive(m)
	}
	k.turn()
}

// Run keeps the lease until ctx ends. Then the gate is shut, unless it is left to the next start.
func (k *keeper) Run(ctx context.Context) error {
	timer, err := boottime.NewTimer()
	if err != nil {
		return fmt.Errorf("keep the lease: %w", err)
	}
	waker, err := boottime.NewWaker()
	if err != nil {
		return errors.Join(fmt.Errorf("keep the lease: %w", err), timer.Close())
	}
	var clock sync.WaitGroup
	defer k.writers.Wait()
	defer clock.Wait()
	defer timer.Close() // of a timer that nobody waits for any more
	defer waker.Close()
	defer k.end()
	k.do(func() {
		k.timer, k.running = timer, true
		k.observe()
	})
	clock.Go(func() { timer.Wait(k.fired) })
	clock.Go(func() { waker.Wait(k.resumed) })
	resign := k.resign
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.refresh:
			k.do(k.observe)
		case ev := <-k.durable:
			k.do(func() { k.vote(ev) })
		case <-resign:
			resign = nil
			k.do(func() { k.hold(lease.Resign{}) })
		}
	}
}

// fired does what is due.
func (k *keeper) fired() {
	k.steps.Lock()
	defer k.steps.Unlock()
	k.armed = never
	k.turned.Store(int64(bootNow()))
	if k.running {
		k.awake()
		k.turn()
	}
}

// resumed does what the end of a suspension asks for, before anything is due by the clock.
func (k *keeper) resumed() {
	k.steps.Lock()
	defer k.steps.Unlock()
	if k.running {
		k.awake()
		k.turn()
	}
}

// do steps the machines, and then lets them know what time it is.
func (k *keeper) do(step func()) {
	k.steps.Lock()
	defer k.steps.Unlock()
	k.awake()
	step()
	k.turn()
}

// awake comes before anything else that the keeper does: if the machine was suspended, the lease and the promises
// are no longer what the clock makes of them.
func (k *keeper) awake() {
	if slept := k.slept(); slept != 0 {
		k.log.Warn("the machine was suspended; the lease ends here", "for", slept)
		if k.inherited.pending() {
			k.forsake("the machine was suspended")
		}
		k.hold(lease.Slept{})
		k.vote(lease.Slept{})
	}
}

// never is when a timer fires that is not set.
const never = lease.Instant(math.MaxInt64)

// arm sets the timer to when something is due, unless it fires before that anyway.
func (k *keeper) arm() {
	at := k.deadline()
	if !at.Before(k.armed) {
		return
	}
	k.armed = at
	if err := k.timer.Set(int64(max(at, bootNow().Add(minWait)))); err != nil {
		k.broken(err)
	}
}

// looked returns when the timer last fired, which it does once a second at least, unless something holds it up.
func (k *keeper) looked() lease.Instant { return lease.Instant(k.turned.Load()) }

// end shuts the door, and has whoever still brings something turned away.
func (k *keeper) end() {
	k.steps.Lock()
	defer k.steps.Unlock()
	k.running = false
	close(k.ended)
	k.door.finish()
}

// turn does what is due now. The voter's clock comes last: all that was heard counts before it finds anyone silent.
func (k *keeper) turn() {
	k.tick()
	k.hearMyself()
	k.vote(lease.Tick{})
	k.hearMyself()
	k.arm()
}

// hearMyself takes in what this node said to itself, and what that has it say.
func (k *keeper) hearMyself() {
	for len(k.own) > 0 {
		m := k.own[0]
		k.own = k.own[1:]
		k.receive(m)
	}
	k.own = nil
}

func (k *keeper) tick() {
	k.outlived()
	k.retime()
	k.hold(lease.Tick{})
}

func (k *keeper) deadline() lease.Instant {
	at := bootNow().Add(time.Second)
	if due, ok := k.holder.Deadline(); ok && due.Before(at) {
		at = due
	}
	if due, ok := k.voter.Deadline(); ok && due.Before(at) {
		at = due
	}
	return at
}
