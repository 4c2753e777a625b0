package vrrp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"vipd/e2e/lab"
)

const program = "/usr/sbin/keepalived"

// keepalived is Debian's on a host, in the foreground and with its own files.
type keepalived struct {
	*scene
	host   *lab.Host
	dir    string
	starts int
	parent *lab.Process
}

// instance is the text of a vrrp_instance on eth0.
func instance(lines string, addresses ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "vrrp_instance web {\n  state BACKUP\n  interface eth0\n  virtual_router_id 51\n%s\n  virtual_ipaddress {\n", lines)
	for _, a := range addresses {
		fmt.Fprintf(&b, "    %s\n", a)
	}
	return b.String() + "  }\n}\n"
}

// start runs it with a configuration and waits until it is a backup.
func (k *keepalived) start(config string) {
	k.Helper()
	k.starts++
	k.dir = filepath.Join(k.host.Dir, fmt.Sprintf("keepalived-%d", k.starts))
	k.must(os.Mkdir(k.dir, 0o755))
	k.must(os.WriteFile(k.path("conf"), []byte(config), 0o600))
	p, err := k.host.Start(lab.Spec{
		Name: filepath.Base(k.dir), Path: program,
		Args: []string{"-n", "-l", "-D", "-P", "-f", k.path("conf"), "-p", k.path("pid"), "-r", k.path("vrrp.pid")},
	})
	k.must(err)
	k.parent = p
	k.Cleanup(func() {
		if k.Failed() {
			k.Logf("keepalived on %s said:\n%s", k.host, p.Log(8<<10))
		}
	})
	k.said("Entering BACKUP STATE", 1)
}

func (k *keepalived) path(name string) string { return filepath.Join(k.dir, name) }

// masters is how often it has become master since its start.
func (k *keepalived) masters() int {
	return strings.Count(k.parent.Log(16<<20), "Entering MASTER STATE")
}

// said waits until a text is in the log so often.
func (k *keepalived) said(text string, times int) {
	k.Helper()
	k.await("keepalived on "+k.host.Name+" says "+text, func(context.Context) error {
		if n := strings.Count(k.parent.Log(16<<20), text); n < times {
			return fmt.Errorf("it did %d times", n)
		}
		return nil
	})
}

// kill ends it without a farewell, and takes off what it left, as a host that is switched off would.
func (k *keepalived) kill(addresses ...string) {
	k.Helper()
	k.killThen(func() {
		for _, a := range addresses {
			k.ip("addr", "del", a, "dev", "eth0")
		}
	})
}

// killThen ends it without a farewell, and then does something. The parent is stopped first, which would
// otherwise start another child.
func (k *keepalived) killThen(do func()) {
	k.Helper()
	text, err := os.ReadFile(k.path("vrrp.pid"))
	k.must(err)
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	k.must(err)
	k.must(errors.Join(k.parent.Stop(), syscall.Kill(child, syscall.SIGKILL)))
	do()
	k.must(k.parent.Kill())
}

// ip runs the tool on its host.
func (k *keepalived) ip(args ...string) string {
	k.Helper()
	return k.ipOn(k.host, args...)
}

func (s *scene) ipOn(h *lab.Host, args ...string) string {
	s.Helper()
	out, err := h.Command(s.Context(), "ip", args...).CombinedOutput()
	if err != nil {
		s.Fatalf("ip %s on %s: %v: %s", strings.Join(args, " "), h, err, out)
	}
	return string(out)
}

// stop ends it cleanly.
func (k *keepalived) stop() {
	k.Helper()
	if err := k.parent.Terminate(k.wait()); err != nil {
		k.Logf("keepalived: %v", err)
	}
}
