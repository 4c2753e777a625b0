package lab

import (
	"context"
	"os/exec"
)

// Cmd is a short command in a host's namespace. Unlike under "ip netns exec"
// there is no process in between.
type Cmd struct {
	// Cmd carries the arguments, files and environment. Its own methods would
	// start it outside the namespace; use those of the outer type.
	*exec.Cmd
	ns *Namespace
}

// Command prepares a short command to run in the host's namespace; it is killed
// when ctx ends. Use [Host.Start] for what is to stay.
func (h *Host) Command(ctx context.Context, name string, args ...string) *Cmd {
	return &Cmd{Cmd: exec.CommandContext(ctx, name, args...), ns: h.Namespace}
}

// Run is like the method of exec.Cmd, within the namespace.
func (c *Cmd) Run() error { return c.ns.Do(c.Cmd.Run) }

// Start is like the method of exec.Cmd, within the namespace.
func (c *Cmd) Start() error { return c.ns.Do(c.Cmd.Start) }

// Output is like the method of exec.Cmd, within the namespace.
func (c *Cmd) Output() (out []byte, err error) {
	err = c.ns.Do(func() error {
		out, err = c.Cmd.Output()
		return err
	})
	return out, err
}

// CombinedOutput is like the method of exec.Cmd, within the namespace.
func (c *Cmd) CombinedOutput() (out []byte, err error) {
	err = c.ns.Do(func() error {
		out, err = c.Cmd.CombinedOutput()
		return err
	})
	return out, err
}
