package cluster

import (
	"context"
	"time"

	"vipd/cluster/lease"
	"vipd/vip/boottime"
)

// bootNow reads the clock that leases are counted by.
func bootNow() lease.Instant { return lease.Instant(boottime.Now()) }

// beatEach is how often a daemon's parts look round although nothing seems to have happened.
const beatEach = time.Second

// started is what the beats are counted from, so that those of two daemons on one machine are not the same.
var started = bootNow()

// untilBeat returns how long to wait for a beat, a quarter of one at least. All parts wait for the same instants, so
// that an idle daemon is woken once for all of them, as the kernel's round_jiffies has it.
func untilBeat() time.Duration {
	const least = beatEach / 4
	past := (bootNow().Sub(started) + least) % beatEach
	return least + beatEach - past
}

// kick wakes whoever waits on a channel of capacity one; several kicks before it wakes are one.
func kick(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// lookRound takes steps until ctx ends. Each says how long to wait for the next, which a wake-up cuts short.
func lookRound(ctx context.Context, wake <-chan struct{}, step func() time.Duration) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		resetTimer(timer, step())
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-wake:
		}
	}
}

// resetTimer makes t fire after d, which may have passed.
func resetTimer(t *time.Timer, d time.Duration) { t.Reset(max(d, 0)) }
