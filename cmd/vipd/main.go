// Command vipd keeps virtual IP addresses alive on a group of Linux hosts.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"vipd/cluster/state"
	"vipd/cmd/manpage"
	"vipd/cmd/vipd/nodefile"
)

// version is set by the build.
var version = "dev"

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
	exitTooOld = 3 // for its cluster: another start would change nothing, see packaging/vipd.service
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// failure is an error of the daemon, as against one of the command line.
type failure struct{ error }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cmd := command(stdout, stderr)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "vipd:", err)
	return exitCode(err)
}

func exitCode(err error) int {
	var failed failure
	switch {
	case !errors.As(err, &failed):
		return exitUsage
	case errors.As(failed.error, new(*state.TooOldError)):
		return exitTooOld
	}
	return exitFailed
}

func command(stdout, stderr io.Writer) *cobra.Command {
	var config string
	var check, reference, man bool
	cmd := &cobra.Command{
		Use:   "vipd",
		Short: "Keep virtual IP addresses alive on a group of hosts",
		Long: `vipd runs on each host of a cluster. The hosts agree by Raft who holds each group of virtual addresses;
a lease that the kernel enforces makes sure that no two of them ever answer for one address.

A daemon that belongs to no cluster yet waits for ` + "`vipctl init` or `vipctl join`" + `. What it joined survives
restarts. Stopped with SIGTERM, it hands its groups over first. On SIGHUP it reads the node file again: bonds,
log.level, script_dirs, script_user and tls change at once, other keys with the next start, and the log says which did; a
file with a mistake changes nothing.

Exit codes: 0 stopped cleanly, 1 failed, 2 wrong usage, 3 too old for its cluster: a newer vipd has to be installed.`,
		Args:          cobra.NoArgs,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if man {
				_, err := io.WriteString(stdout, manpage.Page(cmd, 8, version))
				return err
			}
			if reference {
				_, err := io.WriteString(stdout, nodefile.Reference())
				return err
			}
			file, err := nodefile.Load(config)
			if err != nil {
				return failure{err}
			}
			if check {
				if file, err = nodefile.Resolve(file); err != nil {
					return failure{err}
				}
				if _, err = file.Access(); err != nil {
					return failure{err}
				}
				own, err := file.OwnCertificates()
				if err == nil {
					err = file.CheckLists(own, time.Now())
				}
				if err != nil {
					return failure{err}
				}
				fmt.Fprintf(stdout, "%s is fine: node %s at %s\n", config, file.Node, file.Listen)
				return nil
			}
			if err := serve(cmd.Context(), config, file, stderr); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&config, "config", nodefile.DefaultPath, "the node file")
	cmd.Flags().BoolVar(&check, "check", false, "check the node file and exit")
	cmd.Flags().BoolVar(&reference, "print-reference", false, "print the reference configuration, with every key, and exit")
	cmd.Flags().BoolVar(&man, "print-man", false, "print the manual page and exit")
	_ = cmd.Flags().MarkHidden("print-man") // there is such a flag
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	return cmd
}

func newLogger(l nodefile.Log, level slog.Leveler, to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
