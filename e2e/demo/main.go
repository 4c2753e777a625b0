// Command demo shows vipd to a person who sees it for the first time: three nodes and a client in network
// namespaces of this machine, a cable that is cut, a leader that is killed, a planned move. It needs root,
// touches nothing outside its namespaces, and removes them.
//
// With KEEP=1 in the environment it leaves everything running and prints how to play with it, until Ctrl-C.
// VIPD_BIN names the directory that has vipd and vipctl; else they are built.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"vipd/e2e/harness"
	"vipd/e2e/probe"
)

func main() {
	probe.Main()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the clean-up too
	err := run(ctx, os.Stdout, os.Getenv("KEEP") != "")
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "demo: interrupted; everything is removed")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run tells the story. Whatever happens, nothing of it remains afterwards.
func run(ctx context.Context, out io.Writer, keep bool) (err error) {
	d := &demo{out: out, paint: paintFor(out)}
	defer func() { err = errors.Join(err, d.close()) }()
	for _, chapter := range []func(context.Context) error{
		d.build, d.form, d.serve, d.cutCable, d.killLeader, d.move,
	} {
		if err := chapter(ctx); err != nil {
			return interrupted(ctx, err)
		}
		d.breathe(ctx)
	}
	d.summary()
	if keep {
		d.explain()
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// interrupted says just that if it is why something failed.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// demo is the state of the story.
type demo struct {
	out     io.Writer
	paint   paint
	cluster *harness.Cluster
	bin     string // the directory of vipctl
	probe   *probe.Probe
	figures []figure
}

func (d *demo) close() error {
	if d.probe != nil {
		// What the prober has to say at its end is of no interest any more.
		_, _ = d.probe.Stop()
	}
	var err error
	if d.cluster != nil {
		err = d.cluster.Close()
	}
	return errors.Join(err, harness.RemoveBinaries())
}
