package bonds

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vipd/e2e/harness"
)

// What a clock is set to concerns nobody: it is set forwards and backwards by an hour under a cluster that serves, on
// all nodes at once, and no node loses its lease or its group. What it is suspended for concerns all. A holder that
// dies is replaced as ever.
func TestHostsClockIsSet(t *testing.T) {
	s := form(t, harness.Options{Nodes: 3, Profile: "wan"})
	const addr = "10.9.0.50"
	_, err := s.Apply(s.wait(), harness.Group("web", addr))
	s.must(err)
	// The prober goes by the clock that is set, so a client that does not looks on.
	c := s.connects(addr)
	before, ended := s.assignment(), s.leasesEnded()
	for _, by := range []time.Duration{time.Hour, -2 * time.Hour, time.Hour} {
		set := unix.NsecToTimeval(time.Now().Add(by).UnixNano())
		s.must(unix.Settimeofday(&set))
		quiet := c.longest(5 * time.Second) // longer than a lease of 3 s
		t.Logf("the clock was set by %v: the client's longest silence was %v", by, quiet.Round(time.Millisecond))
		if quiet > time.Second {
			t.Errorf("that is too long")
		}
		if now := s.assignment(); now != before {
			t.Errorf("the group is with %s, it was with %s", now, before)
		}
		if now := s.leasesEnded(); now != ended {
			t.Errorf("%d leases ended, before it was %d", now, ended)
		}
	}
	s.outlivesSuspension(c)
	holder, err := s.Holder(s.wait(), "web")
	s.must(err)
	before = s.assignment()
	s.must(holder.Kill())
	quiet := c.longest(2 * failoverLimit)
	t.Logf("%s was killed: the client missed %v", holder, quiet.Round(time.Millisecond))
	if quiet > failoverLimit {
		t.Errorf("that is more than %v", failoverLimit)
	}
	if now := s.assignment(); now == before {
		t.Errorf("the group is still with %s", now)
	}
}

// A client asks an address for a connection again and again. It measures with the clock that nobody sets.
type client struct {
	*scene
	addr string
	last time.Time // when the last answer came
}

func (s *scene) connects(addr string) *client {
	s.Helper()
	c := &client{scene: s, addr: addr}
	s.await("the client is answered", func(ctx context.Context) error { return c.ask(ctx) })
	return c
}

// ask returns nil if the host answered, which has nothing that listens.
func (c *client) ask(ctx context.Context) error {
	return c.Lab.Client.Do(func() error {
		d := net.Dialer{Timeout: 200 * time.Millisecond}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(c.addr, "9"))
		if err == nil {
			return errors.Join(conn.Close(), errors.New("something listens"))
		}
		if !errors.Is(err, unix.ECONNREFUSED) {
			return err
		}
		c.last = time.Now()
		return nil
	})
}

// longest asks for a while and returns the longest time between two answers, from the last answer before.
func (c *client) longest(d time.Duration) (quiet time.Duration) {
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for begin := time.Now(); time.Since(begin) < d; <-pause.C {
		last := c.last
		_ = c.ask(c.Context()) // what is not answered shows as silence
		quiet = max(quiet, time.Since(last))
	}
	return quiet
}

// leasesEnded counts in the daemons' logs how many leases ended.
func (s *scene) leasesEnded() int {
	s.Helper()
	n := 0
	for _, node := range s.Nodes {
		text, err := os.ReadFile(filepath.Join(node.Host.Dir, "vipd.log"))
		s.must(err)
		n += strings.Count(string(text), "the lease is over")
	}
	return n
}
