package cluster

import (
	"sync/atomic"
	"time"
)

// courtesy is how long those who are not on the way of a failover leave the processors to those who are: about as long
// as it takes two hosts to hand over an address.
const courtesy = 5 * time.Millisecond

// courteous does something a little after it was asked to, once for all who asked meanwhile.
type courteous struct {
	do      func()
	pending atomic.Bool
}

func (c *courteous) soon() {
	if c.pending.Swap(true) {
		return
	}
	time.AfterFunc(courtesy, func() {
		c.pending.Store(false)
		c.do()
	})
}
