package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"vipd/e2e/harness"
	"vipd/e2e/lab"
	"vipd/e2e/probe"
)

func main() {
	probe.Main()
	standstillMain()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err := errors.Join(err, harness.RemoveBinaries()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run benchmarks and writes what was found, also what was found before it failed.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	b := &bench{stderr: stderr}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&b.repetitions, "n", 20, "repetitions of each fault")
	flags.IntVar(&b.perRound, "per-round", 5, "repetitions before the next system has its turn")
	flags.DurationVar(&b.idleFor, "idle-for", 30*time.Second, "how long to measure idle systems")
	flags.BoolVar(&b.quick, "quick", false, "3 repetitions, small counts, two systems")
	minutes := flags.Float64("load-minutes", 10, "minutes under each load")
	only := flags.String("only", strings.Join(sections, ","), "sections to run")
	from := flags.String("from", "", "files of earlier runs whose figures to include")
	systems := flags.String("systems", "", "only systems whose names begin so: vipd, vipd fast, keepalived 0.1, ...")
	faults := flags.String("faults", "", "only these faults: cable cut, kill -9, SIGSTOP, clean stop, planned move")
	flags.StringVar(&b.logs, "logs", "", "directory in which to keep what the daemons said, vipd's in detail")
	file := flags.String("json", "", "file for all figures")
	document := flags.String("doc", "", "document whose measured part to replace, as docs/benchmarks.md")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	b.filter = newFilter(*systems, *faults)
	b.loadFor = time.Duration(*minutes * float64(time.Minute))
	if b.quick {
		b.repetitions, b.perRound = 3, 3
		b.idleFor, b.loadFor = 2*time.Second, 10*time.Second
	}
	if err := lab.Available(); err != nil {
		return err
	}
	if err := b.report.begin(ctx, b.repetitions); err != nil {
		return err
	}
	for _, earlier := range list(*from) {
		if err := b.report.addFrom(earlier); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var err error
	if b.processors, err = watchProcessors(ctx); err != nil {
		return err
	}
	begin := time.Now()
	err = b.runAll(ctx, list(*only))
	b.report.finish(time.Since(begin))
	if *file != "" {
		err = errors.Join(err, b.report.save(*file))
	}
	if *document != "" && err == nil {
		err = b.report.writeInto(*document)
	}
	return errors.Join(err, b.report.markdown(stdout))
}

func (b *bench) runAll(ctx context.Context, wanted []string) error {
	for _, section := range wanted {
		if err := b.run(ctx, section); err != nil {
			return fmt.Errorf("section %s: %w", section, err)
		}
	}
	return nil
}
