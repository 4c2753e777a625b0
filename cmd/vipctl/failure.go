package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"vipd/cluster/api"
	"vipd/cluster/conf"
)

// Exit codes.
const (
	exitDone        = 0
	exitRefused     = 1
	exitUsage       = 2
	exitUnreachable = 3
)

// usageError is a mistake on the command line that only shows while a command runs.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// unfinished says that vipctl stopped waiting, and for what.
type unfinished struct {
	why, doing string
	changes    bool // what it was may still come to pass
}

func (u *unfinished) Error() string {
	text := u.why + " while " + u.doing
	if u.changes {
		text += "; vipd may still complete it, which `vipctl status` shows"
	}
	return text
}

// giveUp is the unfinished of a context that ended.
func (c *ctl) giveUp(ctx context.Context, doing string, changes bool) error {
	u := &unfinished{why: "interrupted", doing: doing, changes: changes}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		u.why = fmt.Sprintf("gave up after %v (--timeout)", c.timeout)
	}
	return u
}

// report prints an error and returns the exit code.
func (c *ctl) report(err error) int {
	if err == nil {
		return exitDone
	}
	var problems conf.Errors
	switch {
	case !c.begun, errors.As(err, new(usageError)):
		fmt.Fprintf(c.stderr, "vipctl: %v\nSee vipctl --help, or --help after a command.\n", err)
		return exitUsage
	case errors.Is(err, api.ErrUnreachable):
		fmt.Fprintln(c.stderr, "vipctl:", c.unreachable(err))
		return exitUnreachable
	case errors.As(err, &problems):
		fmt.Fprintln(c.stderr, problems) // each line begins with the file's name and the line, as editors like it
	default:
		fmt.Fprintln(c.stderr, "vipctl:", err)
	}
	return exitRefused
}

// unreachable says what to do about a daemon that does not answer.
func (c *ctl) unreachable(err error) string {
	socket := c.path()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "may not use " + socket + ": run vipctl as root, or as a member of the socket's group"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return "no vipd answers at " + socket + ": start it (systemctl start vipd), or name its socket with --socket"
	}
	return err.Error()
}

// operands makes a check that a command gets exactly the arguments named.
func operands(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == len(names):
			return nil
		case len(names) == 0:
			return fmt.Errorf("%s takes no arguments, and got %q", cmd.CommandPath(), args)
		}
		return fmt.Errorf("%s takes %s, and got %d arguments", cmd.CommandPath(), strings.Join(names, " and "), len(args))
	}
}
