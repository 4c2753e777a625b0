package cluster

import (
	"context"
	"time"

	"vipd/cluster/lease"
	"vipd/cluster/wire"
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
	k.tick() // a process that was stopped shuts the gate before it believes anything
	for _, m := range messages {
		k.receive(m)
	}
	k.turn()
	if k.deadline().Before(k.armed) {
		kick(k.rearm)
	}
}

// Run keeps the lease until ctx ends. Then the gate is shut, unless it is left to the next start.
func (k *keeper) Run(ctx context.Context) error {
	defer k.writers.Wait()
	defer k.end()
	timer := time.NewTimer(0)
	defer timer.Stop()
	resign := k.resign
	k.do(func() {
		k.running = true
		k.observe()
	})
	for {
		resetTimer(timer, max(k.arm().Sub(bootNow()), minWait))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			k.do(func() {})
		case <-k.rearm:
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

// do steps the machines, and then lets them know what time it is.
func (k *keeper) do(step func()) {
	k.steps.Lock()
	defer k.steps.Unlock()
	step()
	k.turn()
}

// arm returns when something is due, and remembers that the timer is set to it.
func (k *keeper) arm() lease.Instant {
	k.steps.Lock()
	defer k.steps.Unlock()
	k.armed = k.deadline()
	k.turned.Store(int64(bootNow()))
	return k.armed
}

// looked returns when Run last came round, which it does once a second at least, unless something holds it up.
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
