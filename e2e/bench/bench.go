package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vipd/cluster/state"
	"vipd/e2e/lab"
)

// hosts is how many a lab has.
const hosts = 3

// bench is one run of some sections.
type bench struct {
	repetitions, perRound int
	quick                 bool
	idleFor, loadFor      time.Duration
	filter                filter
	processors            *processors
	logs                  string // where the labs' directories are kept; empty: nowhere
	labs                  int
	stderr                io.Writer
	report                Report
}

// sections are the names for -only, in the order in which they run.
var sections = []string{"failover", "ipv6", "addresses", "groups", "disk", "idle", "load"}

// The systems, in the order in which they take turns.
var (
	keepalivedSlow   = keepalivedVariant("keepalived 1 s", advert{2, time.Second})
	keepalivedMiddle = keepalivedVariant("keepalived 0.1 s", advert{3, 100 * time.Millisecond})
	keepalivedFast   = keepalivedVariant("keepalived 0.01 s", advert{3, 10 * time.Millisecond})
	vipdLAN          = vipdVariant(state.LAN)
	vipdFast         = vipdVariant(state.Fast)
	vipdWAN          = vipdVariant(state.WAN)
)

func (b *bench) run(ctx context.Context, section string) error {
	b.progress("section %s, load %s", section, loadAverage())
	switch section {
	case "failover":
		return b.failover(ctx)
	case "ipv6":
		return b.ipv6(ctx)
	case "addresses":
		return b.addresses(ctx)
	case "groups":
		return b.groups(ctx)
	case "disk":
		return b.disk(ctx)
	case "idle":
		return b.idle(ctx)
	case "load":
		return b.load(ctx)
	}
	return fmt.Errorf("no section is called %q; there are %s", section, strings.Join(sections, ", "))
}

func (b *bench) failover(ctx context.Context) error {
	c := course{
		section: "failover", faults: allFaults, services: []service{newService(first4, 1, 1)},
		variants: []variant{vipdLAN, keepalivedMiddle, vipdFast, keepalivedFast, keepalivedSlow},
	}
	if b.quick {
		c.variants, c.faults = []variant{vipdLAN, keepalivedMiddle}, []fault{cutFault, stopFault}
	}
	return c.run(ctx, b)
}

// ipv6 does with an IPv6 address what differs from IPv4 by more than the packets' form: how it is added, barred and
// announced.
func (b *bench) ipv6(ctx context.Context) error {
	c := course{
		section: "ipv6", faults: []fault{cutFault, stopFault, moveFault}, services: []service{newService(first6, 1, 1)},
		variants: []variant{vipdLAN, keepalivedMiddle},
	}
	return c.run(ctx, b)
}

// sizeVariants are tried with many addresses and groups. keepalived has its default interval: at 0.1 s and with a
// hundred addresses its hosts took over from each other for minutes after a repair, and the machine with them.
var sizeVariants = []variant{vipdLAN, keepalivedSlow}

func (b *bench) addresses(ctx context.Context) error {
	c := course{section: "addresses", faults: []fault{cutFault}, variants: sizeVariants, follow: true}
	for _, n := range b.counts(1, 100, 1000) {
		c.services = append(c.services, newService(first4, 1, n))
	}
	return c.run(ctx, b)
}

func (b *bench) groups(ctx context.Context) error {
	c := course{section: "groups", faults: []fault{cutFault}, variants: sizeVariants, follow: true}
	for _, n := range b.counts(1, 50, 250) {
		c.services = append(c.services, newService(first4, n, 1))
	}
	return c.run(ctx, b)
}

// disk cuts the cable and moves while the voters' disks are slow.
func (b *bench) disk(ctx context.Context) error {
	c := course{
		section: "disk", faults: []fault{cutFault, moveFault}, services: []service{newService(first4, 1, 1)},
		variants: []variant{slowDiskVariant(vipdLAN)},
	}
	return c.run(ctx, b)
}

// counts are the sizes to try: in a quick run a small one.
func (b *bench) counts(full ...int) []int {
	if b.quick {
		return []int{10}
	}
	return full
}

// series finds the series of an experiment, or begins it.
func (b *bench) series(section, system string, r role, f fault, s service) *Series {
	for _, old := range b.report.Series {
		if old.Section == section && old.System == system && old.Role == r && old.Fault == f &&
			old.Groups == len(s.groups) && old.Addresses == len(s.all()) {
			return old
		}
	}
	n := &Series{Section: section, System: system, Role: r, Fault: f, Groups: len(s.groups), Addresses: len(s.all())}
	b.report.Series = append(b.report.Series, n)
	return n
}

// labOptions are those of the next lab.
func (b *bench) labOptions(v variant) lab.Options {
	o := lab.Options{Hosts: hosts}
	if b.logs != "" {
		b.labs++
		o.Dir = filepath.Join(b.logs, fmt.Sprintf("%03d %s", b.labs, v.name))
	}
	return o
}

func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(b.stderr, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// loadAverage is what the kernel says of how busy the machine is.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
