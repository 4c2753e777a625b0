package main

import (
	"context"
	"errors"
	"fmt"
)

// Series is the same experiment many times.
type Series struct {
	Section   string  `json:"section"`
	System    string  `json:"system"`
	Role      role    `json:"role,omitempty"`
	Fault     fault   `json:"fault"`
	Groups    int     `json:"groups"`
	Addresses int     `json:"addresses"` // in all groups together
	Trials    []Trial `json:"trials"`
	// Summary is of the trials.
	Summary Summary `json:"summary"`
	// Failed are repetitions that did not come to an end, with the reason.
	Failed []string `json:"failed,omitempty"`
}

// course is what is done with each system of a section.
type course struct {
	section  string
	variants []variant
	faults   []fault
	services []service
	// follow leaves out the role of the leader.
	follow bool
}

// roles returns those to be tried with a variant.
func (c course) roles(v variant) []role {
	if c.follow {
		return v.roles[:1]
	}
	return v.roles
}

// run does the repetitions in rounds; in each, every system gets a fresh lab.
func (c course) run(ctx context.Context, b *bench) error {
	for done := 0; done < b.repetitions; done += b.perRound {
		n := min(b.perRound, b.repetitions-done)
		for _, s := range c.services {
			for _, v := range b.filter.variants(c.variants) {
				if err := c.visit(ctx, b, v, s, n); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// visit does n repetitions of each fault in each role with a system of its own.
func (c course) visit(ctx context.Context, b *bench, v variant, s service, n int) error {
	b.progress("%s: %s, %d groups, %d addresses, load %s", c.section, v.name, len(s.groups), len(s.all()), loadAverage())
	t := theatre{variant: v, service: s}
	for _, r := range c.roles(v) {
		for _, f := range b.filter.wanted(c.faults) {
			if err := t.play(ctx, b, b.series(c.section, v.name, r, f, s), n); err != nil {
				return errors.Join(err, t.close())
			}
		}
	}
	return t.close()
}

// theatre keeps a system open from one experiment to the next, until one fails:
// nobody knows what state it is in then.
type theatre struct {
	variant variant
	service service
	system  system // nil: none is open
}

func (t *theatre) close() error {
	if t.system == nil {
		return nil
	}
	err := t.system.close()
	t.system = nil
	return err
}

// play adds n repetitions to a series.
func (t *theatre) play(ctx context.Context, b *bench, s *Series, n int) error {
	for range n {
		trial, err := t.once(ctx, b, s)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			b.progress("%s %s, %s: %v", s.System, s.Role, s.Fault, err)
			s.Failed = append(s.Failed, err.Error())
			if err := t.close(); err != nil {
				return err
			}
		default:
			s.Trials = append(s.Trials, trial)
			b.progress("%s %s, %s: silence %.1f ms, two answered for %.0f and %.0f ms",
				s.System, s.Role, s.Fault, trial.Silence, trial.Double, trial.DoubleAfter)
		}
	}
	return nil
}

func (t *theatre) once(ctx context.Context, b *bench, s *Series) (Trial, error) {
	if t.system == nil {
		var err error
		if t.system, err = t.variant.open(ctx, b.labOptions(t.variant), t.service); err != nil {
			return Trial{}, fmt.Errorf("open %s: %w", t.variant.name, err)
		}
	}
	e := experiment{system: t.system, service: t.service, fault: s.Fault, role: s.Role, patience: t.variant.patience}
	trial, err := e.run(ctx)
	trial.Standstill = ms(b.processors.longest(trial.At.Add(-watchBefore), trial.At.Add(trial.observed())))
	return trial, err
}
