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
	"runtime/debug"
	"syscall"

	systemd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"vipd/bond"
	"vipd/cluster"
	"vipd/cluster/health"
	"vipd/cluster/links"
	"vipd/cmd/vipd/nodefile"
	"vipd/storage"
)

// version is set by the build.
var version = "dev"

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
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
	if errors.As(err, new(failure)) {
		return exitFailed
	}
	return exitUsage
}

func command(stdout, stderr io.Writer) *cobra.Command {
	var config string
	var check, reference bool
	cmd := &cobra.Command{
		Use:   "vipd",
		Short: "Keep virtual IP addresses alive on a group of hosts",
		Long: `vipd runs on each host of a cluster. The hosts agree by Raft who holds each group of virtual addresses;
a lease that the kernel enforces makes sure that no two of them ever answer for one address.

A daemon that belongs to no cluster yet waits for ` + "`vipctl init` or `vipctl join`" + `. What it joined survives
restarts. Stopped with SIGTERM, it hands its groups over first.

Exit codes: 0 stopped cleanly, 1 failed, 2 wrong usage.`,
		Args:          cobra.NoArgs,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	return cmd
}

// serve runs the daemon: first the data directory, which keeps a second daemon out, then the bonds, which the node's
// address may be on, last the node.
func serve(ctx context.Context, config string, file nodefile.File, stderr io.Writer) error {
	// So small a heap would be collected several times a second for no gain.
	debug.SetGCPercent(300)
	lines := startLineWriter(stderr)
	defer lines.close()
	logger := newLogger(file.Log, lines)
	if file.Realtime {
		if err := becomeRealtime(); err != nil {
			logger.Warn("a busy host may cost this node its lease", "error", err)
		}
	}
	scriptUser, err := file.ScriptCredential()
	if err != nil {
		return err
	}
	dir, err := storage.Open(file.DataDir)
	if err != nil {
		return err
	}
	host := links.New(logger)
	err = host.Build(ctx, file.BondConfigs())
	if err == nil {
		file, err = nodefile.Resolve(file)
	}
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	logger = logger.With("node", file.Node)
	node := cluster.New(cluster.Options{
		Name:        file.Node,
		Listen:      file.Listen.Addr,
		GossipPort:  file.GossipPort,
		ClusterPort: file.ClusterPort,
		Socket:      file.Socket,
		Labels:      file.Labels,
		Fence:       file.Fence == nodefile.FenceNFTables,
		Scripts:     health.Scripts{Dirs: file.ScriptDirs, User: scriptUser},
		Dir:         dir,
		Logger:      logger,
		Version:     version,
		Links:       host,
		Bonds: func() ([]bond.Config, error) {
			written, err := nodefile.Load(config)
			return written.BondConfigs(), err
		},
		Ready: func(status string) {
			logger.Info("ready", "version", version, "status", status, "socket", file.Socket)
			if _, err := systemd.SdNotify(false, systemd.SdNotifyReady+"\nSTATUS="+status); err != nil {
				logger.Warn("tell systemd that the daemon is ready", "error", err)
			}
		},
	})
	err = node.Run(ctx)
	logger.Info("stopped")
	return errors.Join(err, dir.Close())
}

func newLogger(l nodefile.Log, to io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		level = slog.LevelInfo // the node file was checked; this cannot be
	}
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
