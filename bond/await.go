package bond

import (
	"fmt"
	"time"
)

// awaitLink waits until a new bond can carry traffic, before the host's
// addresses move to it: links come up in seconds, and LACP takes some more. It
// does not fail, since the members still to come may be the ones that work.
type awaitLink struct{ bond string }

const (
	awaitAtMost = 5 * time.Second
	awaitStep   = 10 * time.Millisecond
)

func (c awaitLink) String() string {
	return fmt.Sprintf("wait until %s works, at most %s", c.bond, awaitAtMost)
}
func (c awaitLink) inverse() Change { return nil }
func (c awaitLink) apply() error {
	tick := time.NewTicker(awaitStep)
	defer tick.Stop()
	for limit := time.Now().Add(awaitAtMost); time.Now().Before(limit); <-tick.C {
		s, err := ReadStatus(c.bond)
		if err != nil {
			return err
		}
		if s.Carrier && s.Usable() > 0 {
			return nil
		}
	}
	return nil
}
