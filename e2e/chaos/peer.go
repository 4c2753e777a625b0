package main

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

const keepalivedProgram = "/usr/sbin/keepalived"

// peer is a host beside the cluster on which keepalived runs, with the same virtual router.
type peer struct {
	host     *lab.Host
	priority int
	starts   int
	dir      string
	parent   *lab.Process
}

// start runs keepalived with files of its own.
func (p *peer) start() error {
	p.starts++
	p.dir = filepath.Join(p.host.Dir, fmt.Sprintf("keepalived-%d", p.starts))
	config := fmt.Sprintf("vrrp_instance shared {\n  state BACKUP\n  interface eth0\n  virtual_router_id %d\n  version 3\n  advert_int 0.2\n"+
		"  priority %d\n  virtual_ipaddress {\n    %s/24\n  }\n}\n", sharedID, p.priority, shared4)
	if err := errors.Join(os.MkdirAll(p.dir, 0o755), os.WriteFile(p.path("conf"), []byte(config), 0o600)); err != nil {
		return err
	}
	parent, err := p.host.Start(lab.Spec{
		Name: "keepalived", Path: keepalivedProgram,
		Args: []string{"-n", "-l", "-D", "-P", "-f", p.path("conf"), "-p", p.path("pid"), "-r", p.path("vrrp.pid")},
	})
	p.parent = parent
	return err
}

func (p *peer) path(name string) string { return filepath.Join(p.dir, name) }

// kill ends it without a farewell and takes off what it left, as a host that is switched off would. The parent is
// stopped first, which would otherwise start another child.
func (p *peer) kill(ctx context.Context) error {
	errs := []error{p.parent.Stop()}
	if text, err := os.ReadFile(p.path("vrrp.pid")); err == nil {
		child, err := strconv.Atoi(strings.TrimSpace(string(text)))
		errs = append(errs, err, syscall.Kill(child, syscall.SIGKILL))
	}
	// It may not have had the address.
	_ = p.host.Command(ctx, "ip", "addr", "del", shared4.String()+"/24", "dev", "eth0").Run()
	return errors.Join(append(errs, p.parent.Kill())...)
}

// revive starts it, if it does not run.
func (p *peer) revive(context.Context) error {
	select {
	case <-p.parent.Done():
		return p.start()
	default:
		return nil
	}
}

// stop ends it with a farewell.
func (p *peer) stop(ctx context.Context) error { return p.parent.Terminate(ctx) }
