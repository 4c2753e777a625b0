package harness

import (
	"context"
	"strings"
	"time"

	"vipd/e2e/lab"
)

// formLimit bounds how long a test's cluster may take to form on a loaded machine.
const formLimit = time.Minute

// shownLog is how much of each log a failed test shows, in bytes.
const shownLog = 8 << 10

// New is [Create] for tests: without root the test is skipped, or fails if CI=true; the cluster is closed when
// the test ends, and if the test failed the ends of the logs are shown. A daemon that was [Cluster.Busy] fails it.
func New(t lab.TB, o Options) *Cluster {
	t.Helper()
	lab.Require(t)
	ctx, cancel := context.WithTimeout(context.Background(), formLimit)
	defer cancel()
	c, err := Create(ctx, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if busy := c.Busy(); len(busy) > 0 {
			t.Errorf("%s", strings.Join(busy, "\n"))
		}
		if t.Failed() {
			t.Logf("%s", c.Logs(shownLog))
		}
		if err := c.Close(); err != nil {
			t.Logf("close cluster: %v", err)
		}
	})
	return c
}
