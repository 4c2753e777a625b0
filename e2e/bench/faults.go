package main

import (
	"context"
	"fmt"

	"vipd/e2e/lab"
)

// fault is what happens to the host that holds everything.
type fault string

const (
	cutFault    fault = "cable cut"
	killFault   fault = "kill -9"
	freezeFault fault = "SIGSTOP"
	stopFault   fault = "clean stop"
	moveFault   fault = "planned move"
)

var allFaults = []fault{cutFault, killFault, freezeFault, stopFault, moveFault}

// strike does the fault.
func (f fault) strike(ctx context.Context, s system, victim *lab.Host) error {
	switch f {
	case cutFault:
		return victim.Cut()
	case killFault:
		return s.kill(victim)
	case freezeFault:
		return s.freeze(victim)
	case stopFault:
		return s.stop(ctx, victim)
	case moveFault:
		return s.move(ctx, victim)
	}
	return fmt.Errorf("no fault is called %q", f)
}

// repair undoes it and waits until all hosts are well.
func (f fault) repair(ctx context.Context, s system, victim *lab.Host) error {
	var err error
	switch f {
	case cutFault:
		err = victim.Mend()
	case killFault, stopFault:
		err = s.start(ctx, victim)
	case freezeFault:
		err = s.thaw(victim)
	}
	if err != nil {
		return fmt.Errorf("repair after %s: %w", f, err)
	}
	return s.settle(ctx)
}
