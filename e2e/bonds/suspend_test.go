package bonds

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vipd/e2e/harness"
	"vipd/vip/boottime"
)

// outlivesSuspension suspends the machine to its memory for less than a lease, and all nodes with it. Resumed, each
// shuts its gate before it does anything else, says nothing for the address while it has no lease, and the cluster
// serves again by itself.
func (s *scene) outlivesSuspension(c *client) {
	before := s.assignment()
	diaries := map[*harness.Node]*diary{}
	for _, n := range s.Nodes {
		diaries[n] = &diary{scene: s, file: filepath.Join(n.Host.Dir, "vipd.log")}
		diaries[n].skip()
	}
	slept := s.suspend(3)
	s.Logf("the machine was suspended for %v", slept.Round(time.Millisecond))
	if slept < 500*time.Millisecond {
		s.Fatal("that is no time")
	}
	served := func() bool {
		for _, d := range diaries {
			if d.find("registered").IsZero() {
				return false
			}
		}
		return true
	}
	resumed := time.Now()
	answers := c.until(served, patience)
	s.Logf("%v later all had a new lease, and the client an answer", time.Since(resumed).Round(time.Millisecond))
	s.must(s.AwaitWhole(s.wait()))
	if now := s.assignment(); now == before {
		s.Errorf("the group is with %s, as before: its lease did not end", now)
	}
	var shut, leased time.Time // by the last, and by the first
	for n, d := range diaries {
		// Its address may be gone before: whoever looks at the clock sees that the lease is over.
		if first := d.first("the machine was suspended", "the lease is over", "registered", "added=1"); first != "the machine was suspended" {
			s.Errorf("the first thing that %s did was: %s", n, first)
		}
		over, registered := d.find("the lease is over"), d.find("registered")
		if over.IsZero() || registered.Before(over) {
			s.Errorf("%s should first lose its lease, then ask for another:\n%s", n, d.text())
		}
		if shut.Before(over) {
			shut = over
		}
		if leased.IsZero() || registered.Before(leased) {
			leased = registered
		}
	}
	s.Logf("nobody had a lease for %v", leased.Sub(shut))
	for _, a := range answers {
		if a.asked.After(shut.Add(time.Millisecond)) && a.came.Before(leased) {
			s.Errorf("somebody answered at %v; no node had a lease from %v to %v", a.came, shut, leased)
		}
	}
}

// suspend has the machine sleep until its hardware's clock has counted some seconds. It returns for how long it did, as
// the machine sees it.
func (s *scene) suspend(seconds int) time.Duration {
	s.Helper()
	const alarm = "/sys/class/rtc/rtc0/wakealarm"
	slept := boottime.NewSleep()
	s.must(errors.Join(
		os.WriteFile(alarm, []byte("0"), 0), // a second one is refused
		os.WriteFile(alarm, fmt.Appendf(nil, "+%d", seconds), 0),
		os.WriteFile("/sys/power/state", []byte("mem"), 0))) // returns when it has resumed
	return slept.Over()
}

// An answer is one that a client got, by the clock that the logs go by.
type answer struct{ asked, came time.Time }

// until asks until something is so and the client is answered after that.
func (c *client) until(so func() bool, limit time.Duration) (answers []answer) {
	pause := time.NewTicker(10 * time.Millisecond)
	defer pause.Stop()
	for begin := time.Now(); ; <-pause.C {
		was, asked := so(), time.Now()
		if c.ask(c.Context()) == nil {
			answers = append(answers, answer{asked.Round(0), time.Now().Round(0)})
			if was {
				return answers
			}
		}
		if time.Since(begin) > limit {
			c.Fatalf("the client is still waiting after %v", limit)
		}
	}
}

// A diary is what a daemon's log has had to say for a while.
type diary struct {
	*scene
	file  string
	start int
}

func (d *diary) read() string {
	d.Helper()
	text, err := os.ReadFile(d.file)
	d.must(err)
	return string(text)
}

// skip forgets what it says until now.
func (d *diary) skip() { d.start = len(d.read()) }

func (d *diary) text() string { return d.read()[d.start:] }

// find returns when a daemon first said something, by its log; zero: it did not.
func (d *diary) find(what string) (at time.Time) {
	for line := range strings.Lines(d.text()) {
		if strings.Contains(line, what) {
			stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
			at, err := time.Parse(time.RFC3339Nano, stamp)
			d.must(err)
			return at
		}
	}
	return at
}

// first returns which of some things a daemon said first.
func (d *diary) first(things ...string) string {
	for line := range strings.Lines(d.text()) {
		for _, thing := range things {
			if strings.Contains(line, thing) {
				return thing
			}
		}
	}
	return "nothing"
}
