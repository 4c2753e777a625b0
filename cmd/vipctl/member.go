package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/state"
)

func (c *ctl) initCommand() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:     "init",
		GroupID: "member",
		Short:   "Found a cluster with this node as its first",
		Long: `init makes this host's node the first member of a new cluster. The others are let in with vipctl token and
vipctl join. One node alone serves what it is told to; three survive the loss of any one.

The profile is how fast failures are noticed: see vipctl profile --help. It can be changed later.`,
		Example: "  vipctl init\n  vipctl init --profile wan",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			if _, err := state.ProfileNamed(profile); err != nil {
				return usageError{err}
			}
			r, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.InitResult, error) {
				return client.Init(ctx, api.InitRequest{Profile: profile})
			})
			if err != nil {
				return err
			}
			return c.print(r, func() string { return initText(r) })
		}),
	}
	cmd.Flags().StringVar(&profile, "profile", state.LAN.Name, "the lease's timing: lan, fast or wan")
	return cmd
}

func initText(r api.InitResult) string {
	if r.Already {
		return fmt.Sprintf("%s is in cluster %s already\n", r.Node, r.Cluster)
	}
	return fmt.Sprintf("founded cluster %s with node %s\nLet others in: `vipctl token` here, then `vipctl join -` there. Three nodes survive the loss of one, two of none:\nbeside two, let a third host vote as a witness (`vipctl join - --role witness`).\n", r.Cluster, r.Node)
}

func (c *ctl) joinCommand() *cobra.Command {
	var file, role string
	cmd := &cobra.Command{
		Use:     "join - | --file FILE",
		GroupID: "member",
		Short:   "Make this node a member of a cluster",
		Long: `join makes this host's node a member of the cluster that a token is from. It returns when the node has caught
up and, where the cluster wants another voter, votes.

The token is a secret. It is read from standard input, or from a file; never from the command line, where every
user of this host could see it in the list of processes.

--role says what the node should be, see vipctl role. Two nodes are best joined by a witness, which votes and holds
no addresses: with it the cluster survives the loss of any one of the three.

A node that was taken out of the cluster by vipctl remove joins again in the same way.`,
		Example: "  ssh n1 vipctl token | vipctl join -\n  vipctl join --file /root/token\n  vipctl join - --role witness",
		Args:    cobra.MaximumNArgs(1),
		RunE: c.action(func(ctx context.Context, args []string) error {
			if _, err := state.RoleNamed(role); err != nil {
				return usageError{err}
			}
			token, err := c.readToken(args, file)
			if err != nil {
				return err
			}
			r, err := order(ctx, c, func(ctx context.Context, client *api.Client) (api.JoinResult, error) {
				return client.Join(ctx, api.JoinRequest{Token: token, Role: role})
			})
			if err != nil {
				return err
			}
			return c.print(r, func() string { return joinText(r) })
		}),
	}
	cmd.Flags().StringVar(&file, "file", "", "read the token from this file")
	cmd.Flags().StringVar(&role, "role", "auto", "what the node should be: voter, learner, witness or auto")
	return cmd
}

// readToken finds the token in the one place of two where it is.
func (c *ctl) readToken(args []string, file string) (string, error) {
	var text []byte
	var err error
	switch {
	case (len(args) == 1) == (file != ""):
		return "", usagef("join takes - for standard input, or --file FILE: one of them")
	case file != "":
		text, err = os.ReadFile(file)
	case args[0] == "-":
		if text, err = io.ReadAll(c.stdin); err != nil {
			err = fmt.Errorf("read standard input: %w", err)
		}
	default:
		return "", usagef("a token on the command line is visible to every user of this host in the list of processes: " +
			"make a new one with `vipctl token` and give it to `vipctl join -` on standard input, or in a file to `vipctl join --file FILE`")
	}
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("the token is empty; `vipctl token` on a member prints one")
	}
	return token, nil
}

func joinText(r api.JoinResult) string {
	if r.Already {
		return fmt.Sprintf("%s is in cluster %s already, as a %s\n", r.Node, r.Cluster, r.Role)
	}
	text := fmt.Sprintf("%s joined cluster %s as a %s\n", r.Node, r.Cluster, r.Role)
	if len(r.Voters) > 0 {
		text += votersText(r.Voters) + "\n"
	}
	return text
}

func (c *ctl) leaveCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "leave",
		GroupID: "member",
		Short:   "Take this node out of its cluster",
		Long: `leave moves everything that this host's node holds to others, hands leadership over if it leads, and takes it
out of the cluster for good. Its vipd goes on running and can join again with a new token.

The last node of a cluster does not leave, since all that the cluster knows would be lost, except with --force.`,
		Example: "  vipctl leave",
		Args:    operands(),
		RunE: c.action(func(ctx context.Context, _ []string) error {
			r, err := order(ctx, c, nothing(func(ctx context.Context, client *api.Client) error {
				return client.Leave(ctx, api.LeaveRequest{Force: force})
			}))
			if err != nil {
				return err
			}
			return c.print(r, func() string { return "this node belongs to no cluster any more\n" })
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "even if it is the last one")
	return cmd
}
