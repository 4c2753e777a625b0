package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"vipd/e2e/harness"
)

// vipctl runs the real command on a node, showing it and what it prints.
func (d *demo) vipctl(ctx context.Context, n *harness.Node, stdin string, args ...string) error {
	shown := "vipctl " + strings.Join(args, " ")
	fmt.Fprintln(d.out, d.paint.faint(n.Name+"$ ")+shown)
	out, err := d.quiet(ctx, n, stdin, args...)
	for line := range strings.Lines(out) {
		_, _ = io.WriteString(d.out, "  "+line)
	}
	if err != nil {
		return fmt.Errorf("%s on %s: %w", shown, n, err)
	}
	return nil
}

// quiet runs the real command and returns what it prints on standard output.
func (d *demo) quiet(ctx context.Context, n *harness.Node, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "vipctl"), args...)
	cmd.Env = append(os.Environ(), "VIPD_SOCKET="+n.Socket)
	cmd.Stdin = strings.NewReader(stdin)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w\n%s", err, problems.Bytes())
	}
	return out.String(), nil
}

// explain says how to play with what KEEP=1 leaves running.
func (d *demo) explain() {
	c := d.cluster
	n, last := c.Nodes[0], c.Nodes[len(c.Nodes)-1]
	d.chapter("Yours to play with, until Ctrl-C")
	d.say("As root, in another terminal. First, to command %s:", n)
	d.say("  export VIPD_SOCKET=%s PATH=%s:$PATH", n.Socket, d.bin)
	d.say("  watch -n 0.2 vipctl status")
	d.say("Look from the client:")
	d.say("  ip netns exec %s ping -i 0.01 %s", c.Lab.Client.Namespace.Name, vip4)
	d.say("Cut the cable of %s, and mend it:", last)
	d.say("  ip -n %s link set %s nomaster", c.Lab.Switch.Name, last.Host.Name)
	d.say("  ip -n %s link set %s master br0", c.Lab.Switch.Name, last.Host.Name)
	d.say("Kill, suspend or stop a daemon:")
	for _, n := range c.Nodes {
		d.say("  kill -9 %d    # %s; start it again: ip netns exec %s %s/vipd --config %s",
			n.Process().Pid, n, n.Host.Namespace.Name, d.bin, n.NodeFile)
	}
	d.say("Its log: %s", filepath.Join(n.Host.Dir, "vipd.log"))
}
