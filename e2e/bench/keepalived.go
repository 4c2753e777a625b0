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
	"time"

	"vipd/e2e/lab"
)

// keepalived runs Debian's on each host, in the foreground and with its own files.
type keepalived struct {
	lab     *lab.Lab
	service service
	timing  advert
	daemons map[*lab.Host]*vrrpDaemon
	starts  int
}

// vrrpDaemon is one start of it: a parent, and the child that speaks VRRP.
type vrrpDaemon struct {
	parent *lab.Process
	dir    string
	raised bool // its configuration wants to have everything
}

func keepalivedVariant(name string, a advert) variant {
	return variant{
		name: name, roles: []role{anyRole}, patience: 20*a.interval + 10*time.Second,
		open: func(ctx context.Context, o lab.Options, s service) (system, error) {
			return openKeepalived(ctx, o, a, s)
		},
	}
}

func openKeepalived(ctx context.Context, o lab.Options, a advert, s service) (system, error) {
	l, err := lab.Create(ctx, o)
	if err != nil {
		return nil, err
	}
	k := &keepalived{lab: l, service: s, timing: a, daemons: map[*lab.Host]*vrrpDaemon{}}
	for _, h := range l.Hosts {
		if err := k.start(ctx, h); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	if err := k.settle(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return k, nil
}

func (k *keepalived) network() *lab.Lab { return k.lab }

func (k *keepalived) close() error { return k.lab.Close() }

func (k *keepalived) start(ctx context.Context, h *lab.Host) error {
	k.starts++
	d := &vrrpDaemon{dir: filepath.Join(h.Dir, fmt.Sprintf("keepalived-%d", k.starts))}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		return err
	}
	if err := k.configure(h, d); err != nil {
		return err
	}
	var err error
	d.parent, err = h.Start(lab.Spec{
		Name: filepath.Base(d.dir), Path: "/usr/sbin/keepalived",
		Args: []string{"-n", "-l", "-D", "-P", "-f", d.path("conf"), "-p", d.path("pid"), "-r", d.path("vrrp.pid")},
	})
	if err != nil {
		return err
	}
	k.daemons[h] = d
	want := len(k.service.groups)
	return until(ctx, fmt.Sprintf("keepalived on %s is a backup", h), func() (bool, error) {
		return strings.Count(d.parent.Log(16<<20), "Entering BACKUP STATE") >= want, nil
	})
}

func (k *keepalived) configure(h *lab.Host, d *vrrpDaemon) error {
	number := 1
	for i, other := range k.lab.Hosts {
		if other == h {
			number = i + 1
		}
	}
	return os.WriteFile(d.path("conf"), []byte(k.timing.config(k.service, number, d.raised)), 0o600)
}

func (d *vrrpDaemon) path(name string) string { return filepath.Join(d.dir, name) }

// child is the process that speaks VRRP.
func (d *vrrpDaemon) child() (int, error) {
	text, err := os.ReadFile(d.path("vrrp.pid"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func (k *keepalived) signalChild(h *lab.Host, s syscall.Signal) error {
	pid, err := k.daemons[h].child()
	if err != nil {
		return fmt.Errorf("find keepalived's child on %s: %w", h, err)
	}
	return syscall.Kill(pid, s)
}

// kill stops the parent first, which would otherwise start another child.
func (k *keepalived) kill(h *lab.Host) error {
	parent := k.daemons[h].parent
	return errors.Join(parent.Stop(), k.signalChild(h, syscall.SIGKILL), parent.Kill())
}

func (k *keepalived) freeze(h *lab.Host) error { return k.signalChild(h, syscall.SIGSTOP) }

func (k *keepalived) thaw(h *lab.Host) error { return k.signalChild(h, syscall.SIGCONT) }

func (k *keepalived) stop(ctx context.Context, h *lab.Host) error {
	return k.daemons[h].parent.Terminate(ctx)
}

// move raises the priority of another host, without nopreempt, and reloads it:
// the nearest that keepalived has.
func (k *keepalived) move(_ context.Context, from *lab.Host) error {
	for _, h := range k.lab.Hosts {
		if h != from {
			return k.raise(h, true)
		}
	}
	return errors.New("no other host")
}

func (k *keepalived) raise(h *lab.Host, raised bool) error {
	d := k.daemons[h]
	d.raised = raised
	if err := k.configure(h, d); err != nil {
		return err
	}
	return syscall.Kill(d.parent.Pid, syscall.SIGHUP)
}

// place takes the holder that there is: the hosts are alike.
func (k *keepalived) place(ctx context.Context, _ role) (*lab.Host, error) {
	if err := k.settle(ctx); err != nil {
		return nil, err
	}
	return holderOf(k.lab, k.service)
}

// settle lowers what move raised, waits for one holder, and then for as long as
// it takes until every backup has heard its adverts.
func (k *keepalived) settle(ctx context.Context) error {
	for h, d := range k.daemons {
		if d.raised {
			if err := k.raise(h, false); err != nil {
				return err
			}
		}
	}
	if err := awaitOneHolder(ctx, k.lab, k.service); err != nil {
		return err
	}
	if err := pause(ctx, k.timing.interval+200*time.Millisecond); err != nil {
		return err
	}
	return awaitOneHolder(ctx, k.lab, k.service)
}

func (k *keepalived) pids(h *lab.Host) []int {
	d := k.daemons[h]
	child, err := d.child()
	if err != nil {
		return []int{d.parent.Pid}
	}
	return []int{d.parent.Pid, child}
}

func (k *keepalived) leads(context.Context) (*lab.Host, error) { return nil, nil }

// changes counts how often an instance became master, as the logs say.
func (k *keepalived) changes(context.Context) (int, error) {
	n := 0
	for _, d := range k.daemons {
		n += strings.Count(d.parent.Log(64<<20), "Entering MASTER STATE")
	}
	return n, nil
}
