package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"vipd/e2e/harness"
)

// restartAfter is what lies between the end of a daemon and its next start, as in vipd's unit.
const restartAfter = time.Second

// supervisor starts daemons, and starts them again when they end by themselves.
type supervisor struct {
	arena *arena
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu sync.Mutex
	// down are the nodes whose daemons are meant not to run.
	down map[string]bool
	// felled are the processes that were made to end.
	felled map[int]bool
	// ends are daemons that ended although nobody had them end.
	ends []ending
}

// ending is a daemon's end by itself.
type ending struct {
	Node string        `json:"node"`
	At   time.Duration `json:"at_ns"`
	Said string        `json:"said"` // last
}

func supervise(a *arena) *supervisor {
	ctx, stop := context.WithCancel(context.Background())
	s := &supervisor{arena: a, stop: stop, down: map[string]bool{}, felled: map[int]bool{}}
	for _, n := range a.Nodes {
		s.tasks.Go(func() { s.run(ctx, n) })
	}
	return s
}

func (s *supervisor) end() {
	s.stop()
	s.tasks.Wait()
}

// fell says that a node's daemon is about to be made to end, and is not to run until [supervisor.want].
func (s *supervisor) fell(n *harness.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[n.Name] = true
	s.felled[n.Process().Pid] = true
}

// want says that a node's daemon is to run.
func (s *supervisor) want(n *harness.Node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[n.Name] = false
}

func (s *supervisor) wanted(n *harness.Node) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.down[n.Name]
}

// run keeps one daemon as it is wanted.
func (s *supervisor) run(ctx context.Context, n *harness.Node) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n.Running() {
			continue
		}
		if s.ended(n) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(restartAfter):
			}
		}
		if s.wanted(n) {
			s.start(ctx, n)
		}
	}
}

func (s *supervisor) start(ctx context.Context, n *harness.Node) {
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// Whatever keeps it from starting is seen at its next end, or when the faults are over.
	_ = n.Start(limited)
}

// ended notes the end of a daemon, once, and reports whether it was by itself.
func (s *supervisor) ended(n *harness.Node) bool {
	e := ending{Node: n.Name, At: s.arena.since(), Said: lastLine(n.Log(4 << 10))}
	pid := n.Process().Pid
	s.mu.Lock()
	felled := s.felled[pid]
	if !felled {
		s.felled[pid] = true
		s.ends = append(s.ends, e)
	}
	s.mu.Unlock()
	if !felled {
		s.arena.say("%s ended by itself: %s", e.Node, e.Said)
	}
	return !felled
}

func (s *supervisor) endings() []ending {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]ending(nil), s.ends...)
}

// lastLine is the last line of a log that says something.
func lastLine(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return fmt.Sprintf("%.400s", lines[len(lines)-1])
}
