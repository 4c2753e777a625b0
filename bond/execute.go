package bond

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxRounds bounds how often Apply plans anew for what the driver changed by
// itself on the way.
const maxRounds = 3

// Undo takes back what Execute did, for a change that cut the host off. It lives
// in memory: a process that means to take a change back has to stay alive.
type Undo struct {
	changes []Change
	// bond had the active member before the changes: one that works as far as the
	// driver can tell need not lead anywhere.
	bond, active string
}

// Changes returns the steps back, in order.
func (u Undo) Changes() []Change { return slices.Clone(u.changes) }

// Run takes the changes back. It goes on after an error, so as to restore as
// much as possible, and returns all of them.
func (u Undo) Run() error {
	var errs []error
	for _, c := range u.changes {
		if err := c.apply(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c, err))
		}
	}
	if len(u.changes) > 0 && u.active != "" {
		u.reactivate()
	}
	return errors.Join(errs...)
}

// reactivate makes the member active again that was, once the driver has seen
// its link. It does not fail: a member whose link is gone cannot be active.
func (u Undo) reactivate() {
	tick := time.NewTicker(awaitStep)
	defer tick.Stop()
	for limit := time.Now().Add(awaitAtMost); time.Now().Before(limit); <-tick.C {
		s, err := ReadStatus(u.bond)
		if err != nil || s.Active == u.active || s.Active != "" && Failover(u.bond, u.active) == nil {
			return
		}
	}
}

// Execute carries out the changes in order. If one fails, or ctx ends, it takes
// back those that were made, and the error says both. No change may be left
// half done, so ctx is looked at between changes only.
func Execute(ctx context.Context, changes []Change) (Undo, error) {
	var undo Undo
	for _, c := range changes {
		err := ctx.Err()
		if err == nil {
			err = c.apply()
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", c, err)
			if back := undo.Run(); back != nil {
				err = errors.Join(err, fmt.Errorf("take the changes before it back: %w", back))
			}
			return Undo{}, err
		}
		undo.add(c)
	}
	return undo, nil
}

func (u *Undo) add(c Change) {
	if back := c.inverse(); back != nil {
		u.changes = append([]Change{back}, u.changes...)
	}
}

// Invalid is the error of Apply for a configuration with problems.
type Invalid struct{ Problems []Problem }

// Error lists the problems, one per line.
func (e *Invalid) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	return strings.Join(texts, "\n")
}

// Apply makes the bond as configured: validate, observe, plan, execute, and read
// back. It returns what it changed, which is nothing where nothing differed, and
// how to take it back. On an error nothing is changed; *Invalid says that the
// configuration is at fault.
func Apply(ctx context.Context, cfg Config) ([]Change, Undo, error) {
	if problems := cfg.Validate(); len(problems) > 0 {
		return nil, Undo{}, &Invalid{problems}
	}
	before, err := ReadStatus(cfg.Name)
	if err != nil {
		return nil, Undo{}, err
	}
	var done []Change
	undo := Undo{bond: cfg.Name, active: before.Active}
	for round := 1; ; round++ {
		changes, err := next(cfg)
		if err == nil && len(changes) == 0 {
			return done, undo, nil
		}
		if err == nil && round > maxRounds {
			err = fmt.Errorf("the kernel did not take: %s", changes[0])
		}
		var back Undo
		if err == nil {
			back, err = Execute(ctx, changes)
		}
		if err != nil {
			return nil, Undo{}, errors.Join(fmt.Errorf("bond %s: %w", cfg.Name, err), undo.Run())
		}
		done = append(done, changes...)
		undo.changes = append(back.changes, undo.changes...)
	}
}

// next observes and plans.
func next(cfg Config) ([]Change, error) {
	actual, err := Observe(cfg.Name, cfg.MemberNames()...)
	if err != nil {
		return nil, err
	}
	if problems := Check(cfg, actual); len(problems) > 0 {
		return nil, &Invalid{problems}
	}
	return Plan(cfg, actual), nil
}
