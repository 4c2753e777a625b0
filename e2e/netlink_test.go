package e2e

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/lab"
)

// Whatever a holder's daemon asks of the kernel by netlink fails, and so does what it sends to others. It cannot take
// its addresses away; its gate shuts all the same, and nobody answers but the successor. When calls succeed again it lets
// go and is as useful as before.
func TestNetlinkFails(t *testing.T) {
	s := form(t, 3)
	s.apply(web)
	n := s.follower()
	s.move("web", n)
	w := s.watch(web4, web6)
	w.held("web", n, web4, web6)

	at := time.Now()
	w.step("no call of %s sends anything, to the kernel or to others", n)
	failing := s.failing(n, "sendto")
	w.taken("web", n, web4, web6)
	w.shorter(web4, at, failoverLimit)
	w.shorter(web6, at, failoverLimit)
	if !s.carries(n, web4) || !s.carries(n, web6) {
		s.Errorf("%s could take its addresses away, so nothing was shown:\n%s", n, s.ip(n, "-o", "addr"))
	}
	w.dwell(quietFor) // in which two would be seen to answer

	w.step("calls succeed again")
	s.must(failing.Kill()) // the daemon goes on, traced no more
	s.await(n.Name+" has let go", func(context.Context) error {
		if s.carries(n, web4) || s.carries(n, web6) {
			return errors.New(s.ip(n, "-o", "addr"))
		}
		return nil
	})
	s.move("web", n)
	w.held("web", n, web4, web6)
}

// failing has a system call of a daemon's fail, as for lack of buffers, until the process returned is ended.
func (s *scene) failing(n *harness.Node, call string) *lab.Process {
	s.Helper()
	pid := n.Process().Pid
	tracer, err := n.Host.Start(lab.Spec{Name: "strace", Path: "strace", Args: []string{
		"-f", "-qq", "-e", "trace=" + call, "-e", "inject=" + call + ":error=ENOBUFS", "-o", os.DevNull, "-p", strconv.Itoa(pid),
	}})
	s.must(err)
	return tracer
}
