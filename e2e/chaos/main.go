package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/probe"
)

// errFound is that the run found something.
var errFound = errors.New("a promise was broken")

const usage = `chaos plays random faults against five real daemons and two keepalived peers, in network namespaces of this machine,
and checks that never two nodes answer for one address, that no acknowledged command is lost or out of order, and that
all is well again when the faults end. It needs root and keepalived, and removes everything when it ends.

The report is left in a directory of its own: report.html has the time line, report.json all of it, logs/ what the
daemons said. Ctrl-C ends the faults early; what was seen is judged and reported all the same.

The seed makes the schedule: the same chaos plays the same one with the same seed and length. VIPD_BIN names the directory
that has vipd; else it is built. Exit status: 0 nothing found, 1 a promise was broken, 2 it could not be run.

`

// options are what a run is asked for.
type options struct {
	length time.Duration
	seed   uint64
	dir    string // of the report
	// earlier is the commit of the vipd that all nodes begin with; empty: the present one.
	earlier string
}

func main() {
	probe.Main()
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		context.AfterFunc(ctx, stop) // a second Ctrl-C ends the clean-up too
		_, err = run(ctx, o, os.Stdout)
		err = errors.Join(err, harness.RemoveBinaries())
	}
	switch {
	case errors.Is(err, errFound):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(2)
	}
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	flags.DurationVar(&o.length, "for", 10*time.Minute, "how long faults are played")
	flags.Uint64Var(&o.seed, "seed", 0, "the schedule's seed; 0: a random one")
	flags.StringVar(&o.dir, "report", "", "the report's directory (default chaos-TIME-seed-SEED below the current one)")
	flags.StringVar(&o.earlier, "earlier", earlierCommit, "the commit whose vipd all nodes begin with; empty: nothing is upgraded")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.length <= 0 {
		flags.Usage()
		return o, fmt.Errorf("no arguments, and -for above 0: %q", args)
	}
	for o.seed == 0 {
		o.seed = rand.Uint64N(1 << 32)
	}
	if o.dir == "" {
		o.dir = fmt.Sprintf("chaos-%s-seed-%d", time.Now().Format("20060102-150405"), o.seed)
	}
	return o, nil
}

// run plays a schedule, judges what was seen, and leaves the report. Whatever happens, nothing else remains.
func run(ctx context.Context, o options, out io.Writer) (r *Report, err error) {
	if _, err := os.Stat(keepalivedProgram); err != nil {
		return nil, fmt.Errorf("keepalived is missing: %w", err)
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return nil, err
	}
	a, err := build(ctx, o.earlier, out)
	defer func() { err = errors.Join(err, a.close()) }()
	if err != nil {
		return nil, fmt.Errorf("build the cluster: %w", err)
	}
	r = &Report{
		Seed: o.seed, For: o.length, Began: a.began, Kernel: kernel(),
		Replay: fmt.Sprintf("make chaos SIM=0 FOR=%v SEED=%d", o.length, o.seed),
	}
	if s, err := a.Nodes[0].Status(ctx); err == nil {
		r.Version = s.Version
	}
	fmt.Fprintf(out, "seed %d, faults for %v; again: %s\n", o.seed, o.length, r.Replay)
	c := play(ctx, a, r)
	if err := judge(a, r, c, filepath.Join(o.dir, "logs")); err != nil {
		return r, err
	}
	if err := r.write(o.dir); err != nil {
		return r, err
	}
	r.summary(out, o.dir)
	if !r.OK() {
		return r, errFound
	}
	return r, nil
}

// play has the faults and the clients act, and then all settle.
func play(ctx context.Context, a *arena, r *Report) *clients {
	acting, stop := context.WithCancel(context.Background())
	if a.releases.earlier != "" {
		go a.followRaise(acting)
	}
	c, done := &clients{arena: a}, make(chan struct{})
	go func() {
		defer close(done)
		c.run(acting, r.Seed)
	}()
	r.Faults = (&nemesis{arena: a}).play(ctx, Plan(r.Seed, a.cast(), r.For))
	slices.SortFunc(r.Faults, func(a, b Deed) int { return cmp.Compare(a.Struck, b.Struck) })
	stop()
	<-done
	a.say("the faults are over")
	r.Verdicts = a.settle(context.WithoutCancel(ctx))
	// What was acknowledged must still be there at the very end.
	for _, n := range a.Nodes {
		c.read(clientCount, n, Read)
	}
	return c
}

// judge draws the conclusions.
func judge(a *arena, r *Report, c *clients, logDir string) error {
	a.keeper.end()
	err := a.watch.end()
	r.Took = a.since()
	logs, logErr := a.keepLogs(logDir)
	if err := errors.Join(err, logErr); err != nil {
		return err
	}
	for _, lane := range a.watch.lanes {
		r.Nodes = append(r.Nodes, *lane)
	}
	r.Endings, r.Commands = a.keeper.endings(), c.ops
	r.look(a.watch.reports)
	verdicts := []Verdict{r.oneHolder()}
	verdicts = append(verdicts, history(c.ops).check(2*time.Minute)...)
	verdicts = append(verdicts, r.Verdicts...)
	r.Verdicts = append(verdicts, r.wellBehaved(logs), r.calm())
	for _, n := range a.Nodes {
		r.Data = append(r.Data, sizeOf(n.DataDir))
	}
	for _, sentence := range a.Busy() {
		a.note("%s", sentence)
	}
	r.Notes = append(a.notes, "the clock was not changed: it is the whole machine's; a test in a virtual machine does it")
	return nil
}

// summary tells the terminal what matters.
func (r *Report) summary(out io.Writer, dir string) {
	fmt.Fprintf(out, "\n%d faults in %v, %d commands, %d double answers with keepalived\n", len(r.Faults), r.Took.Round(time.Second), len(r.Commands), len(r.Doubles))
	for _, v := range r.Verdicts {
		sign := "yes"
		if !v.OK {
			sign = "NO "
		}
		fmt.Fprintf(out, "%s  %s\n       %s\n", sign, v.Question, v.Text)
	}
	for _, a := range r.Addresses {
		fmt.Fprintf(out, "     %-12s %d silences above 100 ms, longest %v, and %v while a node led\n",
			a.Address, len(a.Silences), a.Longest().Round(time.Millisecond), a.WhileLed.Round(time.Millisecond))
	}
	fmt.Fprintf(out, "     the data directories have %d KiB at most\n", slices.Max(append(r.Data, 0))>>10)
	fmt.Fprintf(out, "report: %s\n", filepath.Join(dir, "report.html"))
	if !r.OK() {
		for _, f := range r.Findings() {
			fmt.Fprintf(out, "     at %.3f s, %s in the logs; in force: %s\n", f.At.Seconds(), r.Clock(f.At), r.During(f.At))
		}
		fmt.Fprintf(out, "VIOLATED; the same schedule again: %s\n", r.Replay)
	}
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "of unknown release"
	}
	return string(text[:len(text)-1])
}
