package harness

import (
	"fmt"
	"time"

	"vipd/e2e/lab"
)

// A daemon that has run for calmAfter has used less than half of a processor, whatever a test did to it. One that
// spins uses all of it, works all the same, and starves its neighbours, since it runs in real time.
const calmAfter = 10 * time.Second

// Busy returns a sentence for each running daemon that used the processor as only one does that spins.
func (c *Cluster) Busy() (sentences []string) {
	for _, n := range c.Nodes {
		if !n.Running() {
			continue
		}
		used, err := lab.UsageOf(n.Process().Pid)
		if err == nil && used.Age > calmAfter && used.CPU > used.Age/2 {
			sentences = append(sentences, fmt.Sprintf("the daemon on %s used %v of processor time in %v", n, used.CPU, used.Age))
		}
	}
	return sentences
}
