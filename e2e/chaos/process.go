package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"vipd/cluster/api"
	"vipd/e2e/harness"
)

const (
	// stopLimit is how long a daemon that was asked to end may take; more is a finding.
	stopLimit = 15 * time.Second
	// holdFor is a restart-hold that outlives the restart.
	holdFor = 10 * time.Second
)

func (a *arena) kill(_ context.Context, n *harness.Node) error {
	a.keeper.fell(n)
	return n.Kill()
}

// revive has a daemon started, if it does not run, and waits for that.
func (a *arena) revive(ctx context.Context, n *harness.Node) error {
	a.keeper.want(n)
	return harness.Await(ctx, n.Name+" runs", func(context.Context) error {
		if !n.Running() {
			return errors.New("it does not")
		}
		return nil
	})
}

func (a *arena) suspend(_ context.Context, n *harness.Node) error { return n.Stop() }

func (a *arena) resume(_ context.Context, n *harness.Node) error { return n.Cont() }

func killLeader(ctx context.Context, a *arena, _ Fault) error {
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	n, err := a.Leader(limited)
	a.mu.Lock()
	a.leader = n // nil: there is none
	a.mu.Unlock()
	if err != nil {
		return err
	}
	a.say("the leader is %s", n)
	return a.kill(ctx, n)
}

func reviveLeader(ctx context.Context, a *arena, _ Fault) error {
	a.mu.Lock()
	n := a.leader
	a.mu.Unlock()
	if n == nil {
		return nil
	}
	return a.revive(ctx, n)
}

func (a *arena) terminate(_ context.Context, n *harness.Node) error {
	a.keeper.fell(n)
	if !n.Running() {
		return nil
	}
	limited, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	err := n.Terminate(limited)
	if limited.Err() != nil {
		a.note("%s did not end within %v of SIGTERM; its log has its stacks", n, stopLimit)
	}
	return err
}

func (a *arena) terminateUnderHold(ctx context.Context, n *harness.Node) error {
	limited, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	_, err := n.Client.RestartHold(limited, api.HoldRequest{Duration: holdFor})
	return errors.Join(err, a.terminate(ctx, n))
}

// fillDisk leaves no room on a node's disk.
func (a *arena) fillDisk(_ context.Context, n *harness.Node) error {
	if a.disks[n.Name] == "" {
		return fmt.Errorf("%s has no disk of its own", n)
	}
	f, err := os.Create(a.ballast(n))
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 1<<16); ; {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			return nil
		} else if err != nil {
			return fmt.Errorf("fill the disk of %s: %w", n, err)
		}
	}
}

func (a *arena) emptyDisk(_ context.Context, n *harness.Node) error {
	if a.disks[n.Name] == "" {
		return nil
	}
	if err := os.Remove(a.ballast(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (a *arena) ballast(n *harness.Node) string { return filepath.Join(a.disks[n.Name], "ballast") }
