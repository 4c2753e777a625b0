package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vipd/e2e/lab"
)

// Idle is what a host costs while nothing happens.
type Idle struct {
	System string `json:"system"`
	Groups int    `json:"groups"`
	// Role is what the host is: leader or not; for keepalived, master of most or not.
	Role string `json:"role"`
	// CPU is in percent of one core, the mean over the hosts of this role.
	CPU float64 `json:"cpu_percent"`
	// RSS is in MiB, the largest.
	RSS float64 `json:"rss_mib"`
	// Sent is packets a second by a host.
	Sent float64 `json:"sent_pps"`
	// Segment is packets a second by all hosts together.
	Segment float64 `json:"segment_pps"`
}

func (b *bench) idle(ctx context.Context) error {
	variants := []variant{vipdLAN, keepalivedSlow, vipdFast, keepalivedMiddle, keepalivedFast}
	if b.quick {
		variants = variants[:2]
	}
	for _, groups := range b.counts(1, 50, 250) {
		for _, v := range b.filter.variants(variants) {
			if err := b.idleWith(ctx, v, groups); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) idleWith(ctx context.Context, v variant, groups int) (err error) {
	b.progress("idle: %s, %d groups, load %s", v.name, groups, loadAverage())
	s := newService(first4, groups, 1)
	s.spread = true
	sys, err := v.open(ctx, b.labOptions(v), s)
	if err != nil {
		return fmt.Errorf("open %s: %w", v.name, err)
	}
	defer func() { err = errors.Join(err, sys.close()) }()
	if err := pause(ctx, b.idleFor/4); err != nil { // what starting brought about is over by then
		return err
	}
	before, err := measureAll(sys)
	if err != nil {
		return err
	}
	if err := pause(ctx, b.idleFor); err != nil {
		return err
	}
	after, err := measureAll(sys)
	if err != nil {
		return err
	}
	rows, err := b.idleRows(ctx, v, sys, s, before, after)
	b.report.Idle = append(b.report.Idle, rows...)
	return err
}

// idleRows makes two rows: of the host that leads or, with keepalived, has the most, and of the others.
func (b *bench) idleRows(ctx context.Context, v variant, sys system, s service, before, after map[*lab.Host]usage) ([]Idle, error) {
	names := [2]string{"leader", "other"}
	first, err := sys.leads(ctx)
	if err == nil && first == nil {
		names[0], names[1] = "master", "backup"
		first, err = mostOf(sys.network(), s)
	}
	if err != nil {
		return nil, err
	}
	rows := []Idle{
		{System: v.name, Groups: len(s.groups), Role: names[0]},
		{System: v.name, Groups: len(s.groups), Role: names[1]},
	}
	segment := 0.0
	for _, h := range sys.network().Hosts {
		row, share := &rows[1], 1/float64(hosts-1)
		if h == first {
			row, share = &rows[0], 1
		}
		spent := after[h].since(before[h])
		row.CPU += share * spent.cpu.Seconds() / spent.wall.Seconds() * 100
		row.Sent += share * float64(spent.sent) / spent.wall.Seconds()
		row.RSS = max(row.RSS, float64(spent.rss)/(1<<20))
		segment += float64(spent.sent) / spent.wall.Seconds()
	}
	rows[0].Segment, rows[1].Segment = segment, segment
	for _, r := range rows {
		b.progress("%s, %d groups, %s: %.2f %% CPU, %.1f MiB, %.1f packets/s", r.System, r.Groups, r.Role, r.CPU, r.RSS, r.Sent)
	}
	return rows, nil
}

// usage is what a host's daemon has used so far.
type usage struct {
	at   time.Time
	wall time.Duration // only in a difference
	cpu  time.Duration
	rss  uint64
	sent uint64 // packets that came from the host to the switch
}

func (u usage) since(before usage) usage {
	return usage{wall: u.at.Sub(before.at), cpu: u.cpu - before.cpu, rss: u.rss, sent: u.sent - before.sent}
}

func measureAll(sys system) (map[*lab.Host]usage, error) {
	sent, err := packetsFrom(sys.network())
	if err != nil {
		return nil, err
	}
	all := map[*lab.Host]usage{}
	for _, h := range sys.network().Hosts {
		u := usage{at: time.Now(), sent: sent[h.Name]}
		for _, pid := range sys.pids(h) {
			used, err := lab.UsageOf(pid)
			if err != nil {
				return nil, fmt.Errorf("process %d on %s: %w", pid, h, err)
			}
			u.cpu += used.CPU
			u.rss += used.RSS
		}
		all[h] = u
	}
	return all, nil
}
