package sim

import (
	"time"

	"vipd/cluster/lease"
)

// clock is a machine's boot clock: it started somewhere and runs up to 1 % fast.
type clock struct {
	offset lease.Instant
	ppm    int64 // 0 to 10000 more than true time
}

// read returns what the clock shows at a true time.
func (c clock) read(t time.Duration) lease.Instant {
	return c.offset + lease.Instant(int64(t)+int64(t)/1_000_000*c.ppm+int64(t)%1_000_000*c.ppm/1_000_000)
}

// when returns the earliest true time at which the clock shows i.
func (c clock) when(i lease.Instant) time.Duration {
	local := int64(i - c.offset)
	t := time.Duration(float64(local) / (1 + float64(c.ppm)/1e6))
	for c.read(t) >= i && t > 0 {
		t--
	}
	for c.read(t) < i {
		t++
	}
	return t
}
