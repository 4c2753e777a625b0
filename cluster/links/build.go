package links

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"vipd/bond"
)

// Build makes the bonds of the node file as the daemon starts, one by one. One that cannot be made as it should
// be is reported by Views as long as it is there at all: the host may well have its network by it. Without it,
// the error says why.
func (l *Links) Build(ctx context.Context, configs []bond.Config) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	l.set(configs)
	for _, c := range configs {
		changes, _, err := bond.Apply(ctx, c)
		l.report(c, changes)
		if err == nil {
			continue
		}
		err = explain(err)
		now, readErr := bond.ReadStatus(c.Name)
		if readErr != nil || !now.Exists || now.Kind != "bond" {
			return errors.Join(fmt.Errorf("build the bonds of the node file: %w", err), readErr)
		}
		l.log.Error("a bond is not as the node file says, and stays as it is", "bond", c.Name, "error", err)
		l.mu.Lock()
		l.problems[c.Name] = err.Error()
		l.mu.Unlock()
	}
	return l.Look()
}

// set makes these the node file's bonds.
func (l *Links) set(configs []bond.Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.configs)
	clear(l.problems)
	for _, c := range configs {
		l.configs[c.Name] = c
	}
}

func (l *Links) report(c bond.Config, changes []bond.Change) {
	for _, change := range changes {
		l.log.Info("bond: "+change.String(), "bond", c.Name)
	}
	if len(changes) == 0 {
		l.log.Debug("bond: nothing to change", "bond", c.Name)
	}
}

// explain adds what to do about the errors that a daemon with too few rights, or a kernel without the driver, gets.
func explain(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w; grant the daemon CAP_NET_ADMIN", err)
	}
	return err
}

// Step is what would become, or has become, of one bond.
type Step struct {
	Bond    string   `json:"bond"`
	Changes []string `json:"changes"`           // in order; none: it is as the file says
	Left    string   `json:"left,omitempty"`    // why it is left alone
	Problem string   `json:"problem,omitempty"` // why it cannot be made
}

// Plan says what Apply would do, and does nothing.
func Plan(configs []bond.Config) ([]Step, error) {
	steps := make([]Step, 0, len(configs))
	for _, c := range configs {
		actual, err := bond.Observe(c.Name, c.MemberNames()...)
		if err != nil {
			return nil, err
		}
		step := Step{Bond: c.Name, Changes: []string{}, Left: bond.LeftAlone(c, actual)}
		if problems := bond.Check(c, actual); len(problems) > 0 {
			step.Problem = (&bond.Invalid{Problems: problems}).Error()
		} else {
			step.Changes = texts(bond.Plan(c, actual))
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func texts(changes []bond.Change) []string {
	list := make([]string, len(changes))
	for i, c := range changes {
		list[i] = c.String()
	}
	return list
}

// Apply makes all bonds as configured, or changes nothing. keep is called once they are, and decides whether
// they stay so: if it returns an error, everything is taken back.
func (l *Links) Apply(ctx context.Context, configs []bond.Config, say func(string), keep func() error) ([]Step, error) {
	if !l.changing.TryLock() {
		return nil, errors.New("another change of the bonds is under way; wait until it is done, and try again")
	}
	defer l.changing.Unlock()
	var steps []Step
	var undo []bond.Undo
	var err error
	for _, c := range configs {
		var step Step
		var back bond.Undo
		if step, back, err = l.applyOne(ctx, c, say); err != nil {
			break
		}
		steps, undo = append(steps, step), append(undo, back)
	}
	if err == nil && changed(steps) {
		l.lookAgain()
		err = keep()
	}
	if err != nil {
		return nil, errors.Join(err, l.takeBack(undo))
	}
	l.set(configs)
	return steps, l.Look()
}

func (l *Links) applyOne(ctx context.Context, c bond.Config, say func(string)) (Step, bond.Undo, error) {
	actual, err := bond.Observe(c.Name, c.MemberNames()...)
	if err != nil {
		return Step{}, bond.Undo{}, err
	}
	step := Step{Bond: c.Name, Left: bond.LeftAlone(c, actual)}
	changes, undo, err := bond.Apply(ctx, c)
	l.report(c, changes)
	for _, change := range changes {
		say(c.Name + ": " + change.String())
	}
	step.Changes = texts(changes)
	return step, undo, explain(err)
}

func changed(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return len(s.Changes) > 0 })
}

// takeBack undoes what was done to several bonds, the last one first.
func (l *Links) takeBack(undo []bond.Undo) error {
	var errs []error
	for _, u := range slices.Backward(undo) {
		for _, c := range u.Changes() {
			l.log.Info("bond: taking a change back: " + c.String())
		}
		errs = append(errs, u.Run())
	}
	l.lookAgain()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take the changes back: %w", err)
	}
	return nil
}

func (l *Links) lookAgain() {
	if err := l.Look(); err != nil {
		l.log.Warn("look at the links", "error", err)
	}
}
