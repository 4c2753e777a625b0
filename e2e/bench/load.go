package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"vipd/e2e/probe"
)

// Load is what a system without any fault did on a machine that is busy.
type Load struct {
	System  string  `json:"system"`
	Kind    string  `json:"kind"`
	Minutes float64 `json:"minutes"`
	// Changes counts, for the client, how often another host answered.
	Changes int `json:"changes"`
	// Decisions counts changes by the system's own account.
	Decisions int `json:"decisions"`
	// Doubles counts times at which two hosts answered, LongestDouble is the
	// longest of them.
	Doubles       int     `json:"doubles"`
	LongestDouble float64 `json:"longest_double_ms"`
	// Silence is the longest time between two answers.
	Silence float64 `json:"silence_ms"`
	// Stalled is how much of that the prober itself could not see.
	Stalled float64 `json:"stalled_ms"`
}

// load is two kinds of it, for each profile. Systems that run together suffer the same load at the same time.
func (b *bench) load(ctx context.Context) error {
	for _, l := range []struct {
		burden   burden
		together []variant
	}{
		{busyCores, []variant{vipdLAN, keepalivedSlow}},
		{busyCores, []variant{vipdFast, keepalivedFast}},
		{busyCores, []variant{vipdWAN, keepalivedMiddle}},
		{slowSyncs, []variant{slowDiskVariant(vipdLAN), slowDiskVariant(vipdWAN)}},
		{slowSyncs, []variant{slowDiskVariant(vipdFast)}},
	} {
		if err := b.loadAll(ctx, l.burden, b.loadFor, l.together...); err != nil || b.quick {
			return err
		}
	}
	return nil
}

// burden is a kind of load.
type burden struct {
	name string
	// carry lasts for a while, or until ctx ends.
	carry func(context.Context, time.Duration) error
}

var (
	busyCores = burden{"stress-ng --cpu 0", stress}
	// The system brings it along.
	slowSyncs = burden{"each disk sync 20 ms slower", pause}
)

func (b *bench) loadAll(ctx context.Context, load burden, d time.Duration, variants ...variant) (err error) {
	var watches []*watch
	defer func() {
		for _, w := range watches {
			err = errors.Join(err, w.system.close())
		}
	}()
	for _, v := range b.filter.variants(variants) {
		w := &watch{name: v.name, service: newService(first4, 1, 1)}
		if w.system, err = v.open(ctx, b.labOptions(v), w.service); err != nil {
			return fmt.Errorf("open %s: %w", v.name, err)
		}
		watches = append(watches, w)
	}
	if len(watches) == 0 {
		return nil
	}
	for _, w := range watches {
		if err := w.begin(ctx); err != nil {
			return err
		}
	}
	b.progress("load: %s for %v", load.name, d)
	if err := load.carry(ctx, d); err != nil {
		return err
	}
	for _, w := range watches {
		row, err := w.end(ctx)
		if err != nil {
			return err
		}
		row.Kind, row.Minutes = load.name, d.Minutes()
		b.report.Load = append(b.report.Load, row)
		b.progress("%+v", row)
	}
	return nil
}

// stress keeps every core busy for a while, or until ctx ends.
func stress(ctx context.Context, d time.Duration) error {
	cmd := exec.CommandContext(ctx, "stress-ng", "--quiet", "--cpu", "0", "--timeout", fmt.Sprintf("%.0fs", d.Seconds()))
	// Asked politely it ends its workers, too.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("stress-ng: %w: %s", err, out)
	}
	return nil
}

// watch is a system under load, and the probe that watches it.
type watch struct {
	name      string
	system    system
	service   service
	probe     *probe.Probe
	decisions int
}

func (w *watch) begin(ctx context.Context) (err error) {
	if w.decisions, err = w.system.changes(ctx); err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	addrs := w.service.all()
	w.probe, err = probe.Start(probeOptions(w.system.network(), addrs, 5*time.Millisecond))
	if err != nil {
		return err
	}
	return awaitAll(ctx, w.probe, addrs, w.system.network().Hosts, settleLimit)
}

func (w *watch) end(ctx context.Context) (Load, error) {
	r, err := w.probe.Stop()
	if err != nil {
		return Load{}, err
	}
	row := Load{System: w.name}
	for _, a := range r.Addresses {
		row.Changes += len(a.Changes)
		row.Doubles += len(a.DoubleAnswers)
		for _, d := range a.DoubleAnswers {
			row.LongestDouble = max(row.LongestDouble, ms(d.Until.Sub(d.At)))
		}
		if s := a.Echo.Longest; ms(s.Duration) > row.Silence {
			row.Silence, row.Stalled = ms(s.Duration), ms(s.Stalled)
		}
	}
	now, err := w.system.changes(ctx)
	row.Decisions = now - w.decisions
	return row, err
}
