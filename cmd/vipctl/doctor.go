package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"vipd/cluster/api"
	"vipd/cmd/vipctl/doctor"
	"vipd/cmd/vipd/nodefile"
)

// diagnosis is the result of `vipctl doctor`.
type diagnosis struct {
	Findings []doctor.Finding `json:"findings"`
}

func (c *ctl) doctorCommand() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use:     "doctor",
		GroupID: "look",
		Short:   "Look for what on this host keeps vipd from its work",
		Long: `doctor looks at this host, changes nothing, and prints what it finds, each with what mends it:

  sysctls           arp_ignore, arp_announce, rp_filter, promote_secondaries, ip_nonlocal_bind, disable_ipv6
  other programs    NetworkManager and systemd-networkd, where they remove addresses that others added
  kernel, rights    nftables, bonding, macvlan; the capabilities of the daemon
  clock             how fast it is made to run
  disk              room, and how long a sync takes, in the data directory
  scripts           who could change the directories that they run from
  peers             whether their ports can be reached, and by packets of full size
  firewall          whether nftables here drops what other nodes and VRRP routers send
  addresses         whether somebody answers for one that no node holds

Run it as root; without, what cannot be seen is a note. Without a running daemon it goes by the node file, and does
not look at peers and groups.

Findings are problems, warnings (nothing is wrong now) and notes. The exit code is 1 if there is a problem.`,
		Example: "  sudo vipctl doctor\n  sudo vipctl doctor -o json | jq -r '.findings[].remedy'",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			ctx, cancel := context.WithTimeout(ctx, c.timeout)
			defer cancel()
			found := diagnosis{doctor.Examine(ctx, c.host(ctx, config))}
			if found.Findings == nil {
				found.Findings = []doctor.Finding{}
			}
			if err := c.print(found, func() string { return found.text(paintFor(c.stdout)) }); err != nil {
				return err
			}
			if n := found.problems(); n > 0 {
				return fmt.Errorf("problems: %d", n)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&config, "config", nodefile.DefaultPath, "the node file")
	return cmd
}

// host gathers what is known of this host.
func (c *ctl) host(ctx context.Context, config string) doctor.Host {
	h := doctor.Host{Root: "/"}
	file, err := nodefile.Load(config)
	if err != nil {
		file = nodefile.Defaults()
	}
	h.File, h.FileErr = file, err
	if resolved, resolveErr := nodefile.Resolve(file); resolveErr == nil {
		h.File = resolved
	} else {
		h.FileErr = errors.Join(err, resolveErr)
	}
	if c.path() == defaultSocket {
		c.socket = h.File.Socket
	}
	client := api.NewClient(c.path(), func(string) {})
	status, err := client.Status(ctx)
	if err != nil {
		h.SilentErr = err
		return h
	}
	h.Status, h.Daemon = &status, peerOf(c.path())
	if spec, err := client.Spec(ctx, api.SpecRequest{}); err == nil {
		h.Spec = &spec
	}
	return h
}

// peerOf returns the process that listens at a socket; 0 if that cannot be told.
func peerOf(socket string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return 0
	}
	defer conn.Close()
	raw, err := conn.(*net.UnixConn).SyscallConn() //nolint:forcetypeassert // that is what such a Dial returns
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

func (d diagnosis) problems() int {
	n := 0
	for _, f := range d.Findings {
		if f.Severity == doctor.Problem {
			n++
		}
	}
	return n
}

func (d diagnosis) text(p paint) string {
	if len(d.Findings) == 0 {
		return "No problems found.\n"
	}
	var b strings.Builder
	for _, f := range d.Findings {
		head := fmt.Sprintf("%s: %s: %s", f.Severity, f.About, f.Text)
		switch f.Severity {
		case doctor.Problem:
			head = p.bad(head)
		case doctor.Warning:
			head = p.warn(head)
		}
		fmt.Fprintln(&b, head)
		if f.Remedy != "" {
			fmt.Fprintln(&b, "  "+f.Remedy)
		}
	}
	if !slices.ContainsFunc(d.Findings, func(f doctor.Finding) bool { return f.Severity == doctor.Problem }) {
		fmt.Fprintln(&b, "No problems found.")
	}
	return b.String()
}
