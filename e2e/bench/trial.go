package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

// Trial is one repetition of a fault. Its JSON has milliseconds.
type Trial struct {
	// At is when the fault happened, and Victim to whom.
	At     time.Time `json:"at"`
	Victim string    `json:"victim"`
	// Silence is the longest time between two answers around the fault, of
	// the watched address that had the longest.
	Silence float64 `json:"silence_ms"`
	// Double is for how long two hosts answered from the fault up to the
	// repair, at least, and DoubleAfter the same from the repair on.
	Double      float64 `json:"double_ms"`
	DoubleAfter float64 `json:"double_after_ms"`
	// Observed is the time from fault to repair.
	Observed float64 `json:"observed_ms"`
	// ProberCPU is the share of a core that the probe took, in percent.
	ProberCPU float64 `json:"prober_cpu_percent"`
	// Standstill is for how long a processor of the machine stood still around
	// the fault, at most.
	Standstill float64 `json:"standstill_ms"`
	// Stalled is how much of the silence the prober itself could not see.
	Stalled float64 `json:"stalled_ms,omitempty"`
}

// observed is Observed as a duration.
func (t Trial) observed() time.Duration { return time.Duration(t.Observed * float64(time.Millisecond)) }

// disturbed reports whether a processor stood still for long enough to matter.
func (t Trial) disturbed() bool { return t.Standstill > 0 }

// How long the probe watches before the fault, and after another host answers.
const (
	watchBefore = 150 * time.Millisecond
	watchAfter  = 250 * time.Millisecond
)

// How often a holder is looked for, and how long it may take to answer.
const (
	placings     = 5
	placingLimit = 2 * time.Second
)

// watched is how many addresses the probe watches at most: more would make it
// too slow for each of them.
const watched = 8

// maxRate bounds the probe's packets a second. It runs before everything else
// on the machine, and what hosts do for its packets counts as its time: at the
// rate of which it is capable it would starve them.
const maxRate = 6000

// experiment is a fault at a system that serves something.
type experiment struct {
	system  system
	service service
	fault   fault
	role    role
	// patience bounds the failover.
	patience time.Duration
}

// run does one repetition.
func (e experiment) run(ctx context.Context) (Trial, error) {
	victim, p, err := e.prepare(ctx)
	if err != nil {
		return Trial{}, fmt.Errorf("before the fault: %w", err)
	}
	at, repaired, err := e.watch(ctx, p, victim)
	report, stopErr := p.Stop()
	if err := errors.Join(err, stopErr); err != nil {
		return Trial{}, err
	}
	t := judge(report, at, repaired)
	t.Victim = victim.Name
	return t, nil
}

// prepare returns the host that has everything and a probe that it answers. Where the holder changes by itself
// in between, as when the machine stood still, it begins again.
func (e experiment) prepare(ctx context.Context) (*lab.Host, *probe.Probe, error) {
	var errs []error
	for range placings {
		victim, err := e.system.place(ctx, e.role)
		if err != nil {
			return nil, nil, err
		}
		p, err := probe.Start(probeOptions(e.system.network(), e.service.sample(watched), time.Millisecond/2))
		if err != nil {
			return nil, nil, err
		}
		if err = awaitAll(ctx, p, e.service.sample(watched), []*lab.Host{victim}, placingLimit); err == nil {
			return victim, p, nil
		}
		_, stopErr := p.Stop()
		errs = append(errs, err, stopErr)
	}
	return nil, nil, errors.Join(errs...)
}

// watch does the fault and the repair and returns when each began.
func (e experiment) watch(ctx context.Context, p *probe.Probe, victim *lab.Host) (at, repaired time.Time, err error) {
	if err := pause(ctx, watchBefore); err != nil {
		return at, repaired, err
	}
	others := except(e.system.network().Hosts, victim)
	at = time.Now()
	if err := e.fault.strike(ctx, e.system, victim); err != nil {
		return at, repaired, fmt.Errorf("%s at %s: %w", e.fault, victim, err)
	}
	missing := awaitAll(ctx, p, e.service.sample(watched), others, e.patience)
	if err := pause(ctx, watchAfter); err != nil {
		return at, repaired, err
	}
	repaired = time.Now()
	if err := errors.Join(missing, e.fault.repair(ctx, e.system, victim)); err != nil {
		return at, repaired, fmt.Errorf("after %s at %s: %w", e.fault, victim, err)
	}
	return at, repaired, pause(ctx, watchAfter)
}

// awaitAll waits until, for each address, one of some hosts answers.
func awaitAll(ctx context.Context, p *probe.Probe, addrs []netip.Addr, hosts []*lab.Host, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, a := range addrs {
		if err := awaitAny(ctx, p, a, hosts); err != nil {
			return err
		}
	}
	return nil
}

func awaitAny(ctx context.Context, p *probe.Probe, a netip.Addr, hosts []*lab.Host) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan error, len(hosts))
	for _, h := range hosts {
		go func() { answers <- p.Await(ctx, a, h.Name) }()
	}
	var errs []error
	for range hosts {
		err := <-answers
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func except(hosts []*lab.Host, one *lab.Host) []*lab.Host {
	var rest []*lab.Host
	for _, h := range hosts {
		if h != one {
			rest = append(rest, h)
		}
	}
	return rest
}

// probeOptions are those of a client that behaves as a real one: it follows
// announcements, and a broadcast only when nobody has answered for a second.
// Every time between two answers is listed.
func probeOptions(l *lab.Lab, addrs []netip.Addr, interval time.Duration) probe.Options {
	o := probe.Options{
		Do: l.Client.Do, Separate: true, Interface: l.Client.Interface,
		Source4: l.Client.IPv4.Addr(), Source6: l.Client.IPv6.Addr(),
		Addrs: addrs, Interval: interval, Threshold: 1, MaxRate: maxRate,
	}
	for _, h := range l.Hosts {
		o.Hosts = append(o.Hosts, probe.Station{Name: h.Name, MAC: h.MAC})
	}
	return o
}

// judge reads the numbers off a report. at and repaired are when the fault and
// the repair began.
func judge(r probe.Report, at, repaired time.Time) Trial {
	t := Trial{At: at, Observed: ms(repaired.Sub(at))}
	t.ProberCPU = r.Prober.CPU.Seconds() / r.End.Sub(r.Start).Seconds() * 100
	for _, a := range r.Addresses {
		for _, s := range a.Echo.Silences {
			if s.End.After(at) && s.Start.Before(repaired) && ms(s.Duration) > t.Silence {
				t.Silence, t.Stalled = ms(s.Duration), ms(s.Stalled)
			}
		}
		var double, after float64
		for _, d := range a.DoubleAnswers {
			double += ms(overlap(d, at, repaired))
			after += ms(overlap(d, repaired, r.End))
		}
		t.Double, t.DoubleAfter = max(t.Double, double), max(t.DoubleAfter, after)
	}
	return t
}

// overlap is how much of a double answer lies between two times.
func overlap(d probe.DoubleAnswer, from, to time.Time) time.Duration {
	start, end := d.At, d.Until
	if start.Before(from) {
		start = from
	}
	if end.After(to) {
		end = to
	}
	return max(end.Sub(start), 0)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
