// Command vipctl tells the daemon on this host what to do, and asks it how things are.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// version is set by the build.
var version = "dev"

const defaultSocket = "/run/vipd/vipd.sock"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends vipctl at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is vipctl with its surroundings passed in; it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &ctl{stdin: stdin, stdout: stdout, stderr: stderr}
	root := c.root()
	root.SetArgs(args)
	return c.report(root.ExecuteContext(ctx))
}

// ctl is one run of vipctl: its surroundings and the flags that all commands share.
type ctl struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	socket  string
	format  format
	timeout time.Duration
	begun   bool // the command line was understood
}

func (c *ctl) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "vipctl",
		Short: "Command a vipd cluster",
		Long: `vipctl talks to the vipd of this host; any member of a cluster can be asked, and told, anything.

A first cluster, from nothing:

  one$  vipctl init                        # found a cluster of this one node
  one$  vipctl token                       # print what lets others in
  two$  vipctl join -                      # paste the token; the same on three
  one$  vipctl apply -f vips.yaml          # say which addresses to serve
  one$  vipctl status                      # who holds what, and why

What a command yields goes to standard output; what goes on meanwhile, and errors, go to standard error.

Exit codes: 0 done; 1 refused, failed, or not done in time; 2 wrong usage; 3 no vipd answers at the socket.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.socket, "socket", "", "vipd's socket (default: $VIPD_SOCKET, else "+defaultSocket+")")
	flags.VarP(&c.format, "output", "o", "how to print results: table, json or yaml")
	flags.DurationVar(&c.timeout, "timeout", 30*time.Second, "how long to wait until it is done")
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.AddGroup(
		&cobra.Group{ID: "look", Title: "Look:"},
		&cobra.Group{ID: "serve", Title: "Say what to serve:"},
		&cobra.Group{ID: "operate", Title: "Move things about:"},
		&cobra.Group{ID: "member", Title: "Members:"},
	)
	root.AddCommand(
		c.statusCommand(), c.bondCommand(), c.checksCommand(), c.whyCommand(), c.simulateCommand(), c.doctorCommand(), c.eventsCommand(), c.watchCommand(), c.versionCommand(),
		c.applyCommand(), c.getCommand(), c.importCommand(), c.profileCommand(), c.schemaCommand(),
		c.backupCommand(), c.restoreCommand(),
		c.moveCommand(), c.drainCommand(), c.undrainCommand(), c.pauseCommand(), c.resumeCommand(), c.restartHoldCommand(), c.reloadCommand(),
		c.initCommand(), c.tokenCommand(), c.joinCommand(), c.leaveCommand(), c.removeCommand(), c.recoverCommand(), c.roleCommand(), c.votersCommand(), c.secretCommand(),
		c.manCommand(),
	)
	return root
}

// path is the socket to talk to.
func (c *ctl) path() string {
	if c.socket != "" {
		return c.socket
	}
	if s := os.Getenv("VIPD_SOCKET"); s != "" {
		return s
	}
	return defaultSocket
}
